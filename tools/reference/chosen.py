"""The inputs of the main run: those of --inputs, else those that a golden holds, else made ones."""

import dataclasses
import inspect
import zipfile

import torch

from reference import signals
from reference.files import INPUT, load_tensors, without_prefix
from reference.inputs import Plan
from reference.messages import BAD_INPUT, Failure, failing, listing
from reference.recording import outputs_of
from reference.text import TEXTS

OF_IMAGES = ("pixel_", "image_", "video_", "grid_", "merge_sizes", "spatial_shapes", "target_sizes")  # beginnings
MAY_BE_SHARED = ("position_ids", "decoder_position_ids")  # one row may count for all


def read_inputs(path):
    """The tensors of a .safetensors or .npz file, named as PyTorch names them or as a trace does."""
    if zipfile.is_zipfile(path):
        import numpy

        with failing(BAD_INPUT, f"{path}: is no .npz file of numbers"), numpy.load(path, allow_pickle=False) as arrays:
            tensors = {name: torch.from_numpy(numpy.ascontiguousarray(arrays[name])) for name in arrays.files}
    else:
        tensors = load_tensors(path)
    inputs = without_prefix(tensors, INPUT) or tensors
    if not inputs:
        raise Failure(BAD_INPUT, f"{path}: holds no tensors; give the model's inputs by their names")
    return inputs


def check_inputs(inputs, model, signature, source):
    """The inputs with the types of the signature. Failure when the model cannot be called with them."""
    accepted = [name for name in inspect.signature(model.forward).parameters if name != "kwargs"]
    known = [spec.name for spec in signature.inputs] if signature.is_given else accepted
    unknown = inputs.keys() - set(known)
    if unknown:
        what = f"{type(model).__name__} has no inputs {listing(unknown)}; it takes {listing(known, limit=16)}"
        raise Failure(BAD_INPUT, f"{source}: {what}")
    checked = {name: check_input(name, tensor, signature, source) for name, tensor in inputs.items()}
    check_batches(checked, source)
    return checked


def check_input(name, tensor, signature, source):
    rank = signature.rank(name) if signature.is_given else None
    is_square_mask = name.endswith("attention_mask") and rank == 2 and tensor.dim() == 3
    if rank is not None and tensor.dim() != rank and not is_square_mask:
        what = f"{name} is {list(tensor.shape)}, of {tensor.dim()} dimensions; {rank} are wanted"
        raise Failure(BAD_INPUT, f"{source}: {what}: {list(signature.find(name).shape)} (-1: any size)")
    spec = signature.find(name)
    for size, wanted in zip(tensor.shape, spec.shape if signature.is_given and rank == len(spec.shape) else ()):
        if wanted > 0 and size != wanted:
            wanted_shape = f"{list(spec.shape)} is wanted (-1: any size)"
            raise Failure(BAD_INPUT, f"{source}: {name} is {list(tensor.shape)}; {wanted_shape}")
    if tensor.is_complex():
        raise Failure(BAD_INPUT, f"{source}: {name} holds complex numbers")
    if spec is None or name.endswith("mask"):
        return tensor.float() if spec is not None and spec.is_floating else tensor
    if spec.is_floating and not tensor.is_floating_point():
        raise Failure(BAD_INPUT, f"{source}: {name} holds integers ({tensor.dtype}); floats are wanted")
    if not spec.is_floating and tensor.is_floating_point():
        raise Failure(BAD_INPUT, f"{source}: {name} holds floats ({tensor.dtype}); integers are wanted")
    return tensor


def check_batches(inputs, source):
    """Texts and images may be of different number, all others not."""
    counted = {n: t.shape[0] for n, t in inputs.items() if not n.startswith(OF_IMAGES) and t.dim()}
    batches = {n: count for n, count in counted.items() if not (n in MAY_BE_SHARED and count == 1)}
    if len(set(batches.values())) > 1:
        sizes = ", ".join(f"{name} {count}" for name, count in batches.items())
        raise Failure(BAD_INPUT, f"{source}: the inputs are of different batch sizes: {sizes}")


def golden_inputs(path):
    return without_prefix(load_tensors(path), INPUT)


def choose_inputs(path, given, model, signature, maker):
    """The inputs, and the plan by which others can be made for the same model."""
    if given:
        inputs = check_inputs(read_inputs(given), model, signature, given)
    else:
        inputs = golden_inputs(path) if path.is_file() else {}
    if not inputs:
        return first_that_runs(plans_for(model, signature, TEXTS), model, signature, maker)
    return inputs, plan_for(model, signature, maker)


def plan_for(model, signature, maker):
    """A plan by which the model can be given other inputs than those that are there."""
    plans = plans_for(model, signature, texts=())
    try:
        return first_that_runs(plans, model, signature, maker)[1] if len(plans) > 1 else plans[0]
    except Failure:
        return plans[0]


def plans_for(model, signature, texts):
    """From the inputs that ask most of a model to those that every class takes."""
    plans = [Plan(texts=tuple(texts))]
    if signature.find("pixel_values") and signals.has_free_size(model.config, signature.find("pixel_values")):
        plans = [dataclasses.replace(plans[0], is_square=False), *plans]
    if {"input_ids", "decoder_input_ids"} <= set(signature.names()):
        plans += [dataclasses.replace(plan, decoder_shifts=True) for plan in plans]
    return plans


def first_that_runs(plans, model, signature, maker):
    """The inputs by the first plan that the model runs with, and the plan."""
    failures = []
    for plan in plans:
        try:
            inputs = maker.make(signature.names(), plan)
            if len(plans) > 1:
                outputs_of(model, inputs, 0)
            return inputs, plan
        except Failure as failure:
            failures.append(failure)
    raise failures[0]

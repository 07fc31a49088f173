"""Goldens: traces of small random models together with their weights, made from recipes."""

import json
import tempfile
from pathlib import Path

import torch

from reference import transformers5
from reference.cache import MADE_FROM
from reference.cells import call_cells, record_cells
from reference.chosen import plan_for
from reference.files import WEIGHT, load_tensors, write_trace
from reference.inputs import InputMaker
from reference.messages import BAD_INPUT, Failure, failing, summary
from reference.models import build_model, describe_config, field_of, find_class
from reference.recording import cast, describe_run, record_model
from reference.signature import read_signature
from reference.text import pad_id

SCALE = 0.25  # of random weights


def make_golden(recipe, signature, output, threads, made_from=None):
    """`signature`: as in a signature file, of the TensorFlow class; None for a trace without cells."""
    with failing(BAD_INPUT, f"the recipe of {output}: cannot be made"):
        if recipe.get("activations"):
            tensors, metadata = record_activations(recipe, threads)
        else:
            tensors, metadata = record_recipe(recipe, read_signature(signature), threads)
    metadata["recipe"] = json.dumps(recipe, sort_keys=True)
    if signature is not None:
        metadata["signature"] = json.dumps(signature)
    if made_from is not None:
        metadata[MADE_FROM] = made_from
    write_trace(output, tensors, metadata)


def record_recipe(recipe, signature, threads):
    model_class = find_class(recipe["class"])
    transformers5.check_config(recipe["config"], recipe["class"], f"the recipe {recipe['name']}")
    fields = {name: value for name, value in recipe["config"].items() if name != "model_type"}
    model = build_model(model_class, model_class.config_class(**fields), recipe["seed"])
    generator = torch.Generator().manual_seed(recipe["seed"])
    with torch.no_grad():
        randomize(model, generator, recipe.get("weight_scale", SCALE))
    with tempfile.TemporaryDirectory() as folder:  # as a checkpoint, which holds tied weights once
        model.to(getattr(torch, recipe.get("dtype", "float32"))).save_pretrained(folder)
        weights = load_tensors(Path(folder) / "model.safetensors")
    config = describe_config(model.config, recipe["class"])
    inputs = make_inputs(recipe["inputs"], model.config, generator)
    recording, metadata = record_model(model.float(), inputs, config, recipe["seed"], threads)
    tensors = {**recording.all_tensors(), **{WEIGHT + key: tensor for key, tensor in weights.items()}}
    if signature is None:
        return tensors, metadata
    maker = InputMaker(model, signature, recipe["name"], recipe["seed"])
    cells = call_cells(signature, recording.inputs, maker, plan_for(model, signature, maker))
    for cell in cells:
        cell.has_stages = False  # they are those of the main run, on other inputs
    recorded = record_cells(model, cells, recipe["seed"])
    if recorded.notes:
        raise Failure(BAD_INPUT, "; ".join(recorded.notes))
    return {**tensors, **without_on_request(recorded.tensors(), model.config)}, {**metadata, "cells": json.dumps(recorded.described())}


def without_on_request(tensors, config):
    """Of cells, whose calls return hidden states and attentions only where the configuration says so."""
    unwanted = [name for name in ("hidden_states", "attentions") if not getattr(config, f"output_{name}", False)]
    return {key: tensor for key, tensor in tensors.items() if not key.rstrip("0123456789").rstrip(".").endswith(tuple(unwanted))}


def randomize(model, generator, scale):
    """Gives every parameter a value that shows when it is misused: no bias is zero, no norm is one."""
    for path, parameter in model.named_parameters():
        owner, _, name = path.rpartition(".")
        noise = torch.randn(parameter.shape, generator=generator)
        is_scale = name == "weight" and "norm" in type(model.get_submodule(owner)).__name__.lower()
        parameter.copy_(1 + 0.1 * noise if is_scale else scale * noise)
    for path, buffer in model.named_buffers():
        if path.endswith("running_mean"):  # of batch normalization
            buffer.copy_(0.1 * torch.randn(buffer.shape, generator=generator))
        elif path.endswith("running_var"):
            buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))
        elif path.endswith("final_logits_bias"):  # of BART and its kin
            buffer.copy_(scale * torch.randn(buffer.shape, generator=generator))


def make_inputs(specs, config, generator):
    inputs = {name: make_input(name, spec, config, generator) for name, spec in specs.items()}
    for ids, mask in (("input_ids", "attention_mask"), ("decoder_input_ids", "decoder_attention_mask")):
        if ids in inputs and mask in inputs and inputs[ids].shape == inputs[mask].shape:
            inputs[ids] = inputs[ids].masked_fill(inputs[mask] == 0, pad_id(config))
    return inputs


def make_input(name, spec, config, generator):
    """One tensor by its description: {"values": list}, {"normal": shape}, {"random": shape, "high": n} (integers),
    {"mask": shape, "diagonal": true} (random zeros and ones) or {"lengths": list, "length": n, "side": "left", "shape":
    shape, "float": true} (ones for so many positions, padding after them, or before them; integers, or floats)."""
    if "values" in spec:
        return torch.tensor(spec["values"])
    if "normal" in spec:
        return torch.randn(spec["normal"], generator=generator)
    if "random" in spec:
        high = spec.get("high", field_of(config, "vocab_size", 2))
        return torch.randint(0, high, spec["random"], generator=generator)
    if "mask" in spec:
        mask = torch.randint(0, 2, spec["mask"], generator=generator)
        if spec.get("diagonal"):
            mask.diagonal(dim1=-2, dim2=-1).fill_(1)
        return mask
    if "lengths" in spec:
        lengths = torch.tensor(spec["lengths"]).unsqueeze(-1)
        positions = torch.arange(spec.get("length", int(lengths.max())))
        kept = positions >= len(positions) - lengths if spec.get("side") == "left" else positions < lengths
        return (kept.float() if spec.get("float") else kept.long()).reshape(spec.get("shape", kept.shape))
    raise Failure(BAD_INPUT, f"recipe: the input {name} needs one of random, normal, mask, lengths, values")


def record_activations(recipe, threads):
    """Every activation function of Transformers on one grid, except those with weights of their own."""
    from transformers.activations import ACT2FN

    x = torch.cat([torch.linspace(-12, 12, 257), torch.tensor([0.0, -0.0, 1e-8, -1e-8, 1e-3, -1e-3])])
    tensors, skipped = {"input.x": x}, {}
    for name in sorted(ACT2FN):
        try:
            function = ACT2FN[name]
        except Exception as error:
            skipped[name] = f"cannot be made without arguments ({summary(error)})"
            continue
        if any(True for _ in function.parameters()):
            skipped[name] = "has weights of its own"
            continue
        tensors[f"output.{name}"] = cast(function(x.clone()), torch.float32)
        tensors[f"output64.{name}"] = cast(function(x.double()), torch.float64)
    return tensors, {**describe_run(recipe["seed"], threads), "skipped": json.dumps(skipped)}

"""What a model is traced with: all of its inputs at once, their free axes, and the same inputs in other sizes."""

import dataclasses
import inspect

import torch

from reference import images_in_texts, patches, signals
from reference.cells import Cell
from reference.chosen import check_inputs, first_that_runs, plans_for, read_inputs
from reference.files import INPUT, load_tensors, without_prefix
from reference.further_inputs import FURTHER, further_names, rank_of
from reference.messages import BAD_INPUT, Failure
from reference.models import field_of
from reference.recording import call_model, cast, with_or_without_attentions
from reference.signature import MODALITIES, InputSpec, Signature, known_signature
from reference.text import TEXTS

# Sizes that are neither 1 nor a divisor of a usual size of a model, and no two of them alike.
LENGTHS, DECODER_LENGTHS, SOUNDS = (11, 7), (5, 3), (23.0, 14.3)
FIXED = {"bbox": (2,), "token_type_ids": (2,)}  # the four corners, and what Tapas is told of a token
# Of further cells: the batch, what the lengths of texts become, and what other sizes become.
LONGER, SHORTER = (lambda n: n + 3, lambda n: 3 * n // 2), (lambda n: max(2, n - 3), lambda n: 3 * n // 4)
OTHER = ((1, *LONGER), (3, *SHORTER), (1, lambda _: 1, lambda n: n))
FEWER = (lambda n: max(1, n - 1), lambda n: max(1, n // 2), lambda n: max(1, n // 4))
ALIKE = (*FEWER, lambda n: n + 1, lambda n: n + 2, lambda n: n + 3)
NEAR = ((2, *LONGER), (2, *SHORTER), *((2, other, other) for other in ALIKE))
MORE = {"bbox": (False, 3), "pixel_mask": (False, 3)}  # inputs beside those of signature_of: (floating, rank)


def widest_signature(model, path):
    """Every input that forward takes and whose making is known."""
    accepted, config = inspect.signature(model.forward).parameters, model.config
    found = [as_integers(spec) for spec in known_signature(model).serving]
    if "decoder_input_ids" not in accepted:  # the decoder reads something else, of some other length
        found = [spec for spec in found if spec.name != "decoder_attention_mask"]
    names = {spec.name for spec in found}
    if {"input_values", "input_features"} <= names and signals.spectra_shape(config, None) is None:
        found = [spec for spec in found if spec.name != "input_features"]  # of encoders of which one takes them
    for name, (is_floating, rank) in MORE.items():
        if name in accepted and name not in names:
            found.append(InputSpec(name, is_floating, (-1,) * rank))
    for name in further_names(accepted, config, is_needed_alone=not found):
        found.append(InputSpec(name, FURTHER[name].is_floating, (-1,) * rank_of(name, config)))
    if not found:
        raise Failure(BAD_INPUT, f"{path}: no inputs are known for {type(model).__name__}; give them with --inputs")
    if patches.is_of_patches(accepted) and "pixel_values" in names:
        found = with_shape(found, "pixel_values", (-1,) * (2 + patches.is_padded(accepted)))
    order = list(accepted)
    found.sort(key=lambda spec: order.index(spec.name))
    return signature_with(found)


def signature_with(specs):
    return Signature(tuple(specs), (), tuple(specs))


def with_shape(specs, name, shape):
    """The specs, the one of that name with another shape."""
    return [dataclasses.replace(spec, shape=shape) if spec.name == name else spec for spec in specs]


def as_integers(spec):
    """Masks as processors make them."""
    return InputSpec(spec.name, False, spec.shape) if spec.name.endswith("mask") else spec


def signatures(model, path):
    """Signatures to try one after the other: all inputs, the same with other shapes that some models have, then the text
    alone of a model that takes more."""
    signature = widest_signature(model, path)
    names, specs = signature.names(), signature.serving
    tried, bands = [signature], signals.bands(model.config)
    if "pixel_values" in names and len(signature.find("pixel_values").shape) == 4:
        tried.append(signature_with(with_shape(specs, "pixel_values", (-1,) * 5)))
    if "input_values" in names:
        tried.append(signature_with(with_shape(specs, "input_values", (-1, 1, -1))))
    if "input_features" in names and bands:
        tried.append(signature_with(with_shape(specs, "input_features", (-1, bands, -1))))
    size = field_of(getattr(model.config, "backbone_config", None), "image_size")
    if "pixel_values" in names and size:
        height, width = size if isinstance(size, (list, tuple)) else (size, size)
        tried.append(signature_with(with_shape(specs, "pixel_values", (-1, -1, height, width))))
    if "pixel_values" in names and "image_sizes" in inspect.signature(model.forward).parameters:
        sizes = InputSpec("image_sizes", FURTHER["image_sizes"].is_floating, (-1, -1))
        tried += [signature_with([*one.serving, sizes]) for one in tried]
    if "input_ids" in names and any(name in MODALITIES for name in names if name != "input_ids"):
        tried.append(signature_with(s for s in specs if s.name not in (*MODALITIES[1:], "pixel_mask", *FURTHER)))
    return tried


def traced_plans(model, signature, texts, has_images=True):
    """has_images: whether texts may speak of images."""
    changes = {"lengths": LENGTHS, "decoder_lengths": DECODER_LENGTHS, "sounds": SOUNDS}
    plans = [dataclasses.replace(plan, **changes) for plan in plans_for(model, signature, texts)]
    if has_images and images_in_texts.are_read(model, signature.names()):
        plans = [*(dataclasses.replace(plan, speaks_of_images=True) for plan in plans), *plans]
    return plans


def runs(model, inputs, seed):
    try:
        takes_attentions(model, inputs, seed)
        return True
    except Failure:
        return False


def takes_attentions(model, inputs, seed):
    """Whether attentions are among the results. Failure when the model cannot be run."""
    arguments = {name: cast(tensor, torch.float32) for name, tensor in inputs.items()}
    return with_or_without_attentions(lambda wanted: call_model(model, arguments, torch.float32, seed, wanted))[1]


def choose_traced_inputs(job, model, make_maker, has_images=True):
    """(inputs in the order of forward, their maker or None when they were given, the plan). `make_maker(signature)`.
    has_images: whether texts may speak of images."""
    given = read_inputs(job.inputs) if job.inputs else {}
    if not given and job.model and job.model.is_file():
        given = without_prefix(load_tensors(job.model), INPUT)
    if given:
        specs = tuple(InputSpec(n, t.is_floating_point(), (-1,) * t.dim()) for n, t in given.items())
        signature = Signature(specs, (), specs)
        return ordered(model, check_inputs(given, model, signature, job.inputs or job.model)), None, None
    failures = []
    for signature in signatures(model, job.model):
        maker = make_maker(signature)
        for texts in (TEXTS, ()):
            plans = traced_plans(model, signature, texts, has_images)
            try:
                inputs, plan = first_that_runs(plans, model, signature, maker)
                takes_attentions(model, inputs, job.seed)
                return ordered(model, inputs), maker, plan
            except Failure as failure:
                failures.append(failure)
    raise failures[0]


def ordered(model, inputs):
    order = list(inspect.signature(model.forward).parameters)
    names = sorted(inputs, key=lambda name: order.index(name) if name in order else len(order))
    return {name: cast(inputs[name], torch.float32).contiguous() for name in names}


def free_axes(model, inputs, seed):
    """{input: the axes that are to be free}: the batch, every axis of ids and masks, and those of images and sounds in
    whose size the model runs when it is another."""
    floating = {n: t for n, t in inputs.items() if t.is_floating_point() and not n.endswith("mask")}
    whole = {n: t for n, t in inputs.items() if n not in floating}
    sizes = {size for tensor in floating.values() for size in tensor.shape[1:]}
    fixed = {size for size in sizes if not has_other_sizes(model, inputs, size, seed)}

    def is_free(name, axis, size):
        if axis == 0 or name in whole:
            return axis not in FIXED.get(name, ()) and (axis == 0 or size not in fixed)
        return size not in fixed

    return {n: [axis for axis, size in enumerate(t.shape) if is_free(n, axis, size)] for n, t in inputs.items()}


def has_other_sizes(model, inputs, size, seed):
    if size < 2:
        return False
    free = {name: range(1, tensor.dim()) for name, tensor in inputs.items()}
    return any(runs(model, resized(inputs, free, {size: other}), seed) for other in (size // 2, 2 * size))


def resized(inputs, free, sizes):
    """The inputs with other sizes, {old: new}, on their free axes: what is there cut off, or repeated."""
    found = {}
    for name, tensor in inputs.items():
        for axis in free.get(name, ()):
            old = tensor.shape[axis]
            if old in sizes:
                tensor = tensor.index_select(axis, torch.arange(sizes[old]) % old)
        found[name] = tensor.contiguous()
    return found


def batches_of(inputs, free):
    return {tensor.shape[0] for name, tensor in inputs.items() if 0 in free.get(name, ())}


def other_sizes(inputs, free):
    """Cells that prove that free axes are free: a batch of one with another length, a batch of three with a third, and
    one of one position. Axes of the same size are of the same kind, and stay alike. A model may run with none of these, as
    where two lengths depend on each other: then such a batch of the lengths that are there is run."""
    return cells_of_sizes(inputs, free, OTHER)


def near_sizes(inputs, free):
    """Cells of sizes by which a graph is seen to be right only where a size can be divided by a number, or only where it is
    at least as large as another; and those of other_sizes with the example's batch, by which it is seen whether that is to
    blame."""
    return cells_of_sizes(inputs, free, NEAR)


def cells_of_sizes(inputs, free, wanted):
    """`wanted`: as in OTHER."""
    batches = batches_of(inputs, free)
    texts, signals = set(), set()
    for name, tensor in inputs.items():
        kind = signals if tensor.is_floating_point() and not name.endswith("mask") else texts
        kind.update(tensor.shape[axis] for axis in free.get(name, ()) if axis)
    texts -= signals | batches
    signals -= batches
    cells = []
    for batch, of_text, of_signal in wanted:
        of_batch = {n: batch for n in batches}
        sizes = of_batch | {n: of_text(n) for n in texts} | {n: of_signal(n) for n in signals}
        cell, instead = cell_of(inputs, resized(inputs, free, sizes)), cell_of(inputs, resized(inputs, free, of_batch))
        if cell and instead and instead.name not in {cell.name, *(one.instead.name for one in cells if one.instead)}:
            cell.instead = instead
        cells += [cell] if cell else []
    return list({cell.name: cell for cell in cells}.values())


def cell_of(inputs, made):
    """None where no size is another."""
    if all(made[name].shape == tensor.shape for name, tensor in inputs.items()):
        return None
    what = ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in made.items())
    return Cell(f"sizes:{name_of_sizes(made)}", f"other sizes: {what}", made)


def name_of_sizes(inputs):
    """The shapes, each once."""
    return "+".join(dict.fromkeys("x".join(map(str, tensor.shape)) for tensor in inputs.values()))


def program_signature(described):
    """The Signature of a program's inputs."""
    shapes = [tuple(size if isinstance(size, int) else -1 for size in one["shape"]) for one in described]
    kinds = [(one["name"], one["dtype"].startswith("float")) for one in described]
    specs = tuple(InputSpec(*kind, shape) for kind, shape in zip(kinds, shapes))
    return Signature(specs, (), specs, is_given=True)



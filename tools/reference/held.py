"""Inputs by whose numbers a model takes its way, as the grids by which images lie in one row of patches: held at what they
are, they are constants of the graph, and no inputs."""

import functools
import inspect

import torch

from reference.known import Known

FREE = ("_ids", "mask", "bbox", "position", "labels")  # parts of the names of those that never guide


def guiding_inputs(inputs):
    """{name: tensor} of those by which a model may take its way."""
    return {n: t for n, t in inputs.items() if not t.is_floating_point() and not any(part in n for part in FREE)}


def hold(model, held):
    """From now on the model is called without these inputs, and gets them as they are."""
    forward = model.forward
    signature = inspect.signature(forward)
    written = {name: (tensor.tolist(), tensor.dtype) for name, tensor in held.items()}

    @functools.wraps(forward)
    def holding(*arguments, **keywords):
        with Known():
            made = {name: torch.tensor(numbers, dtype=dtype) for name, (numbers, dtype) in written.items()}
            return forward(*arguments, **keywords, **made)

    holding.__signature__ = signature.replace(parameters=[p for n, p in signature.parameters.items() if n not in held])
    model.forward = holding


def release(model):
    """The model is called with all of its inputs again."""
    vars(model).pop("forward", None)


def described(held):
    """For the program file."""
    return [{"input": name, "value": tensor.tolist()} for name, tensor in held.items()]

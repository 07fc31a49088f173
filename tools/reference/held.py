"""Numbers by which a model takes its way, and which are known while it is traced.

Inputs, as the grids by which images lie in one row of patches: held at what they are, they are constants of the graph, and
no inputs. And small buffers, as the stride of a convolution or a layer's part in a schedule: they stay buffers.
"""

import contextlib
import functools
import inspect
from unittest import mock

import torch
from torch._subclasses import fake_tensor
from torch.export import _trace as trace

KNOWN = 4096  # elements of a constant that is computed while a model is traced
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
        made = {name: torch.tensor(numbers, dtype=dtype) for name, (numbers, dtype) in written.items()}
        return forward(*arguments, **keywords, **made)

    holding.__signature__ = signature.replace(parameters=[p for n, p in signature.parameters.items() if n not in held])
    model.forward = holding


@contextlib.contextmanager
def constants_known():
    """While a model is traced, what is computed of constants and of small buffers alone can be looked at."""
    limit = mock.patch.object(fake_tensor, "CONSTANT_NUMEL_LIMIT", KNOWN)
    buffers = mock.patch.object(trace, "_fakify_params_buffers", with_known_buffers(trace._fakify_params_buffers))
    with limit, buffers:
        yield


def with_known_buffers(fakify):
    """What makes a model's parameters and buffers fake, so that small buffers know their numbers."""

    @functools.wraps(fakify)
    def known(mode, model):
        fakes = fakify(mode, model)
        for name, buffer in model.named_buffers(remove_duplicate=False):
            if 0 < buffer.numel() <= KNOWN and not isinstance(buffer, fake_tensor.FakeTensor):
                fakes[name].constant = buffer.detach().clone()  # which nothing that the model does reaches
                mode.fake_tensor_converter.add_constant_storage_mapping(fakes[name])
        return fakes

    return known


def described(held):
    """For the program file."""
    return [{"input": name, "value": tensor.tolist()} for name, tensor in held.items()]

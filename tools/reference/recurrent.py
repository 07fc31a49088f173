"""Recurrent layers while a model is traced. PyTorch finds the sizes of what they give by taking them apart, step by step, so
that their length would be a number. Of those that are known as one operation the sizes are told here, and the length is free."""

import contextlib
import functools
from unittest import mock

import torch
from torch._C import DispatchKey
from torch._decomp import decomposition_table
from torch._subclasses.fake_tensor import FakeTensor

from reference.taken_apart import is_known

ATEN = torch.ops.aten
LAYERS = (ATEN.gru.input, ATEN.lstm.input, ATEN.rnn_relu.input, ATEN.rnn_tanh.input)
WAY = DispatchKey.CompositeImplicitAutograd


@contextlib.contextmanager
def lengths_left():
    """While a model is traced, recurrent layers do not fix the length of what they read. PyTorch looks for a way to take one
    apart in two places: in the layer while the model's own Python runs, and in the table when the graph is run again."""
    with contextlib.ExitStack() as stack:
        for layer in filter(is_known, LAYERS):
            told = sizes_told(decomposition_table[layer])
            stack.enter_context(mock.patch.dict(decomposition_table, {layer: told}))
            stack.enter_context(mock.patch.dict(layer.py_kernels, {WAY: told}))
            stack.callback(layer._dispatch_cache.clear)
        yield


def sizes_told(run):
    """A layer's way through its steps; of tensors that are sizes alone, what it gives without them."""

    @functools.wraps(run)
    def told(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first):
        if not isinstance(input, FakeTensor):
            return run(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)
        states = [hx] if isinstance(hx, torch.Tensor) else hx
        steps = input.new_empty((*input.shape[:-1], states[0].shape[-1] * (2 if bidirectional else 1)))
        return steps, *(state.new_empty(state.shape) for state in states)

    return told

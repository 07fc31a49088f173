"""What Transformers 5 does otherwise while a model is compiled, and need not while it is traced: torch.export as it is used
here runs the model's own Python.

A model collects hidden states and attentions while it runs, its parts collect theirs, and each has its own place for them.
While compiled there is one place for all, so that what a model collected before one of its parts ran is lost. And a mask
that hides nothing is made nevertheless, even where none was given and the model has no place for one. A module that is moved
to the type that it has stays what it is. And a diagonal is filled by a mask, which torch.export can follow in parts of tensors
too.
"""

import contextlib
import functools
import importlib
from unittest import mock

import torch
from torch._C import _functorch as functorch

LEFT_OUT = {
    "transformers.utils.output_capturing": "is_torchdynamo_compiling",
    "transformers.masking_utils": "is_torchdynamo_exporting",
    "transformers.models.recurrent_gemma.modeling_recurrent_gemma": "is_torchdynamo_compiling",  # another product, in 4
}
"""{module: the question that it is to answer with no}"""


def moving_where_needed(to):
    """Module.to, which while a model is traced cannot set parameters to what they are already."""

    @functools.wraps(to)
    def moved(module, *arguments, **keywords):
        device, dtype, *_ = torch._C._nn._parse_to(*arguments, **keywords)
        tensors = [*module.parameters(), *module.buffers()]
        is_there = device is None or all(tensor.device == device for tensor in tensors)
        is_so = dtype is None or all(tensor.dtype == dtype for tensor in tensors if tensor.is_floating_point())
        return module if is_there and is_so else to(module, *arguments, **keywords)

    return moved


def filling_by_mask(fill):
    """Tensor.fill_diagonal_."""

    @functools.wraps(fill)
    def filled(tensor, value, wrap=False):
        if tensor.dim() != 2 or wrap:
            return fill(tensor, value, wrap)
        return tensor.masked_fill_(torch.eye(*tensor.shape, dtype=torch.bool), value)

    return filled


@contextlib.contextmanager
def batches_left():
    """torch.vmap is a part of a traced graph, and where its beginning is run and fails before its end, whatever is computed
    afterwards would be a part of it."""
    try:
        yield
    finally:
        while functorch.maybe_current_level() is not None:
            functorch._vmap_decrement_nesting()


@contextlib.contextmanager
def as_in_a_run():
    """While a model is traced, it does what it does in a run."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(torch.nn.Module, "to", moving_where_needed(torch.nn.Module.to)))
        filled = filling_by_mask(torch.Tensor.fill_diagonal_)
        stack.enter_context(mock.patch.object(torch.Tensor, "fill_diagonal_", filled))
        for name, question in LEFT_OUT.items():
            with contextlib.suppress(ImportError):  # Transformers 4 has not all of them
                module = importlib.import_module(name)
                if hasattr(module, question):
                    stack.enter_context(mock.patch.object(module, question, lambda: False))
        yield

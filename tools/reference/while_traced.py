"""What Transformers 5 does otherwise while a model is compiled, and need not while it is traced: torch.export as it is used
here runs the model's own Python.

A model collects hidden states and attentions while it runs, its parts collect theirs, and each has its own place for them.
While compiled there is one place for all, so that what a model collected before one of its parts ran is lost. And a mask
that hides nothing is made nevertheless, even where none was given and the model has no place for one. A module that is moved
to the type that it has stays what it is. And a diagonal is filled by a mask, which torch.export can follow in parts of tensors
too. A size that is divided by torch.div is a size, and what is cut off at the end is none where its size is none. Distances
are those of differences: from 26 rows on, torch.cdist takes them from products, which is less exact. What a distribution is
made of is not looked at. And what packs sequences is refused, since its sizes depend on their lengths.
"""

import contextlib
import functools
import importlib
from unittest import mock

import torch
from torch._C import _functorch as functorch
from torch.overrides import TorchFunctionMode

from reference.messages import UNKNOWN_CLASS, Failure
from reference.windows import windows_by_axes

LEFT_OUT = {
    "transformers.utils.output_capturing": "is_torchdynamo_compiling",
    "transformers.masking_utils": "is_torchdynamo_exporting",
    "transformers.models.recurrent_gemma.modeling_recurrent_gemma": "is_torchdynamo_compiling",  # another product, in 4
}
"""{module: the question that it is to answer with no}"""
AS_MANY_AS_THERE_ARE, DIFFERENCES = "use_mm_for_euclid_dist_if_necessary", "donot_use_mm_for_euclid_dist"


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


def dividing_sizes(divide):
    """torch.div, which makes a tensor of a size, so that nothing is known of it."""

    @functools.wraps(divide)
    def divided(input, other, *, rounding_mode=None, **keywords):
        sizes = (input, other)
        is_of_sizes = all(isinstance(one, (int, torch.SymInt)) for one in sizes) and rounding_mode and not keywords
        if is_of_sizes and any(isinstance(one, torch.SymInt) for one in sizes) and input >= 0 and other > 0:
            return input // other
        return divide(input, other, rounding_mode=rounding_mode, **keywords)

    return divided


def distances_of_differences(cdist):
    """torch.cdist, which takes another way for more than 25 rows."""

    @functools.wraps(cdist)
    def measured(x1, x2, p=2.0, compute_mode=AS_MANY_AS_THERE_ARE):
        return cdist(x1, x2, p, DIFFERENCES if compute_mode == AS_MANY_AS_THERE_ARE else compute_mode)

    return measured


def refusing_to_pack(_):
    """torch.nn.utils.rnn.pack_padded_sequence's own."""

    def refused(*_):
        what = "the model packs sequences (pack_padded_sequence), and how much there is then depends on the numbers in the inputs"
        raise Failure(UNKNOWN_CLASS, f"{what}; let its recurrent layers run on the padded sequences")

    return refused


def counted_from_the_front(cut, size):
    """The slice `:-n` of an axis as `:size - n`, which is right for a symbolic n that may become 0, too."""
    if not isinstance(cut, slice) or cut.step is not None or not isinstance(cut.stop, torch.SymInt) or cut.stop >= 0:
        return cut
    return slice(cut.start, size + cut.stop)


class CutsFromTheFront(TorchFunctionMode):
    """Tensor.__getitem__: a model that pads where it must cuts off where it padded. It is entered by what is traced, so that
    it comes before torch.export's own. The method itself cannot be replaced: a tensor would be a sequence to Python ever
    after."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.__getitem__:
            tensor, places = args
            cuts = places if isinstance(places, tuple) else (places,)
            if all(isinstance(cut, slice) for cut in cuts):
                args = (tensor, tuple(counted_from_the_front(*pair) for pair in zip(cuts, tensor.shape)))
        return func(*args, **(kwargs or {}))


REPLACED = (
    (torch.nn.Module, "to", moving_where_needed),
    (torch.Tensor, "fill_diagonal_", filling_by_mask),
    (torch, "div", dividing_sizes),
    (torch.Tensor, "as_strided", windows_by_axes),
    (torch, "as_strided", windows_by_axes),
    (torch, "cdist", distances_of_differences),
    (torch._VF, "_pack_padded_sequence", refusing_to_pack),
    (torch.distributions.Distribution, "_validate_args", lambda _: False),
)


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
        for owner, name, other in REPLACED:
            stack.enter_context(mock.patch.object(owner, name, other(getattr(owner, name))))
        for name, question in LEFT_OUT.items():
            with contextlib.suppress(ImportError):  # Transformers 4 has not all of them
                module = importlib.import_module(name)
                if hasattr(module, question):
                    stack.enter_context(mock.patch.object(module, question, lambda: False))
        yield

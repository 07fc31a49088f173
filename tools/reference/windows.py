"""Windows that overlap, as models make them with as_strided, which says how far apart elements lie in memory.

A graph knows of no memory. While a model is traced, such windows are made with unfold, which says the same of an axis.
"""

import functools
import math
import sys

import sympy
import torch
from torch.fx.experimental.symbolic_shapes import statically_known_true

from reference.refusals import is_of_a_model


def windows_by_axes(as_strided):
    """Tensor.as_strided, where the model calls it."""

    @functools.wraps(as_strided)
    def viewed(tensor, size, stride, storage_offset=None):
        windows = None
        if storage_offset is None and is_of_a_model(sys._getframe(1).f_code.co_filename):
            windows = windows_of(tensor, list(zip(size, stride)))
        return as_strided(tensor, size, stride, storage_offset) if windows is None else windows

    return viewed


def windows_of(tensor, wanted):
    """The tensor with these (size, step in memory) as axes: each is one of its own, or two are windows and what is in a
    window. None where they are something else."""
    given = [pair for pair in zip(tensor.shape, tensor.stride()) if not is_same(pair[0], 1)]
    sizes = [size for size, _ in wanted]
    wanted = [pair for pair in wanted if not is_same(pair[0], 1)]
    made, axis = tensor.reshape([size for size, _ in given]), 0
    while wanted and given:
        size, step = wanted.pop(0)
        if is_same(size, given[0][0]) and is_same(step, given[0][1]):
            given.pop(0)
            axis += 1
            continue
        parts = parts_until(given, wanted[0][1]) if wanted else []
        if not parts or ratio(step, wanted[0][1]) is None or not isinstance(wanted[0][0], int):
            return None
        length, given = math.prod(size for size, _ in parts), given[len(parts) :]
        inside, each = wanted.pop(0)
        made = made.reshape(*made.shape[:axis], length, *made.shape[axis + len(parts) :])
        made = made.unfold(axis, inside, ratio(step, each)).narrow(axis, 0, size).movedim(-1, axis + 1)
        axis += 2
    return None if wanted or given else made.reshape(sizes)


def parts_until(given, step):
    """The first axes that together are one whose elements lie that far apart."""
    for count, (_, last) in enumerate(given, 1):
        if is_same(last, step):
            return given[:count]
        if count == len(given) or not is_same(last, given[count][0] * given[count][1]):
            return []
    return []


def is_same(one, other):
    """Whether sizes are the same whatever the symbols are."""
    return statically_known_true(one == other)


def ratio(one, other):
    """How often a size holds another one, whatever the symbols are; None where that is no whole number."""
    found = expression(one) / expression(other)
    return int(found) if found.is_Integer and found > 0 else None


def expression(size):
    return size.node.expr if isinstance(size, torch.SymInt) else sympy.Integer(size)

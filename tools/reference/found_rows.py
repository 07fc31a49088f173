"""Loops over the experts of a mixture, each of which takes the rows that were routed to it: how many there are is known
only when the model runs.

What is computed holds for any number of rows, none too. But a loop that leaves out what has no rows asks how many there
are. Here it finds some everywhere: with no rows an expert adds nothing, which is what leaving it out does. That it is so is
not taken for granted: the caller compares the traced model with one that was not.
"""

import contextlib
import functools
from unittest import mock

import torch
from torch.fx.experimental import symbolic_shapes

from reference.traced_graph import ASSERTIONS

FEW = 2  # for torch a size of one is a kind of its own
MOST = 4096  # turns of a loop


def least_few(constrain):
    """What tells the limits of a size that the data decide."""

    @functools.wraps(constrain)
    def constrained(env, size, min=None, max=None):
        is_free = max is None or max >= FEW
        return constrain(env, size, FEW if is_free and (min is None or min < FEW) else min, max)

    return constrained


def turns_of(places):
    """How many turns a loop over the rows of a tensor has at most, where the data decide; None where they do not, or where
    there is no limit. places: [rows, 1], where a list of things to do something with is true."""
    if places.dim() != 2 or places.dtype != torch.int64 or places.shape[1] != 1:
        return None
    rows = getattr(getattr(places.shape[0], "node", None), "expr", None)
    if not symbolic_shapes.free_unbacked_symbols(places.shape[0]) or not getattr(rows, "is_Symbol", False):
        return None
    most = places.shape[0].node.shape_env.var_to_range[rows].upper
    return int(most) if most.is_Integer and most <= MOST else None


def all_turns(iterate):
    """Tensor.__iter__, which goes over all places where something may be found."""

    @functools.wraps(iterate)
    def iterated(tensor):
        turns = turns_of(tensor)
        return iterate(tensor) if turns is None else iter([torch.tensor([turn]) for turn in range(turns)])

    return iterated


def without_assertions(decompose):
    """ExportedProgram.run_decompositions; the program that it makes does not assert how many rows there are."""

    @functools.wraps(decompose)
    def decomposed(*arguments, **keywords):
        program = decompose(*arguments, **keywords)
        graph = program.graph_module.graph
        for node in reversed(graph.nodes):
            if ASSERTIONS.match(str(node.target)):
                graph.erase_node(node)
        program.graph_module.recompile()
        return program

    return decomposed


@contextlib.contextmanager
def rows_everywhere():
    """While a model is traced, whatever it looks for is found."""
    replaced = (
        (symbolic_shapes.ShapeEnv, "_constrain_range_for_size", least_few),
        (torch.Tensor, "__iter__", all_turns),
        (torch.export.ExportedProgram, "run_decompositions", without_assertions),
    )
    with contextlib.ExitStack() as stack:
        for owner, name, other in replaced:
            stack.enter_context(mock.patch.object(owner, name, other(getattr(owner, name))))
        yield

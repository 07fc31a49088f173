"""Loops over the experts of a mixture, each of which takes the rows that were routed to it: how many there are is known
only when the model runs.

What is computed holds for any number of rows, none too. But a loop that leaves out what has no rows asks how many there
are. Here it finds some everywhere: with no rows an expert adds nothing, which is what leaving it out does. So it is with a
mask that is left out where it hides nothing: here it is applied. That it is so is not taken for granted: the caller compares
the traced model with one that was not. But that compares one way with one way. Where a truth leads, the models of
Transformers are known to ask for no more than that; others may ask for anything, and decided.py has their truths.
"""

import contextlib
import functools
import sys
from unittest import mock

import sympy
import torch
from torch.fx.experimental import symbolic_shapes

from reference.refusals import is_of_a_model
from reference.traced_graph import ASSERTIONS

FEW = 2  # for torch a size of one is a kind of its own
MOST = 4096  # turns of a loop
KNOWN = ("transformers.",)  # beginnings of the names of modules of Python that ask for no more
MASKS = ("_update_mamba_mask", "_update_linear_attn_mask")
"""Methods of models of Transformers 4, which drop a mask that hides nothing, and where there is a cache."""


def least_few(constrain):
    """What tells the limits of a size that the data decide."""

    @functools.wraps(constrain)
    def constrained(env, size, min=None, max=None):
        is_free = max is None or max >= FEW
        return constrain(env, size, FEW if is_free and (min is None or min < FEW) else min, max)

    return constrained


def turns_of(places, spare):
    """How many turns a loop over the rows of a tensor has at most, where the data decide; None where they do not, or where
    there is no limit. places: [rows] or [rows, 1], where a list of things to do something with is true; `spare` of them
    never are."""
    if places.dtype != torch.int64 or places.dim() not in (1, 2):
        return None
    if places.dim() == 2 and not (isinstance(places.shape[1], int) and places.shape[1] == 1):
        return None
    rows = getattr(getattr(places.shape[0], "node", None), "expr", None)
    if not symbolic_shapes.free_unbacked_symbols(places.shape[0]) or not getattr(rows, "is_Symbol", False):
        return None
    most = places.shape[0].node.shape_env.var_to_range[rows].upper
    return int(most) - spare if most.is_Integer and most <= MOST else None


def all_turns(iterate, spare):
    """Tensor.__iter__, which goes over all places where something may be found."""

    @functools.wraps(iterate)
    def iterated(tensor):
        turns = turns_of(tensor, spare)
        if turns is None:
            return iterate(tensor)
        return iter([torch.tensor([turn] if tensor.dim() == 2 else turn) for turn in range(turns)])

    return iterated


def all_places(listed, spare):
    """Tensor.tolist, which lists all of them."""

    @functools.wraps(listed)
    def found(tensor):
        turns = turns_of(tensor, spare) if tensor.dim() == 1 else None
        return listed(tensor) if turns is None else list(range(turns))

    return found


def written(words):
    """Tensor.__format__, which writes a number that is known, as that of a turn in the name of its expert."""

    @functools.wraps(words)
    def known(tensor, how):
        number = getattr(tensor, "constant", None)
        return words(tensor, how) if number is None or number.dim() else format(number.item(), how)

    return known


def is_asked_by_known():
    """Whether what is asked now is asked by the source of a model that is known."""
    frame = sys._getframe(1)
    while frame is not None and not is_of_a_model(frame.f_code.co_filename):
        frame = frame.f_back
    return frame is not None and frame.f_globals.get("__name__", "").startswith(KNOWN)


def leading(find, answer):
    """torch.all or torch.any, whose one truth is the answer when it leads the way: a mask of which not all is one, or any is
    nothing, is applied, which where it hides nothing changes nothing."""

    @functools.wraps(find)
    def asked(*arguments, **keywords):
        truth = find(*arguments, **keywords)
        if not truth.dim():
            truth.answer = answer
        return truth

    return asked


def answered(is_true):
    """Tensor.__bool__ beside `leading`."""

    @functools.wraps(is_true)
    def asked(tensor):
        answer = getattr(tensor, "answer", None)
        return is_true(tensor) if answer is None or not is_asked_by_known() else answer

    return asked


def counts_agree(evaluate):
    """ShapeEnv._evaluate_expr, which takes it that sizes are the same where the model refuses others: as many features of
    images as there are tokens for them."""

    @functools.wraps(evaluate)
    def evaluated(env, expression, *arguments, **keywords):
        try:
            return evaluate(env, expression, *arguments, **keywords)
        except symbolic_shapes.GuardOnDataDependentSymNode:
            if isinstance(expression, sympy.Ne) and is_asked_by_known():
                return sympy.false
            raise

    return evaluated


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


def as_given(attention_mask, *_):
    return attention_mask


@contextlib.contextmanager
def rows_everywhere(model, spare):
    """While the model is traced, whatever it looks for is found. spare: how many of a loop's experts there are not, as where
    one more is counted for rows that are nobody's: with rows for it the model could not be run."""
    replaced = (
        (symbolic_shapes.ShapeEnv, "_constrain_range_for_size", least_few),
        (symbolic_shapes.ShapeEnv, "_evaluate_expr", counts_agree),
        (torch.Tensor, "__iter__", functools.partial(all_turns, spare=spare)),
        (torch.Tensor, "tolist", functools.partial(all_places, spare=spare)),
        (torch.Tensor, "__format__", written),
        (torch.Tensor, "__bool__", answered),
        (torch, "all", functools.partial(leading, answer=False)),
        (torch, "any", functools.partial(leading, answer=True)),
        (torch.Tensor, "__ne__", functools.partial(leading, answer=False)),
        (torch.export.ExportedProgram, "run_decompositions", without_assertions),
    )
    with contextlib.ExitStack() as stack:
        for owner, name, other in replaced:
            stack.enter_context(mock.patch.object(owner, name, other(getattr(owner, name))))
        for module, name in ((module, name) for module in model.modules() for name in MASKS if hasattr(module, name)):
            stack.enter_context(mock.patch.object(module, name, as_given))
        yield

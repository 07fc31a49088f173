"""Truths by which a model takes its way, as whether any token attends to all: each is what it is for the inputs that the
model is traced with.

The graph then holds where they are the same, and asserts it, so that a call in which one is another fails in place of
giving numbers of another way. Numbers are not decided: they become sizes.
"""

import contextlib
import dataclasses
import functools
import linecache
import os
import sys
from unittest import mock

import torch

from reference.refusals import at, is_of_a_layer, is_of_a_model, source_of_node
from reference.traced_graph import module_of

MOST = 64  # truths: more of them are no choice of a way
MARK = "decided: "  # begins the message of an assertion of ours
ASKING = ("__bool__", "item")  # of a tensor
ALL = "all("  # in a line that asks whether a mask hides nothing


class Places:
    """The questions of one call of a model, each by its line and by how many were asked there before."""

    def __init__(self):
        self.counts = {}

    def of(self, tensor):
        """(file, line, number) of the question that is being asked of the tensor; None where it is no truth or none that
        the model asks."""
        if tensor.dtype != torch.bool or tensor.dim():
            return None
        frame = sys._getframe(1)
        while frame.f_code.co_filename == __file__:
            frame = frame.f_back
        if not is_of_a_model(frame.f_code.co_filename) and not is_of_a_layer(frame.f_code.co_filename):
            return None
        line = (frame.f_code.co_filename, frame.f_lineno)
        self.counts[line] = self.counts.get(line, -1) + 1
        return (*line, self.counts[line])


@contextlib.contextmanager
def asked_by(answering):
    """While it lasts, `answering(ask, tensor)` answers what a tensor is asked."""
    with contextlib.ExitStack() as stack:
        for name in ASKING:
            ask = getattr(torch.Tensor, name)
            stack.enter_context(mock.patch.object(torch.Tensor, name, answer_of(ask, answering)))
        yield


def answer_of(ask, answering):
    @functools.wraps(ask)
    def asked(tensor):
        return answering(ask, tensor)

    return asked


def truths_of(run):
    """{place: truth} of what a model asks while `run` calls it; nothing where that is too much."""
    found, places = {}, Places()

    def noted(ask, tensor):
        answer, place = ask(tensor), places.of(tensor)
        if place is not None:
            found[place] = bool(answer)
        return answer

    with asked_by(noted):
        run()
    return found if len(found) <= MOST else {}


def of_masks(padded, unpadded):
    """The places where a model asks whether a mask hides nothing, so as to leave it out then: of truths with texts that are
    padded, and with the same ones that are not."""
    return frozenset(place for place, truth in padded.items() if not truth and unpadded.get(place) and ALL in line_of(place))


@contextlib.contextmanager
def decided(truths=(), left_open=frozenset()):
    """While a model is traced once, what it asks is what it was, and the graph asserts it, but for the places of
    `left_open`."""
    places = Places()

    def deciding(ask, tensor):
        place = places.of(tensor)
        if place not in truths or getattr(tensor, "constant", None) is not None:
            return ask(tensor)
        if place in left_open:
            return truths[place]
        torch._assert_async(tensor if truths[place] else tensor.logical_not(), f"{MARK}{said(place, truths[place])}")
        return truths[place]

    with asked_by(deciding):
        yield


def said(place, truth):
    """"`if x.any():` is False" """
    return f"`{line_of(place)}` is {truth}"


def line_of(place):
    file, line, _ = place
    return linecache.getline(file, line).strip()


@dataclasses.dataclass(frozen=True)
class Decision:
    """A truth that a traced graph asserts."""

    node: object  # which is to be true
    where: str  # "in encoder at modeling_longformer.py:1247"
    what: str  # "`if x.any():` is False"


def is_decided(node):
    """Whether a node of a traced graph asserts a truth that was decided."""
    return node.target is torch.ops.aten._assert_async.msg and node.args[1].startswith(MARK)


def decisions(graph):
    """Those of a traced graph."""
    return [
        Decision(node.args[0], at(module_of(node), source_of_node(node)), node.args[1].removeprefix(MARK))
        for node in graph.nodes
        if is_decided(node)
    ]


def described(decision, model):
    """For the program file."""
    why = f"{model}, {decision.where}: {decision.what} for the inputs that the model was converted with, and not for these"
    message = f"{why}, for which PyTorch takes another way; convert the model with such inputs (--inputs)"
    return {"node": decision.node.name, "message": message}


def note(decision):
    return f"{decision.where} {decision.what}: the graph is that of such inputs, and fails for others"


def note_of_mask(place):
    """`place`: one of of_masks."""
    where = f"{os.path.basename(place[0])}:{place[1]}"
    what = "PyTorch leaves out a mask that hides nothing; the graph applies it, which gives the same"
    return f"at {where} `{line_of(place)}`: {what}"

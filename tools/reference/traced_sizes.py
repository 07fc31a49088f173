"""Whether a traced graph holds for other sizes of its inputs.

torch.export takes one way through a model, and writes down what it assumed of the sizes on that way. Most of that does
not matter, as that a length is not 1; some of it does, as that an image needs no padding. So where an assumption does
not hold, the graph is run, and compared with the model.
"""

import re

import torch
from torch._subclasses.fake_tensor import FakeTensor

from reference.complex_numbers import as_pairs
from reference.decided import decisions
from reference.messages import Failure
from reference.recording import call_model, named_tensors

SAME = 1e-3  # relative: another way through a model gives other numbers altogether
AXES = re.compile(r"L\['(\w+)'\]\.size\(\)\[(\d+)\]")  # in a guard
OF_ONE = re.compile(r"^\S+ (!=|>) 1$")  # a guard that says that something is not one, which is seldom meant
WORDS = {"min": min, "max": max, "abs": abs, "__builtins__": {}}


class AnySizes:
    """A judge of Attempts that takes every one."""

    def is_right(self, attempt):
        return True

    def blamed(self, attempt):
        return set()

    def varied(self, attempt):
        return set()


class OtherSizes:
    """A judge of Attempts: do they hold for other sizes? `cells_for(free axes)` makes the inputs, and `near(free axes)` those
    of sizes close to the example's."""

    def __init__(self, model, inputs, cells_for, near, attentions, seed):
        self.model, self.inputs, self.cells_for, self.near = model, inputs, cells_for, near
        self.attentions, self.seed = attentions, seed

    def is_right(self, attempt):
        return all(self.verdict(attempt, cell.inputs, cell.instead) is not False for cell in self.cells_of(attempt))

    def blamed(self, attempt):
        """{(input, axis)} of which an assumption does not hold where the graph is wrong. There may be more sizes than one for
        which it is: those are taken that blame the fewest axes, as they change no others."""
        wrong = [cell.inputs for cell in self.cells_of(attempt) if self.verdict(attempt, cell.inputs, cell.instead) is False]
        return min(filter(None, (self.blamed_for(attempt, inputs) for inputs in wrong)), key=len, default=set())

    def blamed_for(self, attempt, inputs):
        """Those that have another size than in the example; with them those that are alike, of which a guard names one."""
        axes = [(name, axis) for name, tensor in self.inputs.items() for axis in range(tensor.dim())]
        size = {(name, axis): self.inputs[name].shape[axis] for name, axis in axes}
        broken = {guard for guard in attempt.guards if not OF_ONE.search(guard) and not holds(guard, inputs)}
        named = {(name, int(axis)) for guard in broken for name, axis in AXES.findall(guard)}
        changed = {size[one] for one in named if one in size and inputs[one[0]].shape[one[1]] != size[one]}
        return {one for one in axes if size[one] in changed}

    def varied(self, attempt):
        """{(input, axis)} of which another size was seen to be right."""
        seen = [cell.inputs for cell in self.cells_of(attempt) if self.verdict(attempt, cell.inputs)]
        pairs = [(name, tensor.shape, inputs[name].shape) for inputs in seen for name, tensor in self.inputs.items()]
        return {(name, axis) for name, one, other in pairs for axis in range(len(one)) if one[axis] != other[axis]}

    def cells_of(self, attempt):
        """Those close by are of no use where a truth is decided, which may be another for a part of the inputs."""
        free = free_in(attempt.program, self.inputs)
        return self.cells_for(free) + ([] if decisions(attempt.program.graph) else self.near(free))

    def verdict(self, attempt, inputs, instead=None):
        """Whether the graph is right for these inputs; for those of `instead`, a cell, where PyTorch cannot be run with them;
        None where it can be run with neither. Each is run once: a judge is asked several things of an Attempt."""
        sizes = tuple(tensor.shape for tensor in inputs.values())
        if sizes not in attempt.verdicts:
            attempt.verdicts[sizes] = self.found(attempt, inputs)
        found = attempt.verdicts[sizes]
        return self.verdict(attempt, instead.inputs) if found is None and instead else found

    def found(self, attempt, inputs):
        """Whether the graph is right for these inputs; None where PyTorch cannot be run with them."""
        is_told = attempt.is_whole and not attempt.is_lenient and not decisions(attempt.program.graph)
        if is_told and all(holds(guard, inputs) for guard in attempt.guards):
            return True
        try:
            return is_same(self.model, attempt.run, inputs, self.attentions, self.seed)
        except Failure:
            return None


def is_same(model, graph, inputs, attentions, seed):
    """Whether a traced graph, as a function, gives what the model does. Failure where the model cannot be run."""
    expected = call_model(model, inputs, torch.float32, seed, attentions)
    try:
        with torch.no_grad():
            outputs, _ = graph(**inputs)
    except Exception:  # the graph's shapes do not fit, or what was decided is not so
        return False
    return all(is_close(*pair) for pair in zip(named_tensors(expected).values(), outputs))


def holds(guard, inputs):
    try:
        return bool(eval(guard, dict(WORDS), {"L": inputs}))
    except Exception:  # of operations on sizes that are torch's own
        return False


def is_close(expected, found):
    if expected.shape != found.shape:
        return False
    if isinstance(expected, FakeTensor):
        return True  # there are no numbers
    expected, found = as_pairs(expected), as_pairs(found)
    if not expected.is_floating_point() or not expected.numel():
        return torch.equal(expected, found)
    finite = expected.isfinite() & found.isfinite()
    expected, found = expected[finite].double(), found[finite].double()
    return not expected.numel() or bool((expected - found).abs().max() <= SAME * max(1e-6, expected.abs().max()))


def free_in(program, inputs):
    """{input: its axes that have no fixed size}."""
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    specs = [spec for spec in program.graph_signature.input_specs if spec.kind.name == "USER_INPUT"]
    shapes = [nodes[spec.arg.name].meta["val"].shape for spec in specs]
    return {n: [axis for axis, size in enumerate(shape) if number_of(size) is None] for n, shape in zip(inputs, shapes)}


def number_of(size):
    """A size that is fixed, else None."""
    if isinstance(size, int):
        return size
    return size.node.maybe_as_int()

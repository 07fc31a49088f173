"""Whether a traced graph holds for other sizes of its inputs.

torch.export takes one way through a model, and writes down what it assumed of the sizes on that way. Most of that does
not matter, as that a length is not 1; some of it does, as that an image needs no padding. So where an assumption does
not hold, the graph is run, and compared with the model.
"""

import torch
from torch._subclasses.fake_tensor import FakeTensor

from reference.decided import decisions
from reference.messages import Failure
from reference.recording import call_model, named_tensors

SAME = 1e-3  # relative: another way through a model gives other numbers altogether
WORDS = {"min": min, "max": max, "abs": abs, "__builtins__": {}}


class OtherSizes:
    """A question to an Attempt: does it hold for other sizes? `cells_for(free axes)` makes the inputs."""

    def __init__(self, model, inputs, cells_for, attentions, seed):
        self.model, self.inputs, self.cells_for = model, inputs, cells_for
        self.attentions, self.seed = attentions, seed

    def __call__(self, attempt):
        free = free_in(attempt.program, self.inputs)
        return all(self.is_right(attempt, cell) for cell in self.cells_for(free))

    def is_right(self, attempt, cell):
        inputs = cell.inputs
        is_told = not attempt.is_taken_apart and not decisions(attempt.program.graph)
        if is_told and all(holds(guard, inputs) for guard in attempt.guards):
            return True
        try:
            return is_same(self.model, attempt.program, inputs, self.attentions, self.seed)
        except Failure:  # PyTorch cannot be run with these sizes either
            return cell.instead is None or self.is_right(attempt, cell.instead)


def is_same(model, program, inputs, attentions, seed):
    """Whether a traced graph gives what the model does. Failure where the model cannot be run."""
    expected = call_model(model, inputs, torch.float32, seed, attentions)
    try:
        with torch.no_grad():
            outputs, _ = program.module(check_guards=False)(**inputs)
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

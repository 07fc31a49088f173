"""One attempt of torch.export at a model: a graph of ATen operations for the axes that are to be free.

What every module returned is in the graph too, under the names that a recording gives it: hooks hand a copy of each
floating tensor on to the model's result. The copies are seen through afterwards, so that a stage costs no node.
"""

import contextlib
import dataclasses
import functools

import torch
from torch.export import Dim
from torch.fx.experimental import _config as symbolic_shapes
from torch.utils import _pytree as pytree

from reference.calls import float_tensors, source_of
from reference.decided import decided, decisions, is_decided
from reference.kept import nothing_kept
from reference.known import constants_known
from reference.limited import limited_in_the_graph
from reference.messages import UNKNOWN_CLASS, Failure
from reference.recording import named_tensors, options_for
from reference.recurrent import lengths_left
from reference.taken_apart import ways_to_take_apart
from reference.traced_graph import ASSERTIONS
from reference.while_traced import CutsFromTheFront, as_in_a_run, batches_left
from reference.without_loops import loops_replaced


ATEN = torch.ops.aten
COPIES = (
    *(ATEN._to_copy.default, ATEN.to.dtype, ATEN.to.dtype_layout, ATEN.to.device),
    *(ATEN.clone.default, ATEN.alias.default, ATEN.detach.default),
)


@dataclasses.dataclass
class Stage:
    """A call of a module, in the order in which the calls returned."""

    path: str
    call: int
    module_class: str
    source: str  # file:line
    caller: str  # the path of the module that called
    count: int  # how many floating tensors it returned


@dataclasses.dataclass
class Traced:
    """What torch.export made of a model. Nodes are those of `program.graph`."""

    program: object  # torch.export.ExportedProgram
    outputs: dict  # name: node
    stages: list  # of (Stage, [node])
    asked: dict  # input: the axes that were to be free
    has_found: bool = False  # whether it is taken that whatever the model looks for is found
    decisions: tuple = ()  # of decided.Decision
    masks_applied: tuple = ()  # places of decided.of_masks


@dataclasses.dataclass
class Attempt:
    program: object  # torch.export.ExportedProgram
    guards: list  # what torch.export assumed of the inputs, Python expressions over L, {input: tensor}
    names: list  # of the outputs
    stages: list  # of Stage
    is_whole: bool = True  # whether nothing was taken apart, so that the guards are all that is assumed of the inputs
    is_lenient: bool = False  # more is assumed of the sizes, and the guards do not say it
    verdicts: dict = dataclasses.field(default_factory=dict)  # of a judge, by the sizes of the inputs

    @functools.cached_property
    def run(self):
        """The graph as a function of the inputs."""
        return self.program.module(check_guards=False)


def place_of(module_class):
    source = source_of(module_class)
    return f"{source['file']}:{source['line']}" if source["file"] else ""


class Stages:
    """Hooks for one traced call of the model."""

    def __init__(self, model):
        self.model = model
        self.clear()

    def clear(self):
        self.stages, self.tensors, self.counts, self.stack = [], [], {}, []

    def hooks(self):
        hooks = []
        for path, module in self.model.named_modules():
            if path:
                hooks.append(module.register_forward_pre_hook(functools.partial(self.enter, path)))
                hooks.append(module.register_forward_hook(functools.partial(self.leave, path)))
        return hooks

    def enter(self, path, *_):
        self.stack.append(path)

    def leave(self, path, module, _, result):
        self.stack.pop()
        call = self.counts[path] = self.counts.get(path, -1) + 1
        copies = [tensor.clone() for tensor in float_tensors(result)]  # which later changes in place do not reach
        caller = self.stack[-1] if self.stack else ""
        kind = type(module)
        self.stages.append(Stage(path, call, kind.__name__, place_of(kind), caller, len(copies)))
        self.tensors += copies


@contextlib.contextmanager
def forward_replaced(model, forward):
    """model.forward, of this model alone; afterwards it is what it was."""
    before = vars(model).get("forward")
    model.forward = forward
    try:
        yield
    finally:
        if before is None:
            del model.forward
        else:
            model.forward = before


def export(model, inputs, axes, attentions, *truths, is_lenient=False):
    """One attempt: what torch.export made, the names of the outputs, and the stages. axes: {input: those that are to be
    free}; truths: arguments of `decided`, if anything is. `is_lenient`: what is assumed of a size and is no range of sizes,
    as `min(6, n // 2) == 6`, does not fix the size, and is left to the judge."""
    stages, forward, names = Stages(model), model.forward, []
    options = options_for(forward, attentions)

    @functools.wraps(forward)
    def traced(**keywords):
        stages.clear()
        with CutsFromTheFront():
            outputs = named_tensors(forward(**keywords, **options))
        names[:] = outputs
        return list(outputs.values()), stages.tensors

    shapes = {name: {axis: Dim.AUTO for axis in axes.get(name, ())} for name in inputs}
    hooks = stages.hooks()
    try:
        oblivious = symbolic_shapes.patch(backed_size_oblivious=True)
        with contextlib.ExitStack() as stack:
            contexts = (torch.no_grad(), oblivious, constants_known(), as_in_a_run(), nothing_kept(model), batches_left())
            of_some = (loops_replaced(model), limited_in_the_graph(model), lengths_left(), decided(*truths))
            for context in (forward_replaced(model, traced), *of_some, *contexts):
                stack.enter_context(context)
            how = {"strict": False, "prefer_deferred_runtime_asserts_over_guards": is_lenient}
            program = torch.export.export(model, (), dict(inputs), dynamic_shapes=shapes, **how)
            guards = program._guards_code
            program = program.run_decompositions({})  # nothing is changed in place then
            if ways := ways_to_take_apart(program):
                program = program.run_decompositions(ways)
            if is_lenient:
                leave_assertions_out(program.graph_module)
        return Attempt(program, guards, names, stages.stages, not ways, is_lenient)
    finally:
        for hook in hooks:
            hook.remove()


def leave_assertions_out(module):
    for node in module.graph.nodes:
        if ASSERTIONS.match(str(node.target)) and not is_decided(node):
            module.graph.erase_node(node)
    module.graph.eliminate_dead_code()
    module.recompile()


def collect(attempt, axes):
    """Traced. Failure for a model that keeps something between calls."""
    program, names, stages = attempt.program, attempt.names, attempt.stages
    nodes = {node.name: node for node in program.graph.nodes}
    kept = [spec.arg for spec in program.graph_signature.output_specs if spec.kind.name == "USER_OUTPUT"]
    found, tensors = pytree.tree_unflatten(
        [nodes.get(getattr(arg, "name", None)) for arg in kept], program.call_spec.out_spec
    )
    mutated = [
        spec
        for spec in program.graph_signature.output_specs
        if spec.kind.name == "BUFFER_MUTATION" and not is_as_it_was(program, nodes[spec.arg.name], spec.target)
    ]
    if mutated:
        what = f"the model's forward changes {mutated[0].target}, so that a call depends on those before it"
        raise Failure(UNKNOWN_CLASS, f"{what}; a traced model must not keep anything between calls")
    tensors = [original(node) for node in tensors]
    grouped, start = [], 0
    for stage in stages:
        grouped.append((stage, tensors[start : start + stage.count]))
        start += stage.count
    return Traced(program, dict(zip(names, found)), grouped, axes, decisions=decisions(program.graph))


def is_as_it_was(program, node, buffer):
    """Whether what a buffer is set to is the buffer itself, moved to where and what it is already."""
    while node.op == "call_function" and node.target in COPIES and node.meta["val"].dtype == node.args[0].meta["val"].dtype:
        node = node.args[0]
    return program.graph_signature.inputs_to_buffers.get(node.name) == buffer


def original(node):
    """What a stage's copy is a copy of. In the graph nothing is changed in place, so that both are the same."""
    is_copy = node is not None and node.op == "call_function" and node.target is ATEN.clone.default
    return node.args[0] if is_copy else node

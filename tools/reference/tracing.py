"""Tracing a model with torch.export: one graph of ATen operations that holds for every size of the inputs' free axes.

What every module returned is in the graph too, under the names that a recording gives it: hooks hand a copy of each
floating tensor on to the model's result. The copies are seen through afterwards, so that a stage costs no node.
"""

import contextlib
import dataclasses
import functools

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.export import Dim
from torch.fx.experimental import _config as symbolic_shapes
from torch.utils import _pytree as pytree

from reference.calls import float_tensors, source_of
from reference.decided import decided, decisions, is_decided, of_masks, truths_of
from reference.found_rows import rows_everywhere
from reference.kept import nothing_kept
from reference.known import constants_known
from reference.limited import limited_in_the_graph
from reference.messages import UNKNOWN_CLASS, Failure
from reference.recording import call_model, named_tensors, options_for
from reference.recurrent import lengths_left
from reference.refusals import DependsOnData, is_about_data, refusal_of
from reference.taken_apart import ways_to_take_apart
from reference.traced_graph import ASSERTIONS
from reference.traced_sizes import AnySizes, free_in, is_same
from reference.while_traced import CutsFromTheFront, as_in_a_run, batches_left
from reference.without_loops import loops_replaced


ATEN = torch.ops.aten
SEED = 0  # of runs whose numbers are not kept
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


def attempts(inputs, axes):
    """Axes to ask for, one after the other: all, those of ids and masks, those of the batch, none."""
    of_texts = {n: [a for a in free if a == 0 or not inputs[n].is_floating_point()] for n, free in axes.items()}
    batch_alone = {name: [axis for axis in free if axis == 0] for name, free in axes.items()}
    tried = []
    for one in (axes, of_texts, batch_alone, {}):
        if one not in tried:
            tried.append(one)
    return tried


def sound(attempt, model, inputs, asked, attentions, judge, *truths):
    """The Attempt if it is right, or a lenient one that is, and that has more free axes, each of which was seen to be free;
    None where neither is right."""

    def fixed_in(one):
        free = free_in(one.program, inputs)
        return {(name, axis) for name, axes in asked.items() for axis in axes if axis not in free[name]}

    best = attempt if judge.is_right(attempt) else None
    fixed = fixed_in(best) if best else {(name, axis) for name, axes in asked.items() for axis in axes}
    if fixed and not any(isinstance(tensor, FakeTensor) for tensor in inputs.values()):
        with contextlib.suppress(Exception):  # whatever this one fails of, there is the other
            lenient = export(model, inputs, asked, attentions, *truths, is_lenient=True)
            freed = fixed - fixed_in(lenient)
            if freed and judge.is_right(lenient) and freed <= judge.varied(lenient):
                return lenient
    return best


def leave_assertions_out(module):
    for node in module.graph.nodes:
        if ASSERTIONS.match(str(node.target)) and not is_decided(node):
            module.graph.erase_node(node)
    module.graph.eliminate_dead_code()
    module.recompile()


def without_blamed(asked, judge, attempt):
    """The axes less those that an Attempt fixes, as far as the judge can tell; None where that is none, or all."""
    blamed = judge.blamed(attempt)
    left = {name: [axis for axis in free if (name, axis) not in blamed] for name, free in asked.items()}
    return left if blamed and any(left.values()) else None


def exported_as_it_is(model, inputs, attentions, *truths):
    """An Attempt without free axes; None where there is none."""
    try:
        return export(model, inputs, {}, attentions, *truths)
    except Exception:  # that of the first attempt is told
        return None


def trace(model, inputs, axes, attentions=True, judge=None):
    """Traced, with as many free axes as torch.export can keep and as the judge, one of traced_sizes, finds free indeed.
    Failure when it cannot trace the model at all."""
    judge = judge or AnySizes()
    try:
        return traced_as_told(model, inputs, axes, attentions, judge)
    except DependsOnData as refusal:
        for spare in (0, 1):
            with contextlib.suppress(Failure), rows_everywhere(model, spare):
                traced = traced_as_told(model, inputs, axes, attentions, judge)
                return dataclasses.replace(traced, has_found=True)
        traced = traced_as_decided(model, inputs, axes, attentions, judge)
        if traced is None:
            raise refusal from None
        return traced


def traced_as_decided(model, inputs, axes, attentions, judge):
    """With the truths that the model asks as they are; None where that is no way to trace it."""
    truths, unpadded = truths_asked(model, inputs, attentions), without_padding(inputs)
    if not truths:
        return None
    masks = of_masks(truths, truths_asked(model, unpadded, attentions) if unpadded else {})
    with contextlib.suppress(Failure):
        traced = traced_as_told(model, inputs, axes, attentions, judge, truths, masks) if masks else None
        if traced and is_same(model, traced.program.module(check_guards=False), unpadded, attentions, SEED):
            return dataclasses.replace(traced, masks_applied=tuple(sorted(masks)))
    with contextlib.suppress(Failure):
        return traced_as_told(model, inputs, axes, attentions, judge, truths)
    return None


def without_padding(inputs):
    """The inputs with masks that hide nothing; nothing where they are so already."""
    masks = {name: torch.ones_like(tensor) for name, tensor in inputs.items() if name.endswith("attention_mask")}
    return {**inputs, **masks} if any(not torch.equal(mask, inputs[name]) for name, mask in masks.items()) else {}


def truths_asked(model, inputs, attentions):
    """What the model asks of itself when it is run, and is told; nothing where it cannot be run."""
    try:
        return truths_of(lambda: call_model(model, inputs, torch.float32, SEED, attentions))
    except Failure:
        return {}


def traced_as_told(model, inputs, axes, attentions, judge, *truths):
    """truths: arguments of `decided`, if anything is."""
    failure, fixed, tried = None, None, []
    waiting = attempts(inputs, axes)
    while waiting:
        asked = waiting.pop(0)
        if asked in tried:
            continue
        tried.append(asked)
        try:
            attempt = fixed if fixed and not asked else export(model, inputs, asked, attentions, *truths)
        except (Failure, MemoryError):
            raise
        except Exception as error:  # torch's own kinds, the model's, and those of its Python
            failure = failure or refusal_of(model, error)
            if is_about_data(error) and fixed is None and asked:
                fixed = exported_as_it_is(model, inputs, attentions, *truths)  # numbers that are made of sizes are known then
            if is_about_data(error) and fixed is None:
                break
            continue
        found = sound(attempt, model, inputs, asked, attentions, judge, *truths)
        if found or not asked:
            return collect(found or attempt, axes)
        if (left := without_blamed(asked, judge, attempt)) is not None:
            waiting.insert(0, left)
    raise failure


def collect(attempt, axes):
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
        what = f"its forward changes {mutated[0].target}, so that a call depends on those before it"
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

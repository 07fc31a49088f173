"""The graph of a traced model as plain values: operations with all their arguments by name, results with their shapes.

docs/program.md describes the format.
"""

import math
import re

import torch

from reference.complex_numbers import described_number
from reference.messages import UNKNOWN_CLASS, Failure
from reference.refusals import at, source_of_node

ASIDE = ("device", "layout", "memory_format", "generator")  # where and how a tensor is kept
ASSERTIONS = re.compile(r"^aten\.(_assert|sym_constrain|_functional_sym_constrain|_functional_assert)")
KINDS_OF_SYMBOLS = (
    (torch.SymBool, bool, "bool"),
    (torch.SymInt, int, "int"),
    (torch.SymFloat, float, "float"),
)
REPEATED = re.compile(r"@\d+$")  # torch's mark of a module's later calls
SIZES = ("a", "b", "c")


def dtype_name(dtype):
    return str(dtype).removeprefix("torch.")


def result_of(value, symbols):
    if isinstance(value, torch.Tensor):
        return {"dtype": dtype_name(value.dtype), "shape": symbols.shape(value)}
    if isinstance(value, (list, tuple)):
        return [result_of(member, symbols) for member in value]
    for kind, plain, name in KINDS_OF_SYMBOLS:
        if isinstance(value, (kind, plain)):
            return {"symbol": symbols.text(value) if isinstance(value, kind) else str(value), "type": name}
    return None


def module_of(node):
    """The path of the module that made a node."""
    frames = list((node.meta.get("nn_module_stack") or {}).values())
    path = frames[-1][0] if frames else ""
    return "" if path.startswith("_empty_nn_module") else REPEATED.sub("", path)


def refused(node, what):
    return Failure(UNKNOWN_CLASS, f"{at(module_of(node), source_of_node(node))}: {what}")


def value_of(node, value):
    """An argument of a node."""
    if isinstance(value, torch.fx.Node):
        return {"n": value.name}
    if isinstance(value, (list, tuple)):
        return [value_of(node, member) for member in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"f": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, torch.dtype):
        return {"d": dtype_name(value)}
    raise refused(node, f"{node.target} has an argument of type {type(value).__name__}, which cannot be written")


def arguments_of(node):
    """All of the operation's arguments by name, those with defaults too, but where and how tensors are kept."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return dict(zip(SIZES, node.args))
    found = {}
    for place, argument in enumerate(schema.arguments):
        if argument.name in ASIDE:
            continue
        if place < len(node.args):
            value = node.args[place]
        else:
            value = node.kwargs.get(argument.name, argument.default_value)
        if str(argument.type) == "float" and isinstance(value, int):
            value = float(value)
        found[argument.name] = value
    return found


def operation_of(node):
    """The overload of an ATen operation, or the name of a Python operator on sizes."""
    if isinstance(node.target, torch._ops.OpOverload):
        return str(node.target)
    if isinstance(node.target, torch._ops.HigherOrderOperator):
        raise refused(node, f"{node.target} is an operation of its own kind, which cannot be traced through")
    name = getattr(node.target, "__name__", str(node.target))
    if node.kwargs or len(node.args) > len(SIZES):
        raise refused(node, f"{name} is called in a way that cannot be written")
    return name.rstrip("_")


def reached(targets):
    """Names of the nodes that any of these need."""
    found, waiting = set(), [node for node in targets if node is not None]
    while waiting:
        node = waiting.pop()
        if node.name not in found:
            found.add(node.name)
            waiting.extend(node.all_input_nodes)
    return found


def draws(node):
    """Whether an operation that can draw random numbers does: not where nothing is dropped, nor outside of training."""
    schema = node.target._schema.arguments
    given = {one.name: node.kwargs.get(one.name, one.default_value) for one in schema}
    given.update(zip((one.name for one in schema), node.args))
    drops = [given[name] for name in ("dropout_p", "dropout", "p") if name in given]
    trains = [given[name] for name in ("train", "training") if name in given]
    return not (drops and not any(drops) or trains and not any(trains))


def check(node):
    if node.op == "get_attr":
        raise refused(node, f"{node.name} is a part of its own, which cannot be traced through")
    if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()) and draws(node):
        raise refused(node, f"{node.target} draws random numbers, so that no two runs agree")


def described_node(node, symbols):
    """The node, behind those of complex numbers that are arguments of it."""
    check(node)
    arguments, module, before = {}, module_of(node), []
    for name, value in arguments_of(node).items():
        if isinstance(value, complex):
            arguments[name] = {"n": f"{node.name}_{name}"}
            before += described_number(f"{node.name}_{name}", value, module)
        else:
            arguments[name] = value_of(node, value)
    described = {"name": node.name, "op": operation_of(node), "args": arguments, "module": module}
    return [*before, {**described, "result": result_of(node.meta.get("val"), symbols)}]


def described_nodes(graph, needed, symbols):
    """Those that are needed, in order of execution."""
    nodes = [node for node in graph.nodes if node.name in needed and node.op not in ("placeholder", "output")]
    of_program = [node for node in nodes if not ASSERTIONS.match(str(node.target))]
    return [described for node in of_program for described in described_node(node, symbols)]


def described_stage(stage, nodes):
    about = {"path": stage.path, "call": stage.call, "class": stage.module_class, "source": stage.source}
    return {**about, "caller": stage.caller, "nodes": [node.name if node is not None else None for node in nodes]}


def described_inputs(placeholders, symbols):
    """By {input: its placeholder}."""
    return [
        {"name": name, "node": node.name, **result_of(node.meta["val"], symbols)} for name, node in placeholders.items()
    ]


def frozen_axes(inputs, asked):
    """Axes that were to be free and that the graph fixes."""
    return [
        {"input": one["name"], "axis": axis, "size": one["shape"][axis]}
        for one in inputs
        for axis in asked.get(one["name"], ())
        if isinstance(one["shape"][axis], int)
    ]

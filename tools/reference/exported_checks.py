"""What a program of torch.export may hold and TensorFlow cannot be given: refused where the file is read."""

import re

import torch
from torch._ops import HigherOrderOperator
from torch.export.graph_signature import OutputKind, TensorArgument
from torch.utils import _pytree as pytree

from reference.messages import BAD_INPUT, UNKNOWN_CLASS, Failure, listing

RESULT = re.compile(r"[A-Za-z0-9][\w.\-/]*", re.ASCII)  # what TensorFlow can call a result
# What runs a part of a program in another mode, and goes no other way.
WRAPPERS = ("wrap_with_set_grad_enabled", "wrap_with_autocast")


def check_tensors(path, program, inputs):
    """A Failure where no tensor goes in or comes out."""
    specs = program.graph_signature.output_specs
    has_results = any(spec.kind is OutputKind.USER_OUTPUT and isinstance(spec.arg, TensorArgument) for spec in specs)
    if not inputs or not has_results:
        what = "returns no tensors" if inputs else "takes no tensors"
        raise Failure(BAD_INPUT, f"{path}: {what}, so that there is nothing to compare; export a module that does")


def check_width(path, program, inputs):
    """A Failure where the program itself says that it computes in another width than float32, as its parameters or inputs
    are."""
    held = {tensor.dtype for tensor in (*program.parameters(), *inputs.values())}
    arguments = (pytree.tree_leaves((node.args, node.kwargs)) for node in nodes_of(program))
    said = {one for leaves in arguments for one in leaves if isinstance(one, torch.dtype)}
    if others := held & said & {torch.float16, torch.bfloat16, torch.float64}:
        what = f"computes in {listing(str(one).removeprefix('torch.') for one in others)}, and TensorFlow's graph in float32"
        raise Failure(BAD_INPUT, f"{path}: {what}; export it anew after model.float(), with such inputs")


def check_ways(path, program):
    """A Failure where the program takes its way while it runs (torch.cond and its like)."""
    found = {node.target.name() for node in nodes_of(program) if isinstance(node.target, HigherOrderOperator)}
    if ways := {name for name in found if name not in WRAPPERS}:
        what = f"uses {listing(ways)} of torch.ops.higher_order, which have no counterpart here"
        raise Failure(UNKNOWN_CLASS, f"{path}: {what}; export a module that goes one way")


def check_results(path, results):
    """A Failure for a result that no signature of TensorFlow's can have."""
    for name in results:
        if not RESULT.fullmatch(name):
            instead = "call it with letters of ASCII, digits and underscores"
            raise Failure(BAD_INPUT, f"{path}: the result {name!r} has no name for TensorFlow; {instead}")


def nodes_of(program):
    """Those of its graph and of the graphs within."""
    graphs = (part.graph for part in program.graph_module.modules() if isinstance(part, torch.fx.GraphModule))
    return [node for graph in graphs for node in graph.nodes]

"""Operations that the program's reader has no counterpart of: PyTorch itself says which others make them up.

That is so for its second names (`torch.absolute`, `torch.special.expit`) and for much that is composed (`torch.kron`,
`torch.nn.functional.cosine_similarity`). What the reader knows stays whole: as one operation it is told and named better.
"""

import contextlib
import contextvars
import inspect

import torch
from torch._decomp import decomposition_table, decompositions
from torch.export import default_decompositions

known_names = contextvars.ContextVar("known_names", default=None)  # None: whatever there is


@contextlib.contextmanager
def known_operations(names):
    """While a model is traced, operations but these are taken apart; none where there are no names."""
    token = known_names.set(frozenset(names) if names else None)
    try:
        yield
    finally:
        known_names.reset(token)


def unknown_in(program):
    """The operations in an ExportedProgram, also in the bodies of its loops, that the reader does not know."""
    graphs = [part.graph for part in program.graph_module.modules() if isinstance(part, torch.fx.GraphModule)]
    called = {node.target for graph in graphs for node in graph.nodes if isinstance(node.target, torch._ops.OpOverload)}
    return {operation for operation in called if not is_known(operation)}


def is_known(operation):
    names = known_names.get()
    return names is None or str(operation) in names


def ways_to_take_apart(program):
    """For ExportedProgram.run_decompositions: {operation: its way}. There are none where each operation is known, or
    where those that are not have no way."""
    unknown = unknown_in(program)
    if not unknown:
        return {}
    ways = {operation: way for operation, way in all_ways().items() if not is_known(operation)}
    return ways if unknown & ways.keys() else {}


def all_ways():
    """Those of torch.export, and what PyTorch writes in operations of ATen elsewhere; its other ways lead to `prims`, which
    nobody's model names."""
    of_aten = {op: way for op, way in decomposition_table.items() if inspect.unwrap(way).__module__ == decompositions.__name__}
    return {**of_aten, **default_decompositions()}

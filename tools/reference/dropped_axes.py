"""What a module of a traced model returns with fewer axes where one of them is 1, as after squeeze(1) of a length.

A graph has one rank for all sizes. So where PyTorch has dropped axes of 1, its numbers are written in the graph's shape, in
which they are compared one by one as all others; and it is said. Outputs are left as they are: their shape is a promise.
"""


def restore_axes(program, recorded):
    """Sentences about the cells in which a module returned fewer axes than the graph has, which are put back there."""
    stages = {(one["path"], one["call"]): one["nodes"] for one in program["stages"]}
    results = {one["name"]: one["result"] for one in program["nodes"]}
    notes = []
    for cell, recording in zip(recorded.cells, recorded.recordings):
        sizes = sizes_of(program["inputs"], cell.inputs)
        for call in recording.calls:
            for name, node in zip(call["tensors"], stages.get((call["path"], call["call"]), ())):
                shape = shape_at(results.get(node), sizes)
                tensor = recording.tensors.get(f"stage.{name}")
                if shape and tensor is not None and has_dropped(tensor, shape):
                    restore(recording, name, shape)
                    what = f"{name} is {list(tensor.shape)} in PyTorch, which drops axes of 1"
                    notes.append(f"in the cell {cell.name} {what}: it is compared as {shape}")
    return notes


def sizes_of(described, inputs):
    """{symbol: its size}."""
    pairs = ((symbol, size) for one in described for symbol, size in zip(one["shape"], inputs[one["name"]].shape))
    return {symbol: size for symbol, size in pairs if isinstance(symbol, str) and symbol.isidentifier()}


def shape_at(result, sizes):
    """The sizes of what a node returns; none where they are not known."""
    shape = result.get("shape") if isinstance(result, dict) else None
    try:
        found = [eval(str(size), {"__builtins__": {}}, dict(sizes)) for size in shape or ()]
    except Exception:  # of sizes that torch computes in ways of its own
        return []
    return found if all(isinstance(size, int) for size in found) else []


def has_dropped(tensor, shape):
    """Whether the tensor lacks axes of the shape, all of them 1."""
    return tensor.dim() < len(shape) and [n for n in tensor.shape if n != 1] == [n for n in shape if n != 1]


def restore(recording, name, shape):
    for tensors, key in ((recording.tensors, "stage"), (recording.exact, "stage"), (recording.tensors, "noise")):
        if f"{key}.{name}" in tensors:
            tensors[f"{key}.{name}"] = tensors[f"{key}.{name}"].reshape(shape)

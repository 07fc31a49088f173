"""What the converter made of TensorFlow's operations. It names a tensor for the nodes that it was computed by, joined
by ";": the kinds of those nodes are what an operation of LiteRT stands for."""

import collections

AN_OUTPUT = "an output"  # whose tensor has the signature's name instead


def nodes_of(saved_model, signature):
    """Kinds of the nodes that a signature runs, by name."""
    from tensorflow.core.protobuf import saved_model_pb2

    document = saved_model_pb2.SavedModel()
    document.ParseFromString((saved_model / "saved_model.pb").read_bytes())
    graph = document.meta_graphs[0]
    output = next(iter(graph.signature_def[signature].outputs.values()))
    nodes = {node.name: node for node in graph.graph_def.node}
    functions = {function.signature.name: function for function in graph.graph_def.library.function}
    kinds = {}
    open_functions = [nodes[output.name.partition(":")[0]].attr["f"].func.name]
    while open_functions:
        for node in functions[open_functions.pop()].node_def:
            if node.op in ("StatefulPartitionedCall", "PartitionedCall"):
                open_functions.append(node.attr["f"].func.name)
            else:
                kinds[node.name] = node.op
    return kinds


def node_of(part, kinds):
    """The node that a part of a tensor's name is for; None for another. Behind the name may be a number, by which the
    converter tells tensors of one name apart."""
    name = part.partition("@")[0]
    while name not in kinds and name[-1:].isdigit():
        name = name[:-1]
    return name if name in kinds else None


def nodes_in(name, kinds):
    """The nodes that a tensor is named for."""
    return [node for node in (node_of(part, kinds) for part in name.split(";")) if node is not None]


def rewritten(model, saved_model):
    """For each operation of LiteRT: of which operations of TensorFlow it was made, and how often; for each signature the
    count of TensorFlow's."""
    made = collections.defaultdict(collections.Counter)
    before = collections.Counter()
    for signature in model.signatures:
        kinds = nodes_of(saved_model, signature)
        before.update(kinds.values())
        for operator in model.operators_of(signature):
            names = {kinds[node] for tensor in operator.outputs for node in nodes_in(tensor.name, kinds)} - {"Const"}
            made[operator.name][" + ".join(sorted(names)) or AN_OUTPUT] += 1
    return {
        "tensorflow": dict(sorted(before.items())),
        "litert": {name: dict(counts.most_common()) for name, counts in sorted(made.items())},
    }

"""Running model.tflite on the inputs of a trace."""

import contextlib
import json

import numpy as np
from reference.messages import BAD_INPUT, ENVIRONMENT, Failure, failing, progress

from litert.flatbuffer import LiteRTModel
from litert.interpreters import available
from litert.rewriting import nodes_in

SERVING = "serving_default"


def runs_of(trace):
    """The inputs of each run of the trace, by its name: "main", "cell.0"."""
    from safetensors import safe_open

    runs = {"main": {}}
    with failing(BAD_INPUT, f"{trace}: is no trace"), safe_open(str(trace), "np") as file:
        cells = json.loads((file.metadata() or {}).get("cells", "[]"))
        rounded = {f"cell.{i}" for i, cell in enumerate(cells) if cell.get("weights")}
        for name in file.keys():
            run, slash, rest = name.rpartition("/")
            if rest.startswith("input.") and run not in rounded:
                runs.setdefault(run if slash else "main", {})[rest.removeprefix("input.")] = file.get_tensor(name)
    return runs


def as_input(name, value, details):
    """A value in the type that the signature takes."""
    wanted = np.dtype(details["dtype"])
    if np.issubdtype(wanted, np.integer) and not np.array_equal(value.astype(wanted), value):
        raise Failure(BAD_INPUT, f"the input {name} does not fit into {wanted}")
    return value.astype(wanted)


def call(runner, inputs):
    details = runner.get_input_details()
    return runner(**{name: as_input(name, value, details[name]) for name, value in inputs.items()})


def sizes_of(details):
    """The sizes that are known before the run, -1 for others; none when nothing is known."""
    return [int(size) for size in details["shape_signature"]] or [int(size) for size in details["shape"]]


def root_of(name, order):
    """The node whose result a tensor is: of those that it is named for the one that runs last; None when unknown."""
    nodes = nodes_in(name, order)
    return max(nodes, key=order.get) if nodes else None


def inside(interpreter, model, threads, known, inputs):
    """The results of modules that serving_default still has, and the sizes that are known before the run: those whose
    node one tensor alone is named for."""
    opened = interpreter.open_inside(model, threads)
    if set(opened.get_signature_list().get(SERVING, {"inputs": ()})["inputs"]) != set(inputs):
        return {}
    runner = opened.get_signature_runner(SERVING)
    call(runner, inputs)
    graph = runner._subgraph_index
    order = {node: place for place, node in enumerate(known["nodes"])}
    by_node = {}
    for tensor in opened.get_tensor_details(graph):
        node = root_of(tensor["name"], order)
        if node is not None:
            by_node.setdefault(node, []).append(tensor)
    found = {}
    for path, node in known["stages"].items():
        if len(by_node.get(node, ())) == 1:
            with contextlib.suppress(ValueError):  # it was never computed
                tensor = by_node[node][0]
                found[path] = np.array(opened.get_tensor(tensor["index"], graph)), sizes_of(tensor)
    return found


def described(model):
    """What the file itself says."""
    with failing(BAD_INPUT, f"{model}: cannot be read as a LiteRT model"):
        content = model.read_bytes()
        read = LiteRTModel(content)
    return {
        "bytes": len(content),
        "type": read.weights(),
        "signatures": sorted(read.signatures),
        "operators": read.operators(),
    }


def run(model, trace, known, threads, output):
    import safetensors.numpy

    progress("loading the interpreters")
    interpreters = available()
    inputs = runs_of(trace)
    tensors, symbolic, failures = {}, {}, []
    for interpreter in interpreters:
        progress(f"running {interpreter.name} {interpreter.version}")
        with failing(BAD_INPUT, f"{model}: {interpreter.name} {interpreter.version} cannot open it"):
            opened = interpreter.open(model, threads)
        for signature, taken in opened.get_signature_list().items():
            runner = opened.get_signature_runner(signature)
            for name, values in inputs.items():
                if set(values) != set(taken["inputs"]):
                    continue
                try:
                    results = call(runner, values)
                except (RuntimeError, ValueError) as error:
                    failures.append({"run": name, "interpreter": interpreter.name, "signature": signature, "error": str(error)})
                    continue
                details = runner.get_output_details()
                for key, value in results.items():
                    tensors[f"{name}/{interpreter.name}/{signature}/{key}"] = np.array(value)
                    symbolic[f"{name}/{interpreter.name}/{signature}/{key}"] = sizes_of(details[key])
    file = described(model)
    if known and file["type"] == "float32":
        progress("reading what is inside")
        for path, (value, sizes) in inside(interpreters[0], model, threads, known, inputs["main"]).items():
            tensors[f"main/stage/{path}"] = value
            symbolic[f"main/stage/{path}"] = sizes
    about = {
        "file": file,
        "interpreters": [{"name": one.name, "version": one.version} for one in interpreters],
        "failures": failures,
        "symbolic": symbolic,
    }
    with failing(ENVIRONMENT, f"{output}: cannot be written", "is the disk full?"):
        safetensors.numpy.save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, str(output), {"litert": json.dumps(about)})

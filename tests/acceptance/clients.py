"""Loads what Crossload wrote with the programs that people have, and holds it against what PyTorch computed.

    clients.py ARTIFACT TRACE [ARTIFACT TRACE ...] [--keys-only NAME,NAME] [--only transformers,saved_model,sizes,hub,keras]

ARTIFACT is a folder that `crossload pt-to-tf` wrote in all formats, TRACE a file of `crossload record` or a golden.
The clients, each in one process because their imports take long:

    transformers   v4's own TensorFlow class reads tf_model.h5, and once more model.safetensors
    saved_model    tf.saved_model.load: serving, __call__, fine-tuning, and what the graph is made of
    sizes          tf.saved_model.load on what was recorded with other inputs, of other sizes (by --only alone)
    hub            tensorflow_hub's KerasLayer
    keras          Keras 3's TFSMLayer

hub, keras and a training loop see the first artifact of each architecture: heads differ in nothing that they ask for.
--keys-only: artifacts whose class in Transformers 4 differs from PyTorch itself. There it judges names and shapes.
Prints one line an expectation; the last is `N passed, N failed`, and any failure is exit code 1.
"""
import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import sys
import traceback

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import safetensors
import tensorflow as tf

LIMIT = 1e-5  # where the attention mask keeps
LIMIT_PADDED = 1e-4  # what no mask keeps is no result of the model, but stays in the size of rounding
LARGEST_CONSTANT = 1 << 20  # bytes; more is a weight
# v4 lists layers without weights too, and counts unnamed dropouts by process: no file can have these.
NO_WEIGHTS = re.compile(r"dropout(_\d+)?")
DROPOUT_RATES = ("hidden_dropout_prob", "dropout", "resid_pdrop", "dropout_rate", "attention_probs_dropout_prob")


class Tally:
    """Counts expectations, prints each."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.subject = ""

    def expect(self, what, holds, found=""):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
        print("pass" if holds else "FAIL", self.subject, what, f"({found})" if found else "", flush=True)
        return bool(holds)

    @contextlib.contextmanager
    def about(self, subject):
        """Whatever is raised inside is one failure, and the next subject goes on."""
        self.subject = subject
        try:
            yield
        except Exception as error:
            traceback.print_exc()
            self.expect("runs to its end", False, repr(error)[:200])


@dataclasses.dataclass
class Run:
    """What PyTorch was given and what it returned."""

    pytorch_class: str
    config: dict
    inputs: dict
    outputs: dict
    label: str = ""

    @classmethod
    def of(cls, path):
        runs = cls.all_of(path)
        if not runs or runs[0].label:
            raise ValueError(f"{path}: has no inputs or no outputs of PyTorch")
        return runs[0]

    @classmethod
    def all_of(cls, path):
        """The main one, and those on further inputs of the same weights."""
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {}
            for key in file.keys():
                run, _, rest = key.rpartition("/") if key.startswith("cell.") else ("", "", key)
                group, _, name = rest.partition(".")
                if group in ("input", "output"):
                    tensors.setdefault(run, {"input": {}, "output": {}})[group][name] = file.get_tensor(key)
        labels = {"": ""}
        for number, cell in enumerate(json.loads(metadata.get("cells", "[]"))):
            if not cell["weights"]:
                labels[f"cell.{number}"] = cell["name"]
        about = metadata["class"], json.loads(metadata.get("config", "{}"))
        runs = [(tensors.get(run), label) for run, label in labels.items()]
        return [cls(*about, of["input"], of["output"], label) for of, label in runs if of and all(of.values())]

    @property
    def mask(self):
        return self.inputs.get("attention_mask")

    def tensors(self, integers=tf.int32):
        return {
            name: tf.constant(value, integers if np.issubdtype(value.dtype, np.integer) else None)
            for name, value in self.inputs.items()
        }

    def kept(self, name, shape):
        """True where the encoder's mask keeps: rows of [batch, length, ...], queries of [batch, heads, length, length]."""
        everywhere = np.ones(shape, bool)
        mask = self.mask
        if mask is None or mask.ndim != 2 or name.startswith("decoder") or name.startswith("cross"):
            return everywhere
        batch, length = mask.shape
        rows = mask.astype(bool)
        if tuple(shape[:2]) == (batch, length):
            return everywhere & rows.reshape((batch, length) + (1,) * (len(shape) - 2))
        if len(shape) == 4 and shape[0] == batch and tuple(shape[2:]) == (length, length):
            return everywhere & rows[:, None, :, None]
        return everywhere


def named(structure, prefix=""):
    """Outputs by the names of a trace: members of a tuple have numbers."""
    if structure is None:
        return {}
    if hasattr(structure, "items"):
        members = structure.items()
    elif isinstance(structure, (tuple, list)):
        members = enumerate(structure)
    else:
        return {prefix: np.asarray(structure)}
    flat = {}
    for key, member in members:
        flat.update(named(member, f"{prefix}.{key}" if prefix else str(key)))
    return flat


def farthest(wanted, found, where):
    distances = np.abs(wanted.astype(np.float64) - found.astype(np.float64))[where & np.isfinite(wanted)]
    return float(distances.max(initial=0))


def expect_numbers(tally, run, found, of=""):
    """Every output that both have is PyTorch's."""
    both = sorted(run.outputs.keys() & found.keys())
    tally.expect(f"{of}returns outputs of PyTorch", both, f"{len(both)} of {len(run.outputs)}")
    worst = {True: (0.0, "-"), False: (0.0, "-")}  # kept, and not
    for name in both:
        wanted, got = run.outputs[name], found[name]
        if wanted.shape != got.shape:
            tally.expect(f"{of}{name} has PyTorch's shape", False, f"{got.shape}, wanted {wanted.shape}")
            continue
        if not np.issubdtype(wanted.dtype, np.floating):
            continue
        if not np.array_equal(np.isfinite(wanted), np.isfinite(got)):
            tally.expect(f"{of}{name} is finite where PyTorch's is", False)
            continue
        kept = run.kept(name, wanted.shape)
        for side, where in ((True, kept), (False, ~kept)):
            worst[side] = max(worst[side], (farthest(wanted, got, where), name))
    tally.expect(f"{of}is within {LIMIT:g}", worst[True][0] <= LIMIT, "{:.2e} in {}".format(*worst[True]))
    tally.expect(f"{of}is within {LIMIT_PADDED:g} at padding", worst[False][0] <= LIMIT_PADDED, "{:.2e} in {}".format(*worst[False]))


def try_transformers(tally, folder, run, keys_only):
    import transformers

    model_class = getattr(transformers, "TF" + run.pytorch_class)
    for file, use_safetensors in (("tf_model.h5", False), ("model.safetensors", True)):
        with tally.about(f"{folder.name}: transformers {transformers.__version__}, {file}:"):
            model, info = model_class.from_pretrained(str(folder), use_safetensors=use_safetensors, output_loading_info=True)
            for fault in ("missing_keys", "unexpected_keys", "mismatched_keys"):
                keys = [key for key in map(str, info.get(fault, [])) if not NO_WEIGHTS.fullmatch(key)]
                tally.expect(f"has no {fault}", not keys, ", ".join(keys[:3]))
            if not keys_only:
                hidden = any(name.startswith("hidden_states") for name in run.outputs)
                expect_numbers(tally, run, named(model(run.tensors(), output_hidden_states=hidden, training=False)))


def served_inputs(run, signature):
    """What PyTorch was given; for inputs of the signature that it was not given, the value that changes nothing."""
    given = run.tensors()
    absent = {"attention_mask": 1, "decoder_attention_mask": 1, "token_type_ids": 0}
    for name, spec in signature.items():
        shaped_as = "decoder_input_ids" if name.startswith("decoder_") else "input_ids"
        like = given.get(shaped_as, given.get("input_values"))
        if name not in given and name in absent and like is not None:
            given[name] = tf.fill(tf.shape(like), tf.cast(absent[name], spec.dtype))
    return {name: given[name] for name in signature if name in given}


def expect_serving(tally, run, loaded):
    if not tally.expect("has serving_default", "serving_default" in loaded.signatures):
        return
    serve = loaded.signatures["serving_default"]
    signature = serve.structured_input_signature[1]
    fixed = [name for name, spec in signature.items() if spec.shape[0] is not None]
    tally.expect("takes batches of any size", not fixed, ", ".join(fixed))
    inputs = served_inputs(run, signature)
    lacking = sorted(signature.keys() - inputs.keys())
    if not tally.expect("is served what PyTorch was given", not lacking, ", ".join(lacking)):
        return
    whole = named(serve(**inputs))
    expect_numbers(tally, run, whole, "served ")
    alone = named(serve(**{name: value[:1] for name, value in inputs.items()}))
    batch = len(next(iter(inputs.values())))
    # CLIP's logits_per_* have a column for each other member of the batch.
    by_row = [name for name in whole if whole[name].shape[:1] == (batch,) and not name.startswith("logits_per_")]
    apart = [farthest(whole[name][:1], alone[name], run.kept(name, whole[name].shape)[:1]) for name in by_row]
    tally.expect("gives the first row the same when it is alone", max(apart, default=0) <= LIMIT, f"{len(apart)} outputs")


def expect_calls(tally, run, loaded):
    """__call__ takes just what PyTorch took: all else may be left out."""
    called = named(loaded(run.tensors()))
    expect_numbers(tally, run, called, "called ")
    wide = named(loaded(run.tensors(tf.int64)))
    tally.expect("takes int64 as it takes int32", all(np.array_equal(wide[name], called[name]) for name in called))


def expect_keywords(tally, run, loaded):
    """As PyTorch's users call: by keyword, integers as numpy has them, what is optional left out."""
    called = named(loaded(run.tensors()))
    wide = {name: np.asarray(tensor) for name, tensor in run.tensors(tf.int64).items()}
    for what, inputs in (("int32", run.tensors()), ("int64 of numpy", wide)):
        by_name = named(loaded(**inputs))
        tally.expect(f"takes keywords of {what}", all(np.array_equal(by_name[name], called[name]) for name in called))
    masks = ("attention_mask", "decoder_attention_mask")
    ones = {name: np.ones_like(value) if name in masks else value for name, value in wide.items()}
    bare = {name: value for name, value in wide.items() if name not in masks}
    if len(bare) < len(ones):
        filled, short = named(loaded(**ones)), named(loaded(**bare))
        off = max(farthest(filled[name], short[name], np.isfinite(filled[name])) for name in filled)
        tally.expect("takes a mask left out for ones", off <= LIMIT, f"{off:.2e}")
    try:
        loaded(of_no_model=np.zeros((1, 1)))
    except (TypeError, ValueError) as error:
        tally.expect("names an argument that there is not", "of_no_model" in str(error), str(error)[:100])
    else:
        tally.expect("names an argument that there is not", False)


def expect_steps(tally, run, loaded):
    """Three steps of a training loop as people write it."""
    inputs = run.tensors(tf.int64)
    optimizer = tf.keras.optimizers.Adam(1e-4)
    losses = []
    for _ in range(4):
        with tf.GradientTape() as tape:
            leaves = [leaf for leaf in tf.nest.flatten(loaded(**inputs)) if leaf.dtype.is_floating]
            loss = sum(tf.reduce_mean(leaf * leaf) for leaf in leaves)
        losses.append(float(loss))
        pairs = zip(tape.gradient(loss, loaded.trainable_variables), loaded.trainable_variables)
        optimizer.apply_gradients([(tf.convert_to_tensor(g), weight) for g, weight in pairs if g is not None])
    tally.expect("learns in three steps, by keyword", losses[0] > losses[1] > losses[2] > losses[3], f"{losses[0]:.6g} to {losses[3]:.6g}")


def expect_fine_tuning(tally, run, loaded):
    weights = list(loaded.trainable_variables)
    tally.expect("has variables to train", weights, f"{len(weights)} of {len(loaded.variables)}")
    tally.expect("counts them among its variables", len(loaded.variables) >= len(weights))

    def loss():
        leaves = [leaf for leaf in tf.nest.flatten(loaded(run.tensors(), training=False)) if leaf.dtype.is_floating]
        return sum(tf.reduce_mean(leaf * leaf) for leaf in leaves)

    with tf.GradientTape() as tape:
        before = loss()
    reached = [(w, tf.convert_to_tensor(g)) for w, g in zip(weights, tape.gradient(before, weights)) if g is not None]
    tally.expect("has gradients at most variables", len(reached) >= 0.8 * len(weights), f"{len(reached)} of {len(weights)}")
    length = tf.linalg.global_norm([gradient for _, gradient in reached])
    for weight, gradient in reached:
        weight.assign_sub(1e-3 / length * gradient)
    after = loss()
    tally.expect("learns in a step", after < before, f"{float(before):.6g} to {float(after):.6g}")
    if any(run.config.get(rate) for rate in DROPOUT_RATES):
        one, other = (tf.nest.flatten(loaded(run.tensors(), training=True))[0] for _ in range(2))
        tally.expect("drops out in training", not np.array_equal(one, other))


def expect_stock_graph(tally, saved_model):
    from tensorflow.core.protobuf import saved_model_pb2

    nodes = []
    for meta in saved_model_pb2.SavedModel.FromString((saved_model / "saved_model.pb").read_bytes()).meta_graphs:
        nodes.extend(meta.graph_def.node)
        for function in meta.graph_def.library.function:
            nodes.extend(function.node_def)
    kinds = {node.op for node in nodes}
    foreign = sorted(kind for kind in kinds if kind.startswith("Xla") or kind.endswith("PyFunc"))
    tally.expect("needs no op beyond TensorFlow's", not foreign, ", ".join(foreign) or f"{len(kinds)} kinds")
    heavy = [node.name for node in nodes if node.op == "Const" and node.ByteSize() > LARGEST_CONSTANT]
    tally.expect("has no weights among its constants", not heavy, ", ".join(heavy[:3]))


def try_sizes(tally, folder, runs):
    """What was recorded on other inputs than the main ones, as far as the signature takes them."""
    with tally.about(f"{folder.name}: saved_model of other sizes:"):
        serve = tf.saved_model.load(str(folder / "saved_model")).signatures["serving_default"]
        signature = serve.structured_input_signature[1]
        tally.expect("were recorded", runs, f"{len(runs)}")
        for run in runs:
            inputs = served_inputs(run, signature)
            fits = inputs.keys() == signature.keys()
            if fits and all(spec.shape.is_compatible_with(inputs[name].shape) for name, spec in signature.items()):
                expect_numbers(tally, run, named(serve(**inputs)), f"{run.label}: ")


def try_saved_model(tally, folder, run, trains):
    with tally.about(f"{folder.name}: saved_model:"):
        loaded = tf.saved_model.load(str(folder / "saved_model"))
        expect_serving(tally, run, loaded)
        expect_calls(tally, run, loaded)
        expect_keywords(tally, run, loaded)
        expect_fine_tuning(tally, run, loaded)
        if trains:
            expect_steps(tally, run, loaded)
        expect_stock_graph(tally, folder / "saved_model")


def try_hub(tally, folder):
    with tally.about(f"{folder.name}: tensorflow_hub:"):
        import tensorflow_hub

        layer = tensorflow_hub.KerasLayer(str(folder / "saved_model"), trainable=True)
        tally.expect("has weights to train", layer.trainable_variables, str(len(layer.trainable_variables)))


def try_keras(tally, folder, run):
    """Keras 3, which has no other way to take a SavedModel."""
    with tally.about(f"{folder.name}: keras:"):
        import keras

        layer = keras.layers.TFSMLayer(str(folder / "saved_model"), call_endpoint="serve")
        expect_numbers(tally, run, named(layer(run.tensors())), f"TFSMLayer of Keras {keras.__version__} ")
        tally.expect("has weights", layer.weights, str(len(layer.weights)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", metavar="ARTIFACT TRACE")
    parser.add_argument("--keys-only", default="", metavar="NAME,NAME")
    parser.add_argument("--only", default="transformers,saved_model,hub,keras")
    arguments = parser.parse_args()
    if len(arguments.pairs) % 2 != 0:
        parser.error("an ARTIFACT without its TRACE")
    clients = arguments.only.split(",")
    keys_only = set(arguments.keys_only.split(","))
    tally = Tally()
    architectures = set()
    for folder, trace in zip(map(pathlib.Path, arguments.pairs[::2]), arguments.pairs[1::2]):
        with tally.about(f"{folder.name}: {trace}:"):
            run = Run.of(trace)
            is_first = run.config["model_type"] not in architectures
            architectures.add(run.config["model_type"])
            if "transformers" in clients:
                try_transformers(tally, folder, run, folder.name in keys_only)
            if "saved_model" in clients:
                try_saved_model(tally, folder, run, trains=is_first)
            if "sizes" in clients:
                try_sizes(tally, folder, Run.all_of(trace)[1:])
            if "hub" in clients and is_first:
                try_hub(tally, folder)
            if "keras" in clients and is_first:
                try_keras(tally, folder, run)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Converts into folders that hold something already, and loads what stands there afterwards by PyTorch and TensorFlow.

    tests/acceptance/folders.py build/crossload [--only WORD]

A tiny BERT from the real classes, A, is converted into folders with: nothing; its own checkpoint (pytorch_model.bin,
model.safetensors, both in shards); the checkpoint of another model, B; and B's TensorFlow weights in every format, as
Transformers 4.57 saves them and as we do. For each the formats and --new-weights vary. What must come of it is said in
`expected` alone: the exit code, and whose numbers PyTorch's AutoModel, TFAutoModel of 4.57 and the SavedModel give. A
refused folder must be as it was, byte for byte; files of the user always.

--only WORD runs the rows whose description has the word. Needs build/crossload (make build) and .venv (make setup).
"""

import argparse
import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
import torch
import transformers
from transformers import AutoModel, BertConfig, BertModel, TFAutoModel, TFBertModel
from transformers.modeling_tf_pytorch_utils import load_tf2_checkpoint_in_pytorch_model

transformers.logging.set_verbosity_error()

TOLERANCE = 1e-5
SHARDS = "40KB"
IDS = np.array([[2, 5, 7, 11, 13, 3], [2, 9, 8, 3, 0, 0]])
# What the user has put there; no program may touch it.
MINE = {
    "notes.txt": "mine",
    "tf_model_notes.txt": "mine",
    "runs/tf_model.h5": "mine",
    "saved_model/assets.extra/warmup": "mine",
}

CONTAINERS = ("bin", "bin shards", "safetensors", "safetensors shards")
TF_FORMATS = ("h5", "h5 shards", "safetensors", "safetensors shards", "saved_model")
FORMATS = ("h5", "safetensors", "saved_model", "h5,safetensors,saved_model")


class Failure(Exception):
    pass


def require(condition, what):
    if not condition:
        raise Failure(what)


def files_in(folder):
    """Name -> hash of every file below the folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def numbers_of(model):
    with torch.no_grad():
        return model.eval()(torch.from_numpy(IDS)).last_hidden_state.numpy()


def torch_numbers(folder):
    return numbers_of(AutoModel.from_pretrained(folder))


def torch_numbers_from_h5(folder):
    # What from_tf=True calls; that itself fails in 4.57 for every h5, since the model is on the meta device by then.
    model = BertModel(BertConfig.from_pretrained(folder))
    return numbers_of(load_tf2_checkpoint_in_pytorch_model(model, str(folder / "tf_model.h5")))


def tf_numbers(folder, **options):
    return TFAutoModel.from_pretrained(folder, **options)(tf.constant(IDS)).last_hidden_state.numpy()


def saved_model_numbers(folder):
    serve = tf.saved_model.load(str(folder)).signatures["serving_default"]
    inputs = {"input_ids": IDS, "attention_mask": np.ones_like(IDS), "token_type_ids": np.zeros_like(IDS)}
    return serve(**{name: tf.constant(value, tf.int32) for name, value in inputs.items()})["last_hidden_state"].numpy()


def copy_into(source, target):
    shutil.copytree(source, target, dirs_exist_ok=True)


class Models:
    """A and B: the same configuration, other weights, each in every container and format."""

    def __init__(self, folder, crossload):
        self.folder = folder
        self.numbers = {}
        for name, seed in (("A", 1), ("B", 2)):
            torch.manual_seed(seed)
            config = BertConfig(vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
                                intermediate_size=24, max_position_embeddings=16)
            model = BertModel(config).eval()
            for container in CONTAINERS:
                model.save_pretrained(self.pytorch(name, container), safe_serialization="safetensors" in container,
                                      max_shard_size=SHARDS if "shards" in container else "1GB")
                (self.pytorch(name, container) / "vocab.txt").write_text(f"of {name}\n")
            self.numbers[name] = torch_numbers(self.pytorch(name, "bin"))
        self.make_tensorflow(crossload)

    def pytorch(self, name, container):
        return self.folder / name / "pytorch" / container.replace(" ", "_")

    def tensorflow(self, maker, format_):
        return self.folder / "B" / maker / format_.replace(" ", "_")

    def make_tensorflow(self, crossload):
        model = TFBertModel.from_pretrained(self.pytorch("B", "bin"), from_pt=True)
        for format_ in TF_FORMATS:
            shards = SHARDS if "shards" in format_ else "1GB"
            theirs = self.tensorflow("v4", format_)
            model.save_pretrained(theirs, saved_model=format_ == "saved_model",
                                  safe_serialization="safetensors" in format_, max_shard_size=shards)
            if format_ == "saved_model":
                (theirs / "tf_model.h5").unlink()  # it saves that too
            code = crossload("--model-name", self.pytorch("B", "bin"), "--output", self.tensorflow("ours", format_),
                             "--formats", format_.split()[0], "--max-shard-size", shards)
            require(code.returncode == 0, code.stderr)

    def whose(self, numbers):
        """"A" or "B", by the numbers."""
        for name, own in self.numbers.items():
            if numbers.shape == own.shape and np.abs(numbers - own).max() <= TOLERANCE:
                return name
        return "nobody's"

    def tensorflow_of(self, folder, **options):
        """The same of TFAutoModel, "none (its error)" where it loads nothing."""
        try:
            numbers = tf_numbers(folder, **options)
        except Exception as error:
            return f"none ({type(error).__name__})"
        return self.whose(numbers)


def expected(pytorch, earlier, formats, new_weights):
    """0, or the word of the refusal. `pytorch`: whose weights stand there, or None; `earlier`: TensorFlow's, or None."""
    if earlier and not new_weights:
        return "--new-weights"
    if pytorch and "safetensors" in formats:
        return "leave safetensors out of --formats"
    if pytorch == "B":
        return "is not what is converted"
    return 0


class Rows:
    def __init__(self, program, only):
        self.program = program
        self.only = only
        self.passed = 0
        self.failed = 0

    def crossload(self, *arguments, cwd=None):
        return subprocess.run([self.program, "pt-to-tf", "--no-verify", *map(str, arguments)], cwd=cwd,
                              capture_output=True, text=True)

    def row(self, name, job):
        if self.only and self.only not in name:
            return
        try:
            said = job()
            self.passed += 1
            print(f"ok   {name}: {said}", flush=True)
        except Exception as error:  # a class that cannot load is a failure of this row like any other
            self.failed += 1
            print(f"FAIL {name}: {type(error).__name__}: {str(error).strip()[:600]}", flush=True)

    def check(self, models, out, model, pytorch, container, earlier, formats, new_weights):
        """Converts A, which lies in `model`, into `out`, where things stand already."""
        for name, text in MINE.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_text(text)
        before = files_in(out)
        flags = ["--new-weights"] if new_weights else []
        result = self.crossload("--model-name", model, "--output", out, "--formats", formats, *flags)
        after = files_in(out)
        refusal = expected(pytorch, earlier, formats, new_weights)
        if refusal:
            require(result.returncode == 2, f"code {result.returncode}, wanted 2: {result.stderr}")
            require(refusal in result.stderr, f"says {result.stderr}, wanted {refusal}")
            require(after == before, f"changed: {set(before.items()) ^ set(after.items())}")
            return "refused, as it was"
        require(result.returncode == 0, f"code {result.returncode}: {result.stderr}")
        for name in MINE:
            require(after.get(name) == before[name], f"{name} is lost")
        for name in files_in(models.pytorch("A", container)) if pytorch else ():
            require(after.get(name) == before[name], f"{name} of the checkpoint is lost")
        written = {entry["file"] for entry in json.loads((out / "crossload.json").read_text())["written"]}
        kept = set(MINE) | (set(files_in(models.pytorch("A", container))) if pytorch else set())
        strangers = set(after) - written - kept - {"crossload.json"}
        # Of what Transformers saved beside its weights nobody knows whose it is; the tokenizer's files are the model's.
        require(not strangers, f"left there: {sorted(strangers)}")
        return self.judge(models, out, pytorch, container, formats)

    def judge(self, models, out, pytorch, container, formats):
        """Whose numbers each loader gives: A's, from every one that can load."""
        seen = {}
        if pytorch:
            numbers = torch_numbers(out)
            require(np.array_equal(numbers, models.numbers["A"]), f"PyTorch gives other numbers: {models.whose(numbers)}")
            seen["PyTorch"] = "A"
        elif "h5" in formats:
            seen["PyTorch from h5"] = models.whose(torch_numbers_from_h5(out))
        if "safetensors" in (container or ""):
            # It takes PyTorch's model.safetensors before a tf_model.h5, and gives of it what it gave before.
            seen["TFAutoModel"] = models.tensorflow_of(out)
            require(seen["TFAutoModel"] == models.tensorflow_of(models.pytorch("A", container)), str(seen))
            if "h5" in formats:
                seen["TFAutoModel use_safetensors=False"] = models.tensorflow_of(out, use_safetensors=False)
        else:
            seen["TFAutoModel"] = models.tensorflow_of(out)
            wanted = "A" if "h5" in formats or "safetensors" in formats else "none (OSError)"
            require(seen["TFAutoModel"] == wanted, str(seen))
        if pytorch and "bin" in container:
            seen["TFAutoModel from_pt"] = models.tensorflow_of(out, from_pt=True)
        if "saved_model" in formats:
            seen["SavedModel"] = models.whose(saved_model_numbers(out / "saved_model"))
        require(all(whose == "A" for loader, whose in seen.items() if loader != "TFAutoModel"), str(seen))
        require(seen["TFAutoModel"] == "A" or seen["TFAutoModel"].startswith("none"), str(seen))
        return ", ".join(f"{loader}: {name}" for loader, name in seen.items())


def run(rows, models, work):
    number = itertools.count()

    def fresh():
        return work / f"out{next(number)}"

    def earlier_weights():
        yield None, None
        yield from itertools.product(("v4", "ours"), TF_FORMATS)

    def convert(container, whose, maker, format_, formats, new_weights):
        def job():
            out = fresh()
            out.mkdir()
            if maker:
                copy_into(models.tensorflow(maker, format_), out)
                if container:  # config.json and the rest are the checkpoint's
                    (out / "crossload.json").unlink(missing_ok=True)
            if container:
                copy_into(models.pytorch(whose, container), out)
            model = out if whose == "A" else models.pytorch("A", "bin")
            try:
                return rows.check(models, out, model, whose, container, maker, formats, new_weights)
            finally:
                shutil.rmtree(out)

        stands = " + ".join(filter(None, [
            container and f"PyTorch {whose}: {container}",
            maker and f"TensorFlow B: {format_} by {maker}",
        ])) or "nothing"
        rows.row(f"{stands} | {formats}{' | --new-weights' if new_weights else ''}", job)

    for container in (None, *CONTAINERS):
        for maker, format_ in earlier_weights():
            # TensorFlow's model.safetensors has the very name of PyTorch's: both cannot stand there.
            if container and "safetensors" in container and format_ and format_.split()[0] == "safetensors":
                continue
            for formats, new_weights in itertools.product(FORMATS, (False, True)):
                convert(container, container and "A", maker, format_, formats, new_weights)
    for container, formats in itertools.product(CONTAINERS, FORMATS):
        convert(container, "B", None, None, formats, True)

    def without_output(name, arguments, cwd, wanted):
        def job():
            home = fresh()
            copy_into(models.pytorch("A", "bin"), home / "opt-1.3b")
            before = files_in(home / "opt-1.3b")
            result = rows.crossload("--formats", "h5", "--model-name", *arguments, cwd=home / cwd)
            require(result.returncode == 0, result.stderr)
            require(files_in(home / "opt-1.3b") == before, "the model's folder changed")
            require(sorted(path.name for path in home.iterdir()) == ["opt-1.3b", wanted], str(list(home.iterdir())))
            require(models.whose(tf_numbers(home / wanted)) == "A", "other numbers")
            return f"writes {wanted}"

        rows.row(name, job)

    without_output("--model-name ./opt-1.3b", ["./opt-1.3b"], ".", "opt-1.3b-tf")
    without_output("--model-name opt-1.3b/", ["opt-1.3b/"], ".", "opt-1.3b-tf")
    without_output("--model-name . in opt-1.3b", ["."], "opt-1.3b", "opt-1.3b-tf")
    without_output("--model-name pytorch_model.bin in opt-1.3b", ["pytorch_model.bin"], "opt-1.3b", "opt-1.3b-tf")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("crossload", type=Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    rows = Rows(options.crossload.resolve(), options.only)
    with tempfile.TemporaryDirectory(prefix="crossload-folders-") as work:
        models = Models(Path(work) / "models", rows.crossload)
        run(rows, models, Path(work))
    print(f"{rows.passed} passed, {rows.failed} failed")
    return 1 if rows.failed or not rows.passed else 0


if __name__ == "__main__":
    sys.exit(main())

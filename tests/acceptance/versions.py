#!/usr/bin/env python3
"""Checkpoints saved by Transformers 4.57 and by 5, each recorded by both, converted, and loaded by 4.57's TensorFlow.

    tests/acceptance/versions.py build/crossload [--only PATTERN] [--output FOLDER]

Models of tests/goldens/ are made and saved by each version in its own Python, with what else save_pretrained writes.
PyTorch of either version records what they compute; a conversion must agree with both, and what is written must give
the same numbers in the TensorFlow class of 4.57, by the config.json that is written; and by the checkpoint's own where it is
converted into its own folder. For models that one version means otherwise than the other, `EXPECTED` says what must come of
it; REFUSED_BESIDE says what must be said where the checkpoint's config.json would give other numbers.

Needs build/crossload and build/goldens/signatures.json (make build goldens), .venv and .venv5 (make setup).
"""

import argparse
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
PYTHONS = {"4.57": SOURCE / ".venv/bin/python", "5": SOURCE / ".venv5/bin/python"}
CHOSEN = ("*_model", "*_untied", "*_for_conditional_generation", "*_for_ctc", "bert_for_masked_lm", "t5_gated_gelu")
CHOSEN += ("albert_for_pre_training", "electra_for_multiple_choice", "bert_relative_key", "wav2vec2_stable_layer_norm")
CHOSEN += ("wav2vec2_*weighted_layer_sum",)
# (recipe, saved by): words of the recorder's refusal, by the version that refuses.
EXPECTED = {
    ("bert_relative_key", "4.57"): {"5": "no longer has position_embedding_type relative_key"},
    ("wav2vec2_stable_weighted_layer_sum", "4.57"): {"5": "adds up the encoder's layers otherwise than 4.57"},
}
# What the certificate of a live conversion by 5 must note, and how many cells it must have at least.
LIVE = {"clip_model": "at masked positions its results are not compared"}
FEWEST_CELLS = 10
REFUSED_BESIDE = "a config.json of Transformers 5, by which TensorFlow's T5 of Transformers 4 computes other numbers"
# v4's TensorFlow classes ignore tie_word_embeddings false, and relative positions: they are told from PyTorch alone.
NOT_IN_V4 = ("*_untied", "bert_relative_key")
IN_V4_ALL_THE_SAME = ("t5_untied",)
TOLERANCE = 2e-5


def matches(name, patterns):
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def chosen_recipes(only):
    """Name -> the recipe, completed, with `versions` that can make it and whether v4's TensorFlow has its numbers."""
    found = {}
    for path in sorted((SOURCE / "tests/goldens").glob("*.json")):
        document = json.loads(path.read_text())
        for recipe in document["recipes"]:
            name = recipe["name"]
            if not matches(name, CHOSEN) or not matches(name, only) or recipe.get("activations"):
                continue
            recipe["config"] = {**document["config"], **recipe.get("config", {})}
            in_5 = not matches(name, document.get("not_in_transformers_5", ()))
            in_v4 = not matches(name, (*NOT_IN_V4, *document.get("v4_is_wrong", ()))) or matches(
                name, IN_V4_ALL_THE_SAME
            )
            found[name] = {**recipe, "versions": ["4.57", "5"] if in_5 else ["4.57"], "in_v4": in_v4}
    return found


def save(recipes, folder):
    """Runs in the Python of one version."""
    sys.path.insert(0, str(SOURCE / "tools"))
    import torch
    from reference.goldens import SCALE, randomize
    from reference.models import build_model, find_class

    for name, recipe in recipes.items():
        model_class = find_class(recipe["class"])
        fields = {key: value for key, value in recipe["config"].items() if key != "model_type"}
        model = build_model(model_class, model_class.config_class(**fields), seed=1)
        with torch.no_grad():
            randomize(model, torch.Generator().manual_seed(1), SCALE)
        model.to(getattr(torch, recipe.get("dtype", "float32"))).save_pretrained(folder / name)
        save_tokenizer(recipe["config"], folder / name)


def save_tokenizer(config, folder):
    """Beside BERTs, so that the ids of the reference are those of texts."""
    if config["model_type"] != "bert":
        return
    from transformers import BertTokenizer, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hi", "there", "i", "am", "a", "batch", "##s", "!", "."]
    with tempfile.TemporaryDirectory() as made:
        (Path(made) / "vocab.txt").write_text("\n".join(words) + "\n")
        kind = BertTokenizerFast if BertTokenizerFast is not None else BertTokenizer
        kind.from_pretrained(made).save_pretrained(folder)


def judge(pairs):
    """Runs in the Python of 4.57. Lines of what is wrong with the artifacts, in v4's TensorFlow classes."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import numpy as np
    import tensorflow as tf
    import transformers
    from safetensors import safe_open

    transformers.logging.set_verbosity_error()
    wrong = []
    for artifact, trace, class_name in pairs:
        model, info = getattr(transformers, f"TF{class_name}").from_pretrained(
            artifact, output_loading_info=True, use_safetensors=False)  # PyTorch's may stand beside tf_model.h5
        with safe_open(trace, "np") as file:
            inputs = {key[6:]: file.get_tensor(key) for key in file.keys() if key.startswith("input.")}
            wanted = {key[7:]: file.get_tensor(key) for key in file.keys() if key.startswith("output.")}
        parameters = model.call.__wrapped__.__code__.co_varnames if hasattr(model.call, "__wrapped__") else ()
        given = {key: tf.constant(value) for key, value in inputs.items() if not parameters or key in parameters}
        result = model(given, training=False)
        # A Dropout layer without a name is numbered by the process, so 4.57 misses it in files of its own too.
        info = {kind: [k for k in keys if not re.fullmatch(r"dropout_\d+", k)] if kind == "missing_keys" else keys
                for kind, keys in info.items()}
        if any(info.values()):
            wrong.append(f"{artifact}: TF{class_name} was loaded with {info}")
        compared = 0
        for name, tensor in wanted.items():
            if not hasattr(result.get(name), "numpy"):
                continue
            compared += 1
            error = np.abs(result[name].numpy() - tensor)
            if not (error <= TOLERANCE + TOLERANCE * np.abs(tensor)).all():
                wrong.append(f"{artifact}: {name} of TF{class_name} is off by {error.max():.1e}")
        if compared == 0:
            wrong.append(f"{artifact}: no output of TF{class_name} was compared with {sorted(wanted)}")
    return wrong


class Matrix:
    def __init__(self, crossload, recipes, folder):
        self.crossload, self.recipes, self.folder = crossload, recipes, folder
        self.wrong, self.agreed, self.refused_beside = [], [], 0

    def checkpoint(self, saved, name):
        return self.folder / f"saved-{saved}" / name

    def trace(self, saved, recorded, name):
        return self.folder / f"saved-{saved}-recorded-{recorded}" / f"{name}.safetensors"

    def run(self):
        for saved, python in PYTHONS.items():
            names = {name: recipe for name, recipe in self.recipes.items() if saved in recipe["versions"]}
            (self.folder / f"saved-{saved}").mkdir()
            self.work(python, "save", [names, str(self.folder / f"saved-{saved}")])
            for recorded in PYTHONS:
                self.record(saved, recorded, names)
                for name in names:
                    self.convert(saved, recorded, name)
            for name in set(LIVE) & names.keys():
                self.convert_live(saved, name)
        if self.agreed:
            self.wrong += json.loads(self.work(PYTHONS["4.57"], "judge", [self.agreed]))
        return self.wrong

    def work(self, python, function, arguments):
        """A function of this file, in another Python. What it returns as JSON is its last line."""
        command = [python, "-W", "ignore", __file__, "--call", function]
        done = subprocess.run(command, input=json.dumps(arguments), text=True, capture_output=True)
        if done.returncode != 0:
            sys.exit(f"{python} could not {function}: {done.stderr[-2000:]}")
        return done.stdout.strip().splitlines()[-1]

    def record(self, saved, recorded, names):
        signatures = json.loads((SOURCE / "build/goldens/signatures.json").read_text())
        lines = []
        for name in names:
            self.trace(saved, recorded, name).parent.mkdir(exist_ok=True)
            model, output = str(self.checkpoint(saved, name)), str(self.trace(saved, recorded, name))
            lines.append(json.dumps({"model": model, "output": output, "signature": signatures[name]}))
        batch = self.folder / "batch.jsonl"
        batch.write_text("\n".join(lines) + "\n")
        command = [PYTHONS[recorded], SOURCE / "tools/record_reference.py", "--batch", batch]
        done = subprocess.run(command, text=True, capture_output=True)
        self.refused = [line for line in done.stderr.splitlines() if "line " in line]

    def convert(self, saved, recorded, name):
        what = f"{name}, saved by {saved}, recorded by {recorded}"
        trace = self.trace(saved, recorded, name)
        refusal = next((line for line in self.refused if f"/{name}: " in line), None)
        expected = EXPECTED.get((name, saved), {}).get(recorded)
        if expected or refusal or not trace.is_file():
            as_expected = expected and refusal and expected in refusal and not trace.is_file()
            if not as_expected:
                self.wrong.append(f"{what}: {refusal or 'no trace'}, expected {expected or 'one'}")
            print("ok  " if as_expected else "FAIL", what, "(refused)", flush=True)
            return
        output = self.folder / f"artifact-{saved}-{recorded}" / name
        command = [self.crossload, "pt-to-tf", "--model-name", self.checkpoint(saved, name), "--reference", trace]
        done = subprocess.run([*command, "--formats", "h5", "--output", output], text=True, capture_output=True, cwd=SOURCE)
        if done.returncode != 0:
            self.wrong.append(f"{what}: exit {done.returncode}: {(done.stdout + done.stderr)[-1500:]}")
        elif self.recipes[name]["in_v4"] and recorded == "4.57":
            self.agreed.append((str(output), str(trace), self.recipes[name]["class"]))
            self.convert_beside(saved, name)
        notes = json.loads((output / "crossload.json").read_text())["notes"] if done.returncode == 0 else []
        if self.recipes[name]["config"]["model_type"] == "bert" and any("tokenizer" in note for note in notes):
            self.wrong.append(f"{what}: {notes}")
        print("FAIL" if done.returncode else "ok  ", what, *notes, flush=True)

    def convert_live(self, saved, name):
        """By Transformers 5, started by the program, over the whole grid of inputs."""
        output = self.folder / f"live-{saved}" / name
        command = [self.crossload, "pt-to-tf", "--model-name", self.checkpoint(saved, name), "--output", output]
        done = subprocess.run([*command, "--formats", "h5", "--grid", "full"], text=True, capture_output=True, cwd=SOURCE,
                              env={**os.environ, "CROSSLOAD_PYTHON": str(PYTHONS["5"])})
        what = f"{name}, saved by {saved}, live by 5 over the grid"
        certificate = json.loads((output / "crossload.json").read_text()) if done.returncode == 0 else {"cells": []}
        if done.returncode != 0 or len(certificate["cells"]) < FEWEST_CELLS or LIVE[name] not in str(certificate["notes"]):
            self.wrong.append(f"{what}: exit {done.returncode}, {len(certificate['cells'])} cells: "
                              f"{(done.stdout + done.stderr)[-1500:]}")
        print("FAIL" if done.returncode else "ok  ", what, flush=True)

    def convert_beside(self, saved, name):
        """Into a copy of the checkpoint's own folder, where its config.json stays."""
        folder = self.folder / f"beside-{saved}" / name
        shutil.copytree(self.checkpoint(saved, name), folder)
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        trace = self.trace(saved, "4.57", name)
        command = [self.crossload, "pt-to-tf", "--model-name", folder, "--output", folder, "--reference", trace]
        done = subprocess.run([*command, "--formats", "h5"], text=True, capture_output=True, cwd=SOURCE)
        after = {path.name: path.read_bytes() for path in folder.iterdir()}
        what = f"{name}, saved by {saved}, into its own folder"
        if json.loads(before["config.json"]).get("scale_decoder_outputs") is False:
            if done.returncode != 2 or REFUSED_BESIDE not in done.stderr or after != before:
                self.wrong.append(f"{what}: exit {done.returncode}, not refused: {done.stderr[-500:]}")
            self.refused_beside += 1
        elif done.returncode != 0:
            self.wrong.append(f"{what}: exit {done.returncode}: {(done.stdout + done.stderr)[-1500:]}")
        else:
            self.agreed.append((str(folder), str(trace), self.recipes[name]["class"]))
            if any(after[file] != data for file, data in before.items()):
                self.wrong.append(f"{what}: a file of the checkpoint was changed")


def call(function):
    arguments = json.load(sys.stdin)
    if function == "save":
        save(arguments[0], Path(arguments[1]))
        print("null")
    else:
        print(json.dumps(judge(*arguments)))


def main():
    if sys.argv[1:2] == ["--call"]:
        return call(sys.argv[2])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crossload", type=Path)
    parser.add_argument("--only", default="*", help="names of recipes; * stands for anything")
    parser.add_argument("--output", type=Path, help="an empty folder for all that is made; default: a temporary one")
    args = parser.parse_args()
    recipes = chosen_recipes([args.only])
    with tempfile.TemporaryDirectory() as temporary:
        matrix = Matrix(args.crossload.resolve(), recipes, args.output or Path(temporary))
        wrong = matrix.run()
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{len(recipes)} models, {len(matrix.agreed)} artifacts in TensorFlow classes of 4.57, "
          f"{matrix.refused_beside} refused beside config.json of 5, {len(wrong)} findings")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

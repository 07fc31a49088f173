"""Converts a random BERT in half precision and holds what was written against PyTorch with weights rounded alike.

    half_precision.py [--crossload build/crossload] [--folder FOLDER]

A float32 checkpoint becomes float16 and bfloat16, and a float16 checkpoint float16: there nothing may be lost. Each format
is loaded by those who read it: the real class of Transformers 4 (tf_model.h5, model.safetensors) and tf.saved_model.load.
Prints one line an expectation; the last is `N passed, N failed`, and any failure is exit code 1.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import h5py
import numpy as np
import safetensors
import safetensors.torch
import tensorflow as tf
import torch
import transformers
from clients import Tally

LIMIT = 1e-5
IDS = np.array([[5, 17, 33, 2, 9, 61], [7, 3, 11, 44, 58, 12]])
WIDTHS = {"float16": torch.float16, "bfloat16": torch.bfloat16}


def make_checkpoint(folder, dtype):
    torch.manual_seed(3)
    config = transformers.BertConfig(
        vocab_size=99, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=37, initializer_range=0.3
    )
    transformers.BertForMaskedLM(config).to(dtype).save_pretrained(folder)


def logits_of_pytorch(folder, dtype):
    """Computed in float32, of weights rounded to `dtype`."""
    model = transformers.BertForMaskedLM.from_pretrained(folder, torch_dtype=torch.float32, attn_implementation="eager").eval()
    if dtype:
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(tensor.to(dtype))
    with torch.no_grad():
        return model(torch.from_numpy(IDS)).logits.numpy()


def run(crossload, *words):
    done = subprocess.run([crossload, *map(str, words)], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def convert(tally, crossload, model, output, dtype, formats):
    code, text = run(crossload, "pt-to-tf", "--model-name", model, "--output", output, "--dtype", dtype, "--formats", formats)
    tally.expect("agrees", code == 0, text.strip().splitlines()[-1][:200])
    return json.loads((output / "crossload.json").read_text())


def expect_near(tally, what, got, wanted):
    off = float(np.abs(np.asarray(got) - wanted).max())
    tally.expect(f"{what} gives PyTorch's logits", off <= LIMIT, f"{off:.2e}")


def expect_formats(tally, folder, dtype, wanted):
    saved = tf.saved_model.load(str(folder / "saved_model"))
    kinds = {variable.dtype.name for variable in saved.variables}
    tally.expect("SavedModel's variables are of the type", kinds == {dtype}, str(kinds))
    expect_near(tally, "the SavedModel", saved(input_ids=IDS)["logits"], wanted)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(saved(input_ids=IDS)["logits"] ** 2)
    gradients = [g for g in tape.gradient(loss, saved.trainable_variables) if g is not None]
    tally.expect("the SavedModel has gradients", len(gradients) > 30, str(len(gradients)))
    with safetensors.safe_open(folder / "model.safetensors", framework="pt") as file:
        kinds = {str(file.get_tensor(key).dtype) for key in file.keys()}
    tally.expect("model.safetensors holds the type", kinds == {f"torch.{dtype}"}, str(kinds))
    files = {"model.safetensors": True}
    if (folder / "tf_model.h5").is_file():
        files["tf_model.h5"] = False
        kinds = set()
        with h5py.File(folder / "tf_model.h5") as file:
            file.visititems(lambda _, item: kinds.add(item.dtype.name) if isinstance(item, h5py.Dataset) else None)
        tally.expect("tf_model.h5 holds the type", kinds == {dtype}, str(kinds))
    for name, use_safetensors in files.items():
        model = transformers.TFBertForMaskedLM.from_pretrained(str(folder), use_safetensors=use_safetensors)
        expect_near(tally, f"Transformers {transformers.__version__}, {name},", model(IDS).logits, wanted)


def expect_lossy(tally, crossload, folder):
    make_checkpoint(folder / "float32", torch.float32)
    exact = logits_of_pytorch(folder / "float32", None)
    for dtype, formats in (("float16", "h5,safetensors,saved_model"), ("bfloat16", "safetensors,saved_model")):
        with tally.about(f"float32 as {dtype}:"):
            output = folder / f"float32-{dtype}"
            precision = convert(tally, crossload, folder / "float32", output, dtype, formats)["precision"]
            tally.expect("is said to be rounded", precision["dtype"] == dtype and precision["rounded"] > 0, str(precision["rounded"]))
            cost = {row["name"]: row for row in precision["outputs"]}["logits"]
            tally.expect("has a cost", 0 < cost["mean"] < cost["worst"] and cost["choices"] > 0, str(cost))
            rounded = logits_of_pytorch(folder / "float32", WIDTHS[dtype])
            tally.expect("is other than float32 by more than rounding", np.abs(rounded - exact).max() > 10 * LIMIT)
            expect_formats(tally, output, dtype, rounded)
            code, text = run(crossload, "compare", output, "--model-name", folder / "float32")
            tally.expect("agrees when it is compared again", code == 0, text.strip().splitlines()[-1][:200])
            code, text = run(crossload, "verify-certificate", output, "--checkpoint", folder / "float32")
            tally.expect("is what its certificate says", code == 0, text.strip().splitlines()[-1][:200])
    code, text = run(crossload, "pt-to-tf", "--model-name", folder / "float32", "--output", folder / "no", "--dtype", "bfloat16")
    tally.expect("bfloat16 is refused for h5", code == 2 and "HDF5 has no such type" in text, text.strip()[:200])


def expect_lossless(tally, crossload, folder):
    with tally.about("float16 as float16:"):
        make_checkpoint(folder / "float16", torch.float16)
        output = folder / "float16-float16"
        precision = convert(tally, crossload, folder / "float16", output, "float16", "h5,safetensors,saved_model")["precision"]
        tally.expect("loses nothing", precision["rounded"] == 0 and precision["outputs"] == [], str(precision))
        expect_formats(tally, output, "float16", logits_of_pytorch(folder / "float16", None))
        sizes = [(root / "model.safetensors").stat().st_size for root in (folder / "float16", output)]
        tally.expect("is as large as the checkpoint", sizes[1] < 1.05 * sizes[0], str(sizes))
    with tally.about("float32 that float16 cannot hold:"):
        make_checkpoint(folder / "large", torch.float32)
        state = safetensors.torch.load_file(folder / "large" / "model.safetensors")
        state["bert.embeddings.LayerNorm.weight"][0] = 1e6
        safetensors.torch.save_file(state, folder / "large" / "model.safetensors", metadata={"format": "pt"})
        code, text = run(crossload, "pt-to-tf", "--model-name", folder / "large", "--output", folder / "no", "--dtype", "float16")
        tally.expect("is refused by name", code == 2 and "LayerNorm.weight holds" in text, text.strip()[:200])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crossload", default="build/crossload")
    parser.add_argument("--folder", type=pathlib.Path, help="keeps what is written")
    arguments = parser.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or pathlib.Path(temporary)
        expect_lossless(tally, arguments.crossload, folder)
        expect_lossy(tally, arguments.crossload, folder)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Compares our model.tflite with those of litert-torch and onnx2tf: size, error and time, in one run.

  bench/litert.py [--only NAME,...] [--threads N] [--rounds N] [--docs FILE]

Each model is one of BERT: all-MiniLM-L6-v2 with its weights, BERT-base with random ones. Ours are made by `crossload
pt-to-tf --formats litert` as float32, float16 and int8; those of others by their own converters, in environments of their
own (.venv-litert, .venv-onnx2tf), which this makes when they are not there. What does not install or convert is in the
table with its reason.

All of a model are run by the interpreter of ai-edge-litert on one sentence of 128 tokens, 28 of them padding, in one
process and in turns of one call each, so that what else the machine does falls on all alike. Errors are those of
last_hidden_state at kept positions, from PyTorch's. Times are medians.

Needs build/crossload and .venv (make build setup).
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import marked_text

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "bench-litert"
MODELS = ("all-MiniLM-L6-v2", "bert-base")
TYPES = ("float32", "float16", "int8")
LENGTH, KEPT = 128, 100
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
# Of each other converter: the environment and its packages. PyTorch and TensorFlow are pinned as in .venv.
OTHERS = {
    "litert-torch": (".venv-litert", ["litert-torch==0.10.0"]),
    "onnx2tf": (".venv-onnx2tf", ["onnx2tf==1.28.8", "onnx==1.23.2", "onnxscript==0.7.2", "onnx-graphsurgeon==0.6.1",
                                  "onnxsim==0.8.1", "sng4onnx==2.0.1", "psutil==7.2.2", "ai-edge-litert==2.3.0",
                                  "tensorflow-cpu", "tf_keras", "torch", "transformers"]),
}
PINNED = ("torch", "tensorflow-cpu")


def say(text):
    print(text, file=sys.stderr, flush=True)


def environment(name):
    """The Python of another converter, whose environment is made when it is not there; an exception says why not."""
    folder, packages = OTHERS[name]
    python = ROOT / folder / "bin" / "python"
    stamp = ROOT / folder / "packages"
    wanted = " ".join(packages)
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    say(f"{name}: installing into {folder}")
    subprocess.run([sys.executable, "-m", "venv", "--clear", ROOT / folder], check=True)
    pins = [line for line in (ROOT / "tools/requirements.txt").read_text().splitlines()
            if line.partition("==")[0] in PINNED]
    constraints = ROOT / folder / "constraints"
    constraints.write_text("\n".join(pins) + "\n")
    subprocess.run([python, "-m", "pip", "install", "-qq", "--retries", "10", "--constraint", constraints, *packages],
                   check=True, stdout=subprocess.DEVNULL)
    stamp.write_text(wanted)
    return python


def checkpoint_of(name):
    if name == "all-MiniLM-L6-v2":
        found = subprocess.run([ROOT / "tools/demo_model.sh"], check=True, capture_output=True, text=True)
        return pathlib.Path(found.stdout.strip())
    folder = FOLDER / name / "checkpoint"
    if not folder.is_dir():
        import torch
        import transformers

        torch.manual_seed(0)
        transformers.BertModel(transformers.BertConfig()).save_pretrained(folder)
    return folder


def ours(checkpoint, folder):
    made = {}
    for kind in TYPES:
        say(f"  crossload, {kind}")
        artifact = folder / "crossload" / kind
        subprocess.run([ROOT / "build/crossload", "pt-to-tf", "--model-name", checkpoint, "--override-model-class", "BertModel",
                        "--formats", "litert", "--litert", kind, "--no-verify", "--new-weights", "--output", artifact],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        made[kind] = {"sizes": "open", "file": artifact / "model.tflite"}
    return made


def by_other(name, checkpoint, folder):
    say(f"  {name}")
    try:
        python = environment(name)
    except (subprocess.CalledProcessError, OSError):
        return {kind: {"failure": "does not install"} for kind in TYPES}
    target = folder / name
    done = subprocess.run([python, ROOT / "bench/litert_others.py", name, checkpoint, target, str(LENGTH)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip() or "ended without a word").splitlines()[-1]
        return {kind: {"failure": last[:160]} for kind in TYPES}
    made = json.loads(done.stdout.strip().splitlines()[-1])
    for kind, one in made.items():
        one["file"] = target / f"{kind}.tflite"
    return made


def sentence(vocabulary):
    import numpy as np

    ids = np.random.default_rng(0).integers(1000, vocabulary, (1, LENGTH))
    mask = np.ones_like(ids)
    mask[:, KEPT:] = 0
    ids[:, KEPT:] = 0
    return dict(zip(INPUTS, (ids, mask, np.zeros_like(ids))))


def pytorch(checkpoint):
    import torch
    import transformers

    model = transformers.BertModel.from_pretrained(str(checkpoint), attn_implementation="eager").eval()
    inputs = sentence(model.config.vocab_size)
    with torch.inference_mode():
        wanted = model(**{name: torch.from_numpy(value) for name, value in inputs.items()}).last_hidden_state.numpy()
    return inputs, wanted


def caller(file, inputs, threads):
    """A function of nothing that gives last_hidden_state. Inputs without our names are in PyTorch's order; files without
    signatures have their inputs and their one output by place."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(file), num_threads=threads)
    if not interpreter.get_signature_list():
        return interpreter, caller_by_place(interpreter, inputs)
    runner = interpreter.get_signature_runner(next(iter(interpreter.get_signature_list())))
    details = runner.get_input_details()
    named = set(details) == set(INPUTS)
    feeds = {name: inputs[name if named else ours_name].astype(details[name]["dtype"])
             for name, ours_name in zip(sorted(details), INPUTS)}

    def call():
        results = runner(**feeds)
        return next(value for value in results.values() if value.ndim == 3)

    return interpreter, call


def caller_by_place(interpreter, inputs):
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()
    feeds = {}
    for detail, name in zip(details, INPUTS):
        named = next((one for one in INPUTS if one in detail["name"]), name)
        feeds[detail["index"]] = inputs[named].astype(detail["dtype"])
    output = interpreter.get_output_details()[0]["index"]

    def call():
        for index, value in feeds.items():
            interpreter.set_tensor(index, value)
        interpreter.invoke()
        return interpreter.get_tensor(output)

    return call


def measure(name, threads, rounds):
    import numpy as np

    say(name)
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = checkpoint_of(name)
    made = {("Crossload", kind): one for kind, one in ours(checkpoint, folder).items()}
    for other in OTHERS:
        made.update({(other, kind): one for kind, one in by_other(other, checkpoint, folder).items()})
    inputs, wanted = pytorch(checkpoint)
    calls, alive = {}, []
    for key, one in made.items():
        if "failure" in one:
            continue
        try:
            interpreter, call = caller(one["file"], inputs, threads)
            apart = np.abs(call() - wanted)[:, :KEPT]
        except (RuntimeError, ValueError) as error:
            one["failure"] = "does not run: " + str(error).splitlines()[0][:160]
            continue
        alive.append(interpreter)
        calls[key] = call
        one.update(max=float(apart.max()), mean=float(apart.mean()), megabytes=one["file"].stat().st_size / 1e6)
    say(f"  {rounds} rounds of {len(calls)}")
    times = {key: [] for key in calls}
    for _ in range(rounds):
        for key, call in calls.items():
            start = time.perf_counter()
            call()
            times[key].append(1e3 * (time.perf_counter() - start))
    for key, taken in times.items():
        made[key]["milliseconds"] = statistics.median(taken)
    return made


def table(name, made):
    base = made["Crossload", "float32"]["milliseconds"]
    for (converter, kind), one in made.items():
        if "failure" in one:
            yield f"| {name} | {converter} | {kind} | {one['failure'].replace('|', '/')} | | | | | |"
            continue
        yield (f"| {name} | {converter} | {kind} | {one['sizes']} | {one['megabytes']:.1f} | {one['max']:.1e} | "
               f"{one['mean']:.1e} | {one['milliseconds']:.1f} | {one['milliseconds'] / base:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="of the models, these: " + ", ".join(MODELS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--docs", type=pathlib.Path, help="the document whose table is replaced; else it is printed")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(MODELS)
    if unknown := set(names) - set(MODELS):
        parser.error(f"--only: no model {', '.join(sorted(unknown))}")
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", TF_CPP_MIN_LOG_LEVEL="3")
    rows = ["| model | converter | weights | sizes | MB | largest error | mean error | ms | x Crossload float32 |",
            "|---|---|---|---|---|---|---|---|---|"]
    for name in names:
        rows += table(name, measure(name, options.threads, options.rounds))
        print("\n".join(rows), file=sys.stderr, flush=True)
    marked_text.put(options.docs, "litert-bench", "\n".join(rows))


if __name__ == "__main__":
    main()

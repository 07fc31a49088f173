#!/usr/bin/env python3
"""Times inference: Crossload's SavedModels, of its class and traced, beside that of Transformers 4 and PyTorch with eager
and with fused attention (sdpa), on the same weights.

  bench/inference.py [--only NAME,...] [--threads N] [--seconds S] [--json FILE] [--docs]

Each model is made with random weights (all-MiniLM-L6-v2 is the real one) and kept in build/bench/<name>/: checkpoint/
by PyTorch, class/ and traced/ by `crossload pt-to-tf`, theirs/ by the TensorFlow class of Transformers 4 (from_pt, then
save_pretrained(saved_model=True)). All run in one process with the same number of threads, in turns of one call each, so
that what else the machine does falls on all alike. The time of a call is the least of its turns. Before that the results
are compared. With --docs, 1 thread and 2 are timed, each in a process of its own, and the table is put into the document
for such processors: README.md with AVX-512, docs/inference.md without.

Needs build/crossload and .venv (make build setup).
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from marked_text import put

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "bench"
BATCHES = (1, 8)
LENGTH = 128  # of texts
LEAST_TURNS, MOST_TURNS = 7, 200
THREADS = (1, 2)
CPU = Path("/proc/cpuinfo")  # of Linux
OURS, PEERS = ("class", "traced"), ("transformers 4", "eager", "sdpa")
HEADER = (
    "| model | batch | threads | class | traced | Transformers 4 | eager | sdpa | best other / class | best other / traced |",
    "|---|---|---|---|---|---|---|---|---|---|",
)

# The PyTorch class, fields of its configuration that are not the defaults, and what goes in.
MODELS = {
    "all-MiniLM-L6-v2": ("BertModel", None, "text"),
    "bert-base": ("BertModel", {}, "text"),
    "gpt2": ("GPT2Model", {"use_cache": False}, "text"),
    "vit-base": ("ViTModel", {}, "image"),
}


def say(text):
    print(text, file=sys.stderr, flush=True)


def supported_classes():
    listing = subprocess.run([ROOT / "build/crossload", "list", "--markdown"], check=True, capture_output=True, text=True)
    return {line.split("|")[2].strip() for line in listing.stdout.splitlines() if line.startswith("| ")}


def make_checkpoint(name, class_name, fields, folder):
    """By PyTorch: the folder of the real model, or a new one with random weights."""
    if fields is None:
        found = subprocess.run([ROOT / "tools/demo_model.sh"], check=True, capture_output=True, text=True)
        return Path(found.stdout.strip())
    import torch
    import transformers

    model_class = getattr(transformers, class_name)
    torch.manual_seed(0)
    model_class(model_class.config_class(**fields)).save_pretrained(folder)
    return folder


def make_artifacts(name):
    """The checkpoint, and by name our SavedModels and theirs; what is there already stays, but ours are made anew."""
    class_name, fields, _ = MODELS[name]
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint"
    if fields is None or not checkpoint.is_dir():
        say(f"{name}: making the checkpoint")
        checkpoint = make_checkpoint(name, class_name, fields, checkpoint)
    paths = {}
    for way in OURS if f"TF{class_name}" in supported_classes() else OURS[1:]:
        say(f"{name}: converting by Crossload, {way}")
        paths[way] = folder / way / "saved_model"
        shutil.rmtree(folder / way, ignore_errors=True)
        command = [ROOT / "build/crossload", "pt-to-tf", "--model-name", checkpoint, "--output", folder / way]
        command += ["--via", "trace" if way == "traced" else way, "--formats", "saved_model", "--no-verify"]
        subprocess.run([*command, "--override-model-class", class_name], check=True, stdout=subprocess.DEVNULL)
    theirs = folder / "theirs" / "saved_model" / "1"
    if not (theirs / "saved_model.pb").is_file():
        say(f"{name}: converting by Transformers")
        import transformers

        model = getattr(transformers, "TF" + class_name).from_pretrained(str(checkpoint), from_pt=True)
        model.save_pretrained(str(folder / "theirs"), saved_model=True)
    return checkpoint, paths | {"transformers 4": theirs}


def inputs_of(kind, batch, config):
    import numpy as np

    random = np.random.default_rng(0)
    if kind == "image":
        size = config.image_size
        return {"pixel_values": random.standard_normal((batch, config.num_channels, size, size)).astype(np.float32)}
    ids = random.integers(0, config.vocab_size, (batch, LENGTH)).astype(np.int32)
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}


def callers(name, checkpoint, paths):
    """By name: a function of inputs that gives last_hidden_state."""
    import tensorflow as tf
    import torch
    import transformers

    model_class = getattr(transformers, MODELS[name][0])

    def torch_caller(attention):
        model = model_class.from_pretrained(str(checkpoint), attn_implementation=attention).eval()

        def caller(inputs):
            feeds = {key: torch.from_numpy(value) for key, value in inputs.items()}
            if "gpt2" in name:
                feeds.pop("token_type_ids")
            feeds = {key: value.long() if value.dtype == torch.int32 else value for key, value in feeds.items()}

            def call():
                with torch.inference_mode():
                    return model(**feeds).last_hidden_state.numpy()

            return call

        return model.config, caller

    def saved_model_caller(path):
        loaded = tf.saved_model.load(str(path))
        serve = loaded.signatures["serving_default"]
        wanted = serve.structured_input_signature[1].keys()

        def caller(inputs):
            feeds = {key: tf.constant(value) for key, value in inputs.items() if key in wanted}
            keep_alive = loaded
            return lambda: (keep_alive, serve(**feeds)["last_hidden_state"].numpy())[1]

        return caller

    named = {key: saved_model_caller(path) for key, path in paths.items()}
    for attention in ("eager", "sdpa"):
        config, named[attention] = torch_caller(attention)
    return named, config


def least_times(calls, seconds):
    """In turns, each in another order, so that none always follows the same: the least time of a call of each, in ms."""
    least, order = dict.fromkeys(calls, float("inf")), random.Random(0)
    begin = time.perf_counter()
    for turn in range(MOST_TURNS):
        if turn >= LEAST_TURNS and time.perf_counter() - begin > seconds:
            break
        for name, call in order.sample(list(calls.items()), len(calls)):
            start = time.perf_counter()
            call()
            least[name] = min(least[name], 1e3 * (time.perf_counter() - start))
    return least


def measure(name, artifacts, seconds, threads):
    import numpy as np

    by_name, config = callers(name, *artifacts)
    rows = []
    for batch in BATCHES:
        inputs = inputs_of(MODELS[name][2], batch, config)
        calls = {caller: make(inputs) for caller, make in by_name.items()}
        results = {caller: call() for caller, call in calls.items()}  # the first call also optimizes the graph
        for way in set(OURS) & results.keys():
            if (off := float(np.abs(results[way] - results["eager"]).max())) > 1e-4:
                raise SystemExit(f"{name}, batch {batch}, {way}: results differ from PyTorch's by {off:.2e}")
        times = least_times(calls, seconds)
        row = {"model": name, "batch": batch, "threads": threads}
        rows.append({**row, **{key: round(value, 2) for key, value in times.items()}})
        print(row_of(rows[-1]), flush=True)
    return rows


def row_of(row):
    """The times, and how many times as long as each of ours the best of the others takes."""
    times = " | ".join(f"{row[name]:.1f}" if name in row else "-" for name in (*OURS, *PEERS))
    best = min(row[name] for name in PEERS)
    ratios = " | ".join(f"{best / row[name]:.2f}" if name in row else "-" for name in OURS)
    return f"| {row['model']} | {row['batch']} | {row['threads']} | {times} | {ratios} |"


def document():
    """Where the table of this processor belongs: which library multiplies faster depends on its instructions."""
    has_avx512 = "avx512f" in CPU.read_text(encoding="utf-8").split()
    return ROOT / ("README.md" if has_avx512 else "docs/inference.md")


def measure_all(args):
    """The table with each number of threads, into the document."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for threads in THREADS:
            words = [sys.executable, __file__, "--threads", str(threads), "--seconds", str(args.seconds)]
            words += ["--only", args.only] if args.only else []
            subprocess.run([*words, "--json", f"{folder}/rows.json"], check=True)
            rows += json.loads(Path(f"{folder}/rows.json").read_text(encoding="utf-8"))
    rows.sort(key=lambda row: (list(MODELS).index(row["model"]), row["batch"], row["threads"]))
    put(document(), "inference-table", "\n".join([*HEADER, *map(row_of, rows)]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="of the models, these: " + ", ".join(MODELS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10, help="for each model and batch, at least")
    parser.add_argument("--json", type=Path, help="write the times here, too")
    parser.add_argument("--docs", action="store_true", help="put the table into the document for this processor")
    args = parser.parse_args()
    if args.docs:
        measure_all(args)
        return
    names = args.only.split(",") if args.only else list(MODELS)
    if unknown := set(names) - MODELS.keys():
        parser.error(f"--only: no model {', '.join(sorted(unknown))}")
    os.environ.update(TF_USE_LEGACY_KERAS="1", TF_CPP_MIN_LOG_LEVEL="3", HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    say("importing TensorFlow, PyTorch and Transformers")
    import tensorflow as tf
    import torch

    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    torch.set_num_threads(args.threads)
    say(f"TensorFlow {tf.__version__}, PyTorch {torch.__version__}, {args.threads} threads each, milliseconds a call")
    print(*HEADER, sep="\n", flush=True)
    rows = [row for name in names for row in measure(name, make_artifacts(name), args.seconds, args.threads)]
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()

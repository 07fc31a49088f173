#!/usr/bin/env python3
"""Traces and converts a tiny model of each of eight architectures, and hands the SavedModels to those who judge.

    tests/acceptance/traced.py [--crossload build/crossload] [--folder build/acceptance-traced] [--only llama,swin]
                               [PROGRAM.py | "PROGRAM.py OPTION..."]...

Each is converted with PyTorch beside, so that every module is compared. Of what PyTorch computed a copy is kept, by which
clients.py judges the SavedModel, at the sizes of the other inputs too, and after it each PROGRAM: PROGRAM ARTIFACT TRACE
[ARTIFACT TRACE ...] --only saved_model,hub. Writes the folder anew. Needs build/crossload (make build) and .venv (make
setup).
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True

from reference import libraries, messages  # noqa: E402
from reference.messages import Failure  # noqa: E402

libraries.silence()
with messages.without_progress():
    libraries.load(threads=1)

from tiny import eight  # noqa: E402
from tiny.fork_server import forked_python, run_tool  # noqa: E402


def say(text):
    print(text, file=messages.Terminal.err, flush=True)


def trace_beside(model):
    """Where what PyTorch computed of a checkpoint's folder is kept."""
    return model.parent / "trace.safetensors"


def record_and_keep():
    """Keeps a copy of the trace, which the program removes."""
    code = run_tool()
    words = dict(zip(sys.argv, sys.argv[1:]))
    if code == 0:
        shutil.copyfile(words["--output"], trace_beside(Path(words["--model"])))
    return code


def convert(crossload, python, folder, model_type):
    """The artifact."""
    class_name = eight.save(model_type, folder / "model")
    artifact = folder / model_type
    words = [crossload, "pt-to-tf", "--model-name", folder / "model", "--output", artifact, "--via", "trace"]
    words += ["--override-model-class", class_name, "--formats", "saved_model", "--python", python]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise Failure(1, f"{class_name} is not converted: {done.stderr}")
    say(next((line for line in done.stdout.splitlines() if line.startswith(class_name)), class_name))
    return artifact


def judge(program, pairs, clients):
    command = program.split()
    words = [sys.executable, "-W", "ignore", *command[:1], *pairs, *command[1:], "--only", clients]
    say(f"{program}: {len(pairs) // 2} artifacts")
    return subprocess.run(words, stdout=messages.Terminal.out, stderr=messages.Terminal.err).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM")
    parser.add_argument("--crossload", type=Path, default=ROOT / "build" / "crossload")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "acceptance-traced")
    parser.add_argument("--only", default=",".join(eight.CLASSES), metavar="NAME,NAME")
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    pairs = []
    with forked_python(record_and_keep) as python:
        for model_type in options.only.split(","):
            folder = options.folder / model_type
            artifact = convert(options.crossload, python, folder, model_type)
            pairs += [artifact, trace_beside(folder / "model")]
    codes = [judge("tests/acceptance/clients.py", pairs, "saved_model,sizes,hub,keras")]
    codes += [judge(program, pairs, "saved_model,hub") for program in options.programs]
    return max(codes)


if __name__ == "__main__":
    os.chdir(ROOT)
    try:
        code = main()
    except Failure as failure:
        say(f"tests/acceptance/traced.py: {failure}")
        code = 1
    sys.exit(code)

#!/usr/bin/env python3
"""Try every model type of the installed Transformers: build a tiny model by one rule, save it, trace it, convert it.

    .venv5/bin/python tools/sweep.py --folder build/sweep --trace-only
    .venv5/bin/python tools/sweep.py --folder build/sweep --program build/crossload --report docs/coverage.md

Results are lines of JSON in the folder's results.jsonl, one for each class; what is there is not tried again. With
--program each model is converted by its own process of that program; with --trace-only it is exported in this one; with
--build-only it is built and run, which takes a second.
tools/tiny/ has the rule by which configurations are shrunk and the table of its exceptions.
"""

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True

from reference import libraries, messages  # noqa: E402
from reference.messages import Failure, summary  # noqa: E402
from tiny.fork_server import forked_python, run_tool  # noqa: E402
from tiny.report import read_report, write_report  # noqa: E402

TERMINAL = os.fdopen(os.dup(1), "w")  # libraries are kept from the other
CONVERTED = {0: "agrees", 1: "disagrees"}
FIXED_AXIS = re.compile(r"axis (\d+) of (\w+) is \d+ alone")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--folder", type=Path, required=True, help="where checkpoints and results are")
    add("--only", metavar="TYPES", help="model types, separated by commas")
    add("--classes", type=int, default=2, help="of each type, at most so many (default 2): the base model, then heads")
    add("--program", type=Path, help="the program that converts each")
    add("--trace-only", action="store_true", help="export each in this process instead")
    add("--build-only", action="store_true", help="build each, and run it once")
    add("--limit", type=int, default=120, metavar="SECONDS", help="for each model (default 120)")
    add("--seconds", type=float, default=float("inf"), help="start no other model after so many")
    add("--jobs", type=int, default=1, help="processes that share the types (default 1)")
    add("--share", default="0/1", help=argparse.SUPPRESS)  # which of the jobs this is
    add("--keep", action="store_true", help="leave the checkpoints there")
    add("--must-agree", action="store_true", help="a test: begin anew, print what became of each, and fail for any other")
    add("--report", type=Path, help="write the table of all results to this file; rows of classes that were not tried stay")
    add("--new", action="store_true", help="leave out what has a row in the report")
    return parser.parse_args()


class Late(BaseException):
    """Over the limit of time; no library may catch it."""


@contextlib.contextmanager
def limited(seconds):
    def stop(*_):
        raise Late()

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def read_results(path):
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("}")]  # a process that was ended leaves half a line


def try_class(args, model_type, class_name):
    """The result of one class."""
    started, result = time.monotonic(), {"type": model_type, "class": class_name, "verdict": "not built"}
    folder = args.folder / model_type / class_name
    try:
        with limited(args.limit):
            try_steps(args, folder, result)
    except Late:
        result["reason"] = f"not done in {args.limit} s"
    except Exception as error:  # whatever the classes of other people raise
        result["reason"] = str(error).removeprefix("None: ") if isinstance(error, Failure) else summary(error)
    finally:
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)
    result["seconds"] = round(time.monotonic() - started, 1)
    return result


def try_steps(args, folder, result):
    from tiny.build import build
    from tiny.inputs import maker_for

    model, inputs, why = build(result["type"], result["class"])
    result["verdict"], result["parameters"] = "built", sum(parameter.numel() for parameter in model.parameters())
    if inputs is None:
        raise Failure(messages.BAD_INPUT, why)
    result["inputs"] = {name: list(tensor.shape) for name, tensor in inputs.items()}
    result["verdict"] = "runs"
    if args.build_only:
        return
    folder.mkdir(parents=True, exist_ok=True)
    model.config.architectures = [result["class"]]
    model.save_pretrained(folder)
    given = write_inputs(folder, inputs) if maker_for(result["type"], result["class"]) else None
    if args.program:
        convert(args, folder, given, result)
    else:
        export(folder, given, result)


def write_inputs(folder, inputs):
    """The file of inputs that the program cannot make by itself."""
    from safetensors.torch import save_file

    path = folder / "inputs.safetensors"
    save_file(inputs, path)
    return path


def export(folder, given, result):
    from reference.checkpoints import Job, load_traced
    from reference.traced_program import Tracing

    program = folder / "program.safetensors"
    job = Job(model=folder, output=None, model_class=result["class"], inputs=given, program=program)
    tracing = Tracing(job, *load_traced(job))
    tracing.write()
    program = tracing.program
    result.update(verdict="traced", nodes=len(program["nodes"]), stages=len(program["stages"]))
    result["frozen"] = [f"{one['input']} axis {one['axis']}" for one in program["frozen"]]
    result["operations"] = sorted({node["op"] for node in program["nodes"]})


def convert(args, folder, given, result):
    certificate = folder / "certificate.json"
    command = [args.program, "pt-to-tf", "--via", "trace", "--model-name", folder, "--output", folder / "tf"]
    command += ["--override-model-class", result["class"], "--python", args.python, "--json", certificate]
    command += ["--inputs", given] if given else []
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        _, said = process.communicate()
    finally:
        process.kill()
    result["verdict"] = CONVERTED.get(process.returncode, "not converted")
    if process.returncode:
        result["reason"] = (said.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
    if certificate.is_file():
        result.update(read_certificate(json.loads(certificate.read_text(encoding="utf-8"))))


def read_certificate(document):
    found = {"verdict": document["verdict"]}
    stages = [one for one in document["stages"] if isinstance(one.get("max_error"), (int, float))]
    if worst := max(stages, key=lambda one: one["max_error"], default=None):
        found["worst"] = [worst["path"], worst["max_error"]]
    found["frozen"] = [f"{axis[2]} axis {axis[1]}" for note in document["notes"] if (axis := FIXED_AXIS.match(note))]
    for function in document["functions"]:
        if function["finding"]:
            found["reason"] = f"{function['name']}: {function['finding']}"
    if first := document["first_divergence"]:
        found["reason"] = f"{first['path']} ({first.get('class')}) is {first['max_error']} off; {first['hint']}"
    return found


def sweep(args):
    from tiny.classes import classes_of, model_types

    results = args.folder / "results.jsonl"
    tried = [one for one in read_results(results) if args.build_only or one["verdict"] != "runs" or "reason" in one]
    tried += read_report(args.report) if args.new else []
    done = {(one["type"], one["class"]) for one in tried}
    share, shares = map(int, args.share.split("/"))
    types = args.only.split(",") if args.only else model_types()
    random.Random(0).shuffle(types)  # so that a part is a fair sample
    started = time.monotonic()
    for model_type in types[share::shares]:
        for class_name in classes_of(model_type, args.classes):
            if (model_type, class_name) in done or time.monotonic() - started > args.seconds:
                continue
            line = json.dumps(try_class(args, model_type, class_name))
            with open(results, "a", encoding="utf-8") as file:
                file.write(line + "\n")


def judge(results):
    """1 unless all agree."""
    for one in results:
        print(one["class"], one["verdict"], one.get("reason", ""), f"{one['seconds']} s", sep="  ", file=TERMINAL, flush=True)
    return not results or any(not one["verdict"].startswith("agrees") for one in results)


def main():
    args = parse_arguments()
    args.folder.mkdir(parents=True, exist_ok=True)
    if args.must_agree:
        (args.folder / "results.jsonl").unlink(missing_ok=True)
    if args.jobs > 1:
        words = [sys.executable, *sys.argv]
        processes = [subprocess.Popen([*words, "--jobs", "1", "--share", f"{i}/{args.jobs}"]) for i in range(args.jobs)]
        for process in processes:
            process.wait()
    elif args.program or args.trace_only or args.build_only:
        libraries.silence()
        messages.Terminal.out = open(os.devnull, "w", encoding="utf-8")
        libraries.load(threads=1)
        with forked_python(run_tool) as args.python:
            sweep(args)
    if args.must_agree:
        sys.exit(judge(read_results(args.folder / "results.jsonl")))
    if args.report and args.share == "0/1":
        write_report(args.report, read_report(args.report) + read_results(args.folder / "results.jsonl"))


if __name__ == "__main__":
    main()

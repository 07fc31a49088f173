"""Traces a tiny model of each of eight architectures, converts it to LiteRT, and writes what came of it as a table.

    bench/litert_traced.py [--crossload build/crossload] [--only llama,swin] [--docs docs/litert.md]

The program itself converts, runs both interpreters and judges; a row is what its certificate says, or its refusal. `make
litert-traced-table` writes the table into docs/litert.md. Needs build/crossload and .venv.
"""

import argparse
import contextlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True

from reference import libraries, messages  # noqa: E402

libraries.silence()
with messages.without_progress():
    libraries.load(threads=1)

import tensorflow  # noqa: E402, F401 - so that no conversion imports it again
from marked_text import put  # noqa: E402
from tiny import eight  # noqa: E402
from tiny.fork_server import forked_python, run_tool  # noqa: E402

MARK = "litert-traced-table"


def measure(crossload, python, model_type, folder):
    class_name = eight.save(model_type, folder / "model")
    words = [crossload, "pt-to-tf", "--model-name", folder / "model", "--output", folder / "tf", "--via", "trace"]
    words += ["--override-model-class", class_name, "--formats", "saved_model,litert", "--python", python]
    done = subprocess.run(words, capture_output=True, text=True)
    row = {"class": class_name}
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1]
        return {**row, "code": done.returncode, "failure": re.sub(r"crossload: |LiteRT \(.*?\): ", "", said.replace("|", "/"))}
    certificate = json.loads((folder / "tf" / "crossload.json").read_text())
    return {**row, "litert": certificate["litert"]}


def table(rows):
    yield "| class | converts | select ops | interpreters | verdict | worst error | tensors of modules held | operations of LiteRT |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows:
        if "failure" in row:
            yield f"| {row['class']} | no, code {row['code']}: {row['failure']} | | | | | | |"
            continue
        litert = row["litert"]
        interpreters = " and ".join(sorted(f"{one['name']} {one['version']}" for one in litert["interpreters"]))
        worst = max(one["max_error"] for one in litert["outputs"])
        yield (f"| {row['class']} | yes | none | {interpreters} | {litert['verdict']} | {worst:.1e} | "
               f"{len(litert['stages'])} of {litert['tensors_traced']} | {sum(litert['operators'].values())} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crossload", type=pathlib.Path, default=ROOT / "build" / "crossload")
    parser.add_argument("--only", default=",".join(eight.CLASSES), metavar="NAME,NAME")
    parser.add_argument("--docs", type=pathlib.Path, help="the document whose table is replaced; else it is printed")
    options = parser.parse_args()
    rows = []
    with forked_python(run_tool) as python:
        for model_type in options.only.split(","):
            with tempfile.TemporaryDirectory(prefix="crossload-litert-") as folder:
                rows.append(measure(options.crossload, python, model_type, pathlib.Path(folder)))
            print(rows[-1]["class"], file=messages.Terminal.err, flush=True)
    with contextlib.redirect_stdout(messages.Terminal.out):
        put(options.docs, MARK, "\n".join(table(rows)))


if __name__ == "__main__":
    main()

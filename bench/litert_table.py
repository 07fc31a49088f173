"""Converts a golden of every class to LiteRT, runs it by both interpreters, and writes what came of it as tables.

    bench/litert_table.py --crossload build/crossload --goldens build/goldens [--docs docs/litert.md]

`make litert-table` writes them into docs/litert.md. One Python does all: converting takes a second a class.
"""

import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True

import marked_text  # noqa: E402
import numpy as np  # noqa: E402
from safetensors import safe_open  # noqa: E402

from litert.conversion import convert  # noqa: E402
from litert.running import run  # noqa: E402
from reference.messages import Failure, without_progress  # noqa: E402


def class_goldens(folder):
    """Goldens that are named for their class, by architecture."""
    for recipes in sorted((ROOT / "tests" / "goldens").glob("*.json")):
        for recipe in json.loads(recipes.read_text())["recipes"]:
            if re.search("_model$|_for_", recipe["name"]) and (folder / f"{recipe['name']}.safetensors").is_file():
                yield recipes.stem, folder / f"{recipe['name']}.safetensors"


def worst_error(golden, results):
    """The largest |LiteRT - PyTorch| of all outputs, interpreters and inputs, padded positions too; and how many runs
    of a signature there were."""
    worst, runs = 0.0, set()
    with safe_open(str(golden), "np") as wanted, safe_open(str(results), "np") as found:
        failures = json.loads(found.metadata()["litert"])["failures"]
        if failures:
            raise Failure(1, failures[0]["error"])
        names = set(wanted.keys())
        for key in found.keys():
            inputs, interpreter, signature, output = key.split("/", 3)
            runs.add((inputs, interpreter, signature))
            name = ("" if inputs == "main" else inputs + "/") + "output." + output
            value = found.get_tensor(key)
            pairs = [(value, name)] if name in names else [(part, f"{name}.{i}") for i, part in enumerate(value)]
            for part, name in pairs:
                reference = wanted.get_tensor(name)
                if part.shape != reference.shape:
                    raise Failure(1, f"{output} has the shape {part.shape}, wanted {reference.shape}")
                worst = max(worst, float(np.abs(part - reference).max(initial=0)))
    return worst, len(runs)


def measure(crossload, architecture, golden, folder):
    artifact = folder / golden.stem
    subprocess.run([crossload, "pt-to-tf", "--model-name", golden, "--formats", "saved_model", "--no-verify", "--output",
                    artifact], check=True, capture_output=True)
    row = {"architecture": architecture, "class": json.loads((artifact / "crossload.json").read_text())["class"]}
    try:
        with without_progress():
            report = convert(artifact / "saved_model", ["serving_default"], "float32", artifact / "model.tflite")
            run(artifact / "model.tflite", golden, None, 1, artifact / "results.safetensors")
        row["error"], row["runs"] = worst_error(golden, artifact / "results.safetensors")
        row["operators"] = report["operators"]
        row["rewritten"] = report["rewritten"]
    except Failure as failure:
        row["failure"] = str(failure)
    return row


def class_table(rows):
    yield "| architecture | class | converts | select ops | runs | worst error | operations of TensorFlow | of LiteRT |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows:
        if "failure" in row:
            yield f"| {row['architecture']} | {row['class']} | no: {row['failure']} | | | | | |"
            continue
        before = sum(count for op, count in row["rewritten"]["tensorflow"].items() if op not in ("Const", "ReadVariableOp"))
        yield (f"| {row['architecture']} | {row['class']} | yes | none | {row['runs']} | {row['error']:.1e} | {before} | "
               f"{sum(row['operators'].values())} |")


def operation_table(rows):
    made = collections.defaultdict(collections.Counter)
    seen = collections.defaultdict(set)
    for row in rows:
        for operator, counts in row.get("rewritten", {}).get("litert", {}).items():
            for made_of, count in counts.items():
                made[operator][made_of] += count
                seen[operator, made_of].add(row["architecture"])
    yield "| operation of LiteRT | made of TensorFlow's | times | in architectures |"
    yield "|---|---|---|---|"
    for operator in sorted(made):
        for made_of, count in made[operator].most_common():
            yield f"| {operator} | {made_of} | {count} | {len(seen[operator, made_of])} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crossload", type=pathlib.Path, default=ROOT / "build" / "crossload")
    parser.add_argument("--goldens", type=pathlib.Path, default=ROOT / "build" / "goldens")
    parser.add_argument("--docs", type=pathlib.Path, help="the document whose tables are replaced; else they are printed")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="crossload-litert-") as folder:
        for architecture, golden in class_goldens(options.goldens):
            rows.append(measure(options.crossload, architecture, golden, pathlib.Path(folder)))
            print(rows[-1]["class"], rows[-1].get("failure", rows[-1].get("error")), file=sys.stderr, flush=True)
    if not rows:
        sys.exit(f"bench/litert_table.py: {options.goldens} holds no goldens; run `make goldens`")
    text = "\n".join([*class_table(rows), "", "What the converter made of TensorFlow's operations, in all of them:", "",
                      *operation_table(rows)])
    marked_text.put(options.docs, "litert-table", text)
    sys.exit(any("failure" in row for row in rows))


if __name__ == "__main__":
    main()

"""Runs every block of code of docs/serving.md and holds what it prints against PyTorch.

    serving.py [--crossload build/crossload] [--document docs/serving.md] [--folder FOLDER] [--tfjs FOLDER]

A block runs in the order of the document, in one folder that holds my-bert, a random BERT: `python` and `bash` as programs,
`c` and `javascript` are written to the file that a line before begins with ("`serve.c`, ..."), `json` is a request to TF
Serving's REST API. A line of three numbers that a program prints is the beginning of the pooler_output for the tokens 101,
7592, 102; every program but bash prints one. `text` is not run. What needs TF.js runs with --tfjs: a folder that was made
as the document says, such as tools/tfjs.sh's.
Prints one line an expectation; the last is `N passed, N failed`, and any failure is exit code 1.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from clients import Tally

LIMIT = 1e-5
IDS = [[101, 7592, 102], [101, 2088, 102]]
LONGEST_RUN = 600  # seconds
FILES = ("c", "javascript")
FILE_NAME = re.compile(r"^`(\w+\.\w+)`, ")
THREE_NUMBERS = re.compile(r"^\s*(-?\d\.\S+) (-?\d\.\S+) (-?\d\.\S+)\s*$", re.MULTILINE)


@dataclasses.dataclass
class Block:
    language: str
    code: str
    line: int
    file: str  # that it is, for the languages of FILES


def blocks_of(path):
    blocks, code, file = [], None, None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("```"):
            if code is not None:
                code.append(line)
            elif named := FILE_NAME.match(line):
                file = named[1]
        elif code is None:
            language, begin, code = line[3:], number, []
        else:
            blocks.append(Block(language, "\n".join(code) + "\n", begin, file))
            code, file = None, None
    return blocks


def make_checkpoint(folder):
    """-> pooler_output of PyTorch for IDS."""
    import torch
    import transformers

    torch.manual_seed(5)
    config = transformers.BertConfig(
        vocab_size=8000, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=37, initializer_range=0.3
    )
    model = transformers.BertModel(config).eval()
    model.save_pretrained(folder)
    with torch.no_grad():
        return model(torch.tensor(IDS)).pooler_output.numpy()


def tensors_of(request, signature):
    """What TF Serving makes of the body of a REST request: "inputs" by columns or "instances" by rows, by the signature's
    types. ValueError for a body that it would refuse."""
    import tensorflow as tf

    forms = [form for form in ("inputs", "instances") if form in request]
    if len(forms) != 1 or set(request) - {"signature_name", *forms}:
        raise ValueError(f"has {sorted(request)}")
    columns = request[forms[0]]
    if forms == ["instances"]:
        names = set(columns[0])
        if any(set(row) != names for row in columns):
            raise ValueError("has rows of different names")
        columns = {name: [row[name] for row in columns] for name in names}
    if set(columns) != set(signature):
        raise ValueError(f"has {sorted(columns)}, the signature {sorted(signature)}")
    tensors = {}
    for name, spec in signature.items():
        array = np.array(columns[name])
        if spec.dtype.is_integer != np.issubdtype(array.dtype, np.integer):
            raise ValueError(f"{name} is of {array.dtype}, the signature's of {spec.dtype.name}")
        if not spec.shape.is_compatible_with(array.shape):
            raise ValueError(f"{name} is {array.shape}, the signature's {spec.shape}")
        tensors[name] = tf.constant(array, spec.dtype)
    return tensors


def expect_request(tally, block, folder, wanted):
    import tensorflow as tf

    request = json.loads(block.code)
    loaded = tf.saved_model.load(str(folder / "models" / "my-bert" / "1"))
    serve = loaded.signatures[request.get("signature_name", "serving_default")]
    outputs = serve(**tensors_of(request, serve.structured_input_signature[1]))
    pooled = outputs["pooler_output"].numpy()
    expect_near(tally, pooled, wanted[: len(pooled)])
    wrong = {**request, "inputs": {"input_ids": [[1.5]]}}
    wrong.pop("instances", None)
    try:
        tensors_of(wrong, serve.structured_input_signature[1])
    except ValueError as error:
        tally.expect("is refused when it is another", True, str(error))
    else:
        tally.expect("is refused when it is another", False)


def expect_near(tally, got, wanted):
    off = float(np.abs(np.asarray(got, np.float64) - wanted).max())
    tally.expect(f"is within {LIMIT:g} of PyTorch", off <= LIMIT, f"{off:.2e}")


def run(command, folder, environment):
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LONGEST_RUN)


def expect_program(tally, block, folder, environment, wanted):
    if block.language == "python":
        command = [sys.executable, "-W", "ignore", "-c", block.code]
    else:
        command = ["bash", "-euo", "pipefail", "-c", block.code]
    done = run(command, folder, environment)
    if not tally.expect("runs", done.returncode == 0, done.stderr.strip()[-300:] if done.returncode else ""):
        return
    printed = [[float(number) for number in numbers] for numbers in THREE_NUMBERS.findall(done.stdout)]
    for numbers in printed:
        expect_near(tally, numbers, wanted[0, :3])
    if block.language == "python":
        tally.expect("prints its numbers", len(printed) == 1, str(len(printed)))
    elif "node serve.mjs" in block.code:
        tally.expect("prints its numbers", len(printed) == 1, str(len(printed)))
    elif "./serve" in block.code:
        tally.expect("prints the numbers of both programs", len(printed) == 2, str(len(printed)))


def environment_for(crossload):
    """Where `crossload` and `python` are those of this test."""
    places = [str(pathlib.Path(crossload).resolve().parent), str(pathlib.Path(sys.executable).parent), os.environ["PATH"]]
    return {**os.environ, "PATH": os.pathsep.join(places)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crossload", default="build/crossload")
    parser.add_argument("--document", type=pathlib.Path, default=pathlib.Path("docs/serving.md"))
    parser.add_argument("--folder", type=pathlib.Path, help="keeps what is written")
    parser.add_argument("--tfjs", type=pathlib.Path, metavar="FOLDER", help="made by tools/tfjs.sh")
    arguments = parser.parse_args()
    tally = Tally()
    blocks = blocks_of(arguments.document)
    languages = {block.language for block in blocks}
    tally.subject = f"{arguments.document}:"
    known = {"python", "bash", "json", "text", *FILES}
    tally.expect("has blocks whose running is known", languages <= known and len(languages) > 3, ", ".join(sorted(languages)))
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or pathlib.Path(temporary)
        wanted = make_checkpoint(folder / "my-bert")
        environment = environment_for(arguments.crossload)
        if arguments.tfjs:
            (folder / "tfjs").symlink_to(arguments.tfjs.resolve())
        for block in blocks:
            with tally.about(f"{arguments.document}:{block.line}, {block.language}:"):
                if block.language in FILES:
                    (folder / block.file).write_text(block.code, encoding="utf-8")
                elif "tfjs/" in block.code and block.language == "bash" and not arguments.tfjs:
                    print("note", tally.subject, "needs --tfjs", flush=True)
                elif block.language == "json":
                    expect_request(tally, block, folder, wanted)
                elif block.language in ("python", "bash"):
                    expect_program(tally, block, folder, environment, wanted)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())

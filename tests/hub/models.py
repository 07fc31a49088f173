"""Small models for the scenarios, made from a golden: its weights, and its own trace to verify them against."""
import array
import json
import os
import pathlib
import struct

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDENS = pathlib.Path(os.environ.get("CROSSLOAD_GOLDENS", ROOT / "build" / "goldens"))  # made by `make goldens`
GOLDEN = GOLDENS / "bert_for_masked_lm.safetensors"

CARD = b"""---
license: apache-2.0
tags:
  - fill-mask  # what it does
---
# Tiny
"""


def read(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    return header.pop("__metadata__"), header, data[8 + size :]


def write(tensors):
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, (shape, data) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def golden():
    """The configuration and the weights."""
    metadata, header, body = read(GOLDEN)
    tensors = {}
    for name, entry in header.items():
        if name.startswith("weight."):
            begin, end = entry["data_offsets"]
            tensors[name.removeprefix("weight.")] = (entry["shape"], body[begin:end])
    return json.loads(metadata["config"]), tensors


def tiny():
    """The golden as the files of a repository; `--reference GOLDEN` verifies it."""
    config, tensors = golden()
    return {"config.json": json.dumps(config).encode(), "model.safetensors": write(tensors), "README.md": CARD,
            "onnx/model.onnx": b"not needed by a conversion"}


def wrong():
    """The same with one weight off."""
    files = tiny()
    config, tensors = golden()
    name = next(name for name in tensors if name.endswith("layer.1.output.dense.weight"))
    shape, data = tensors[name]
    tensors[name] = (shape, array.array("f", (value * 1.5 for value in array.array("f", data))).tobytes())
    return files | {"model.safetensors": write(tensors)}


def large(sharded=False):
    """2.6 MB of weights, so that a transfer can be disturbed."""
    config, tensors = golden()
    rows, columns = 40_000, config["hidden_size"]
    config["vocab_size"] = rows
    numbers = array.array("f", (((i * 2654435761) % 65536) / 65536 - 0.5 for i in range(rows * columns)))
    tensors["bert.embeddings.word_embeddings.weight"] = ([rows, columns], numbers.tobytes())
    tensors["cls.predictions.bias"] = ([rows], bytes(4 * rows))
    for name in ("cls.predictions.decoder.weight", "cls.predictions.decoder.bias"):
        tensors.pop(name, None)
    files = {"config.json": json.dumps(config).encode(), "README.md": CARD, "vocab.txt": b"[PAD]\n" * 100}
    if not sharded:
        return files | {"model.safetensors": write(tensors)}
    names = sorted(tensors)
    halves = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    weight_map = {name: shard for shard, part in halves.items() for name in part}
    files["model.safetensors.index.json"] = json.dumps({"metadata": {}, "weight_map": weight_map}).encode()
    return files | {shard: write({name: tensors[name] for name in part}) for shard, part in halves.items()}

"""Makes a BERT-like checkpoint of random weights, of any size, without PyTorch and in little memory.

    python bench/make_checkpoint.py FOLDER --gigabytes 1 --format safetensors|bin

The .bin is what torch.save writes (zip, protocol 2); torch.load reads it.
"""

import argparse
import io
import json
import pathlib
import pickle
import random
import struct
import sys
import types
import zipfile

# gigabytes: (hidden size, layers)
SIZES = {"0.1": (384, 8), "1": (1024, 17), "8": (2048, 39)}
VOCABULARY, POSITIONS, TYPES = 30522, 512, 2
BLOCK = 1 << 20  # float32 elements that are made once


def shapes(hidden, layers):
    yield "embeddings.word_embeddings.weight", (VOCABULARY, hidden)
    yield "embeddings.position_embeddings.weight", (POSITIONS, hidden)
    yield "embeddings.token_type_embeddings.weight", (TYPES, hidden)
    yield from norm("embeddings.LayerNorm", hidden)
    for i in range(layers):
        layer = f"encoder.layer.{i}."
        for name in ("query", "key", "value"):
            yield from linear(f"{layer}attention.self.{name}", hidden, hidden)
        yield from linear(layer + "attention.output.dense", hidden, hidden)
        yield from norm(layer + "attention.output.LayerNorm", hidden)
        yield from linear(layer + "intermediate.dense", 4 * hidden, hidden)
        yield from linear(layer + "output.dense", hidden, 4 * hidden)
        yield from norm(layer + "output.LayerNorm", hidden)
    yield from linear("pooler.dense", hidden, hidden)


def norm(name, size):
    yield name + ".weight", (size,)
    yield name + ".bias", (size,)


def linear(name, outs, ins):
    yield name + ".weight", (outs, ins)
    yield name + ".bias", (outs,)


def count_of(shape):
    count = 1
    for size in shape:
        count *= size
    return count


def elements(block, count):
    """`count` float32 elements in pieces, the block again and again."""
    view = memoryview(block)
    while count > 0:
        step = min(count, BLOCK)
        yield view[: 4 * step]
        count -= step


def write_safetensors(path, tensors, block):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors:
        size = 4 * count_of(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, shape in tensors:
            for piece in elements(block, count_of(shape)):
                file.write(piece)


def stand_in(module, name):
    """Something that pickles as a global, in place of PyTorch's own."""
    found = types.FunctionType(compile("def f(): pass", "", "exec").co_consts[0], {}, name)
    found.__module__, found.__qualname__ = module, name
    setattr(sys.modules.setdefault(module, types.ModuleType(module)), name, found)
    return found


def write_bin(path, tensors, block):
    float_storage = stand_in("torch", "FloatStorage")
    rebuild = stand_in("torch._utils", "_rebuild_tensor_v2")

    class Storage:
        def __init__(self, key, count):
            self.key, self.count = key, count

    class Tensor:
        def __init__(self, key, shape):
            self.key, self.shape = key, shape

        def __reduce__(self):
            strides = [1]
            for size in reversed(self.shape[1:]):
                strides.insert(0, strides[0] * size)
            return rebuild, (Storage(self.key, count_of(self.shape)), 0, self.shape, tuple(strides), False, {})

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            is_storage = isinstance(value, Storage)
            return ("storage", float_storage, value.key, "cpu", value.count) if is_storage else None

    stream = io.BytesIO()
    Pickler(stream, protocol=2).dump({name: Tensor(str(i), shape) for i, (name, shape) in enumerate(tensors)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", stream.getvalue())
        for i, (_, shape) in enumerate(tensors):
            with archive.open(f"archive/data/{i}", "w", force_zip64=True) as entry:
                for piece in elements(block, count_of(shape)):
                    entry.write(piece)
        archive.writestr("archive/version", "3\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--gigabytes", choices=SIZES, required=True)
    parser.add_argument("--format", choices=("safetensors", "bin"), default="safetensors")
    arguments = parser.parse_args()
    hidden, layers = SIZES[arguments.gigabytes]
    arguments.folder.mkdir(parents=True, exist_ok=True)
    config = {"model_type": "bert", "architectures": ["BertModel"], "hidden_size": hidden, "num_hidden_layers": layers,
              "num_attention_heads": hidden // 64, "intermediate_size": 4 * hidden, "vocab_size": VOCABULARY,
              "max_position_embeddings": POSITIONS, "type_vocab_size": TYPES, "hidden_act": "gelu",
              "layer_norm_eps": 1e-12, "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
              "pad_token_id": 0}
    (arguments.folder / "config.json").write_text(json.dumps(config, indent=2))
    generator = random.Random(0)
    few = struct.pack("<4096f", *(generator.gauss(0, 0.02) for _ in range(4096)))
    block = few * (BLOCK // 4096)
    tensors = list(shapes(hidden, layers))
    if arguments.format == "bin":
        write_bin(arguments.folder / "pytorch_model.bin", tensors, block)
    else:
        write_safetensors(arguments.folder / "model.safetensors", tensors, block)


if __name__ == "__main__":
    main()

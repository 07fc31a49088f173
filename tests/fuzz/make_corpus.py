"""Makes tests/fuzz/corpus/: a few small files for each target, most of them taken from the fixtures and goldens.

    python tests/fuzz/make_corpus.py      needs h5py, numpy and build/crossload
"""

import json
import pathlib
import struct
import subprocess
import tempfile
import zipfile

import h5py
import numpy

HERE = pathlib.Path(__file__).parent
FIXTURES = HERE.parent / "fixtures" / "pytorch"
ONE = {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}


def put(target, name, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def safetensors(header, data):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def h5_file(folder_per_layer):
    path = HERE / "corpus" / "x.h5"
    with h5py.File(path, "w") as file:
        values = numpy.arange(6, dtype="f4").reshape(2, 3)
        if folder_per_layer:
            file.attrs["layer_names"] = [b"bert"]
            group = file.create_group("bert")
            group.attrs["weight_names"] = [b"tf_bert_model/bert/dense/kernel:0"]
            group.create_dataset("tf_bert_model/bert/dense/kernel:0", data=values)
            file.create_group("top_level_model_weights").attrs["weight_names"] = []
        else:
            file.attrs["layer_names"] = [b"bert/dense/kernel:0"]
            file.create_dataset("bert/dense/kernel:0", data=values)
    data = path.read_bytes()
    path.unlink()
    return data


def bundle():
    """Index and data of a SavedModel's variables, in one file as bundle_fuzz.cc takes them apart."""
    with tempfile.TemporaryDirectory() as folder:
        golden = HERE.parent / "goldens" / "bert_small.safetensors"
        subprocess.run([HERE.parents[1] / "build" / "crossload", "pt-to-tf", "--model-name", golden, "--output",
                        f"{folder}/out", "--no-verify", "--formats", "saved_model"], check=True, capture_output=True)
        variables = pathlib.Path(folder, "out", "saved_model", "variables")
        index = (variables / "variables.index").read_bytes()
        data = (variables / "variables.data-00000-of-00001").read_bytes()
    return index + data + struct.pack("<I", len(index))


def main():
    put("bundle", "bert", bundle())
    for name in ("zip_contiguous", "zip_tied", "legacy_tied", "legacy_wrapped_both", "zip_protocol_4",
                 "legacy_sharing_float16"):
        data = (FIXTURES / f"{name}.bin").read_bytes()
        put("pytorch", name, data)
        if name.startswith("zip"):
            if name == "zip_tied":
                put("zip", name, data)
            with zipfile.ZipFile(FIXTURES / f"{name}.bin") as archive:
                pickle = next(entry for entry in archive.namelist() if entry.endswith("/data.pkl"))
                put("pickle", name, archive.read(pickle))
    packed = HERE / "corpus" / "x.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (("a/data.pkl", b"\x80\x02}." + b"x" * 64), ("a/data/0", b"\0" * 256)):
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)  # of 1980, whenever it is made
    put("zip", "deflated", packed.read_bytes())
    packed.unlink()
    put("safetensors", "tied", (FIXTURES / "zip_tied.safetensors").read_bytes())
    put("safetensors", "empty", (FIXTURES / "legacy_empty.safetensors").read_bytes())
    put("safetensors", "one", safetensors({"__metadata__": {"format": "pt"}, "a": ONE}, b"x"))
    put("json", "config", json.dumps({"model_type": "bert", "architectures": ["BertModel"], "layer_norm_eps": 1e-12,
                                      "id2label": {"0": "ä"}, "x": [True, None, -1, 1.5e300]}).encode())
    put("json", "python", b'{"a": NaN, "b": [-Infinity, Infinity], "c": "\\u00e4\\ud83d\\ude00"}')
    put("index", "sound", json.dumps({"metadata": {}, "weight_map": {"a": "a.safetensors"}}).encode())
    put("index", "outside", json.dumps({"weight_map": {"a": "../a.safetensors"}}).encode())
    put("h5", "single", h5_file(True))
    put("h5", "shard", h5_file(False))
    stages = [{"path": "dense", "call": 0, "class": "Linear", "tensors": ["dense"]}]
    put("trace", "small", safetensors(
        {"__metadata__": {"class": "BertModel", "config": "{\"model_type\": \"bert\"}", "stages": json.dumps(stages)},
         "input.input_ids": {"dtype": "I64", "shape": [1, 1], "data_offsets": [0, 8]},
         "output.logits": {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]},
         "stage.dense": {"dtype": "F32", "shape": [1], "data_offsets": [12, 16]}}, b"\0" * 16))
    put("program", "small", safetensors(
        {"__metadata__": {"crossload_program": "1", "program": json.dumps(small_program())},
         "constant.one": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, struct.pack("<f", 1)))
    for name, field, value in (("no_outputs", "outputs", []), ("no_truth", "checks", [{"node": "mul", "message": ""}])):
        put("program", name, safetensors(
            {"__metadata__": {"crossload_program": "1", "program": json.dumps({**small_program(), field: value})},
             "constant.one": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, struct.pack("<f", 1)))


def small_program():
    """Every kind of argument and of result once."""
    node = {"module": "a", "args": {"self": {"n": "x"}, "other": {"n": "c_one"}}}
    lists = {"alpha": {"f": "-inf"}, "dtype": {"d": "int64"}, "all": [1, 2.5, "s", True, None, [{"n": "size"}]]}
    about = {"dtype": "float32", "key": None, "value": None, "trainable": True}
    return {
        "class": "Tiny", "model_type": "", "source": "tiny.py:3",
        "inputs": [{"name": "x", "node": "x", "dtype": "float32", "shape": [2, "s0"]}],
        "frozen": [{"input": "x", "axis": 0, "size": 2}],
        "checks": [{"node": "any", "message": "Tiny was traced where x.any() is True"}],
        "parameters": [{**about, "node": "p_w", "name": "w", "kind": "parameter", "shape": [3], "key": "w"},
                       {**about, "node": "c_one", "name": "one", "kind": "constant", "shape": [1],
                        "value": "constant.one"}],
        "aside": [{"key": "old", "reason": "nothing reads it"}],
        "nodes": [{**node, "name": "mul", "op": "aten.mul.Tensor", "result": {"dtype": "float32", "shape": [2, "s0"]}},
                  {**node, "name": "any", "op": "aten.any.default", "result": {"dtype": "bool", "shape": []}},
                  {**node, "name": "size", "op": "aten.sym_size.int", "result": {"symbol": "s0", "type": "int"}},
                  {**node, "name": "add", "op": "aten.add.Tensor", "args": lists,
                   "result": [{"dtype": "bool", "shape": []}, None]}],
        "outputs": [{"name": "y", "node": "add"}],
        "stages": [{"path": "a", "call": 0, "class": "A", "source": "tiny.py:9", "caller": "", "nodes": ["mul"]}],
    }


if __name__ == "__main__":
    main()

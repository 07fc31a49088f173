"""The files that are read and written: checkpoints' configurations, safetensors, the trace."""

import functools
import json
import os
import struct
import tempfile
from pathlib import Path

from reference import timm_models
from reference.messages import BAD_INPUT, ENVIRONMENT, Failure, failing

WEIGHT_FILES = ("model*.safetensors", "pytorch_model*.bin")
WEIGHT, INPUT = "weight.", "input."


def without_prefix(tensors, prefix):
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def read_json(path):
    with failing(BAD_INPUT, f"{path}: cannot be read as JSON"):
        return json.loads(path.read_text(encoding="utf-8"))


def read_header(path):
    """The header of a safetensors file and its length: 8 bytes of length, then that many of JSON."""
    with failing(BAD_INPUT, f"{path}: is no safetensors file"), open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        if length > os.path.getsize(path) - 8:
            raise ValueError("its header is longer than the file")
        header = json.loads(file.read(length))
        header.setdefault("__metadata__", {})
        return header, length


def load_tensors(path):
    import safetensors.torch

    with failing(BAD_INPUT, f"{path}: is no safetensors file"):
        return safetensors.torch.load_file(str(path))


def stored_tensors(path):
    """Functions that read the tensors of a checkpoint, by key, where it is in safetensors."""
    from safetensors import safe_open

    found = {}
    for file in sorted(path.glob(WEIGHT_FILES[0])) if path.is_dir() else [path]:
        with safe_open(str(file), "pt") as opened:
            prefix = "" if path.is_dir() else WEIGHT
            keys = [key[len(prefix) :] for key in opened.keys() if key.startswith(prefix)]
        for key in keys:
            found[key] = functools.partial(read_tensor, file, prefix + key)
    return found


def read_tensor(file, key):
    from safetensors import safe_open

    with safe_open(str(file), "pt") as opened:
        return opened.get_tensor(key)


def holds_any(folder, patterns):
    return any(any(folder.glob(pattern)) for pattern in patterns)


def read_config(path, needs_weights=True):
    """The configuration of a checkpoint that has weights, if it needs them: a folder, or a golden."""
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise Failure(BAD_INPUT, f"{path}: has no config.json; give the folder of a Transformers checkpoint")
        if needs_weights and not holds_any(path, WEIGHT_FILES):
            wanted = " or ".join(WEIGHT_FILES)
            raise Failure(BAD_INPUT, f"{path}: has no weights ({wanted}); download the whole checkpoint")
        config = read_json(path / "config.json")
    elif path.is_file():
        header, _ = read_header(path)
        if not any(name.startswith(WEIGHT) for name in header):
            raise Failure(BAD_INPUT, f"{path}: holds no weights (weight.*); give a checkpoint's folder, or a golden")
        with failing(BAD_INPUT, f"{path}: its metadata has no configuration"):
            config = json.loads(header["__metadata__"]["config"])
    else:
        raise Failure(BAD_INPUT, f"{path}: no such folder or file; --model takes a checkpoint on this machine")
    if not isinstance(config, dict):
        raise Failure(BAD_INPUT, f"{path}: its configuration is no JSON object")
    return timm_models.with_class(config)


def class_of(config, path):
    """The name of the one class that the configuration names; AutoModel when it names none."""
    named = config.get("architectures") or ["AutoModel"]
    if not isinstance(named, list) or len(named) != 1 or not isinstance(named[0], str):
        what = f"its configuration names {named} as architectures, one is wanted"
        raise Failure(BAD_INPUT, f"{path}: {what}; choose with --model-class")
    return named[0]


def write_trace(path, tensors, metadata):
    """Writes beside the target and renames: a crash leaves the old file or none."""
    import safetensors.torch

    with failing(ENVIRONMENT, f"{path}: cannot be written", "is the disk full, the folder writable?"):
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        os.close(handle)
        try:
            safetensors.torch.save_file(tensors, temporary, metadata)
            sort_metadata(temporary)
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)
            os.replace(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)


def sort_metadata(path):
    """safetensors writes the metadata in random order; sorted, equal traces are equal bytes."""
    header, length = read_header(path)
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(length)
    if len(text) != length:
        raise ValueError("the sorted header does not fit")
    with open(path, "r+b") as file:
        file.seek(8)
        file.write(text)

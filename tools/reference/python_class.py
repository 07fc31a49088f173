"""A module of the user's own: what `package.module:function` returns, or what a file of torch.export.save holds.

It has no checkpoint, so one is made of it: a folder with its weights, its example inputs and what is known of its
configuration. From then on the module has the weights of that folder, whatever it is made with.
"""

import hashlib
import importlib
import json
import os
import sys
from pathlib import Path

import torch
from safetensors.torch import load_model, save_file, save_model

from reference.chosen import read_inputs
from reference.complex_numbers import to_float32
from reference.exported import ENDING, load_exported
from reference.messages import BAD_INPUT, USAGE, Failure, failing
from reference.models import Loaded, describe_config

WEIGHTS, INPUTS, CONFIG = "model.safetensors", "inputs.safetensors", "config.json"


def load_python_class(name, checkpoint=None):
    """(the Loaded module, its example inputs by name); with the weights and the inputs of a checkpoint, if one is given."""
    module, inputs, sizes, notes = make(name)
    model = to_float32(module).eval()
    if checkpoint:
        what, hint = f"{said(name)}: does not fit the weights of {checkpoint}", "does it return another module each time?"
        with failing(BAD_INPUT, what, hint):
            load_model(model, str(checkpoint / WEIGHTS))
        inputs = read_inputs(checkpoint / INPUTS)
    config = getattr(model, "config", None)
    described = describe_config(config, type(model).__name__) if hasattr(config, "to_json_string") else "{}"
    return Loaded(model, described, notes=notes, sizes=sizes), inputs


def save_python_class(name, folder):
    """Makes the checkpoint, in a folder that is there."""
    loaded, inputs = load_python_class(name)
    class_name = type(loaded.model).__name__
    with failing(BAD_INPUT, f"{said(name)}: the weights of {class_name} cannot be saved"):
        save_model(loaded.model, str(folder / WEIGHTS), metadata={"format": "pt"})
        copied = {key: tensor.clone(memory_format=torch.contiguous_format) for key, tensor in inputs.items()}
        save_file(copied, str(folder / INPUTS))
    config = {**json.loads(loaded.config), "architectures": [class_name]}
    if is_exported(name):
        config["exported_program"] = {"file": Path(name).name, "sha256": sha256_of(name)}
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_exported(name):
    return name.endswith(ENDING)


def said(name):
    return name if is_exported(name) else f"--python-class {name}"


def make(name):
    """(torch.nn.Module, {name: tensor}, Sizes of an exported program, notes)."""
    module, inputs, sizes, notes = load_exported(Path(name)) if is_exported(name) else (*call(name), None, [])
    for key, value in inputs.items():
        check_input(name, key, value)
    return module, inputs, sizes, notes


def call(name):
    """What the function returns."""
    place, colon, function = name.partition(":")
    if not (place and colon and function):
        raise Failure(USAGE, f"--python-class {name}: is not package.module:function")
    sys.path.insert(0, os.getcwd())
    with failing(BAD_INPUT, f"--python-class {name}: cannot be called", "it is looked for from the current folder"):
        made = getattr(importlib.import_module(place), function)()
    is_pair = isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], torch.nn.Module)
    if not is_pair or not isinstance(made[1], dict) or not made[1]:
        what = "returns no (torch.nn.Module, {name: tensor})"
        raise Failure(BAD_INPUT, f"--python-class {name}: {what}; give the module and its example inputs")
    return made


def check_input(name, key, value):
    """A Failure for an input that no signature of TensorFlow's can have."""
    if not isinstance(value, torch.Tensor):
        what = f"the input {key} is of type {type(value).__name__}, and inputs are tensors"
        instead = "give it to the module when it is made, or wrap the module in one whose forward takes tensors alone"
        raise Failure(BAD_INPUT, f"{said(name)}: {what}; {instead}")
    if value.is_complex():
        instead = "make the module take two inputs, or one [..., 2] that it hands to torch.view_as_complex"
        raise Failure(BAD_INPUT, f"{said(name)}: the input {key} has complex numbers, which are no input; {instead}")
    if not (key.isascii() and key.isidentifier()):
        instead = "call it with letters of ASCII, digits and underscores"
        raise Failure(BAD_INPUT, f"{said(name)}: the input {key!r} has no name for TensorFlow; {instead}")

"""A module of the user's own: what `package.module:function` returns."""

import importlib
import os
import sys

import torch

from reference.messages import BAD_INPUT, USAGE, Failure, failing
from reference.models import Loaded, describe_config


def load_python_class(name):
    """(the Loaded module, its example inputs by name)."""
    place, colon, function = name.partition(":")
    if not (place and colon and function):
        raise Failure(USAGE, f"--python-class {name}: is not package.module:function")
    sys.path.insert(0, os.getcwd())
    with failing(BAD_INPUT, f"--python-class {name}: cannot be called", "it is looked for from the current folder"):
        made = getattr(importlib.import_module(place), function)()
    is_pair = isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], torch.nn.Module)
    if not is_pair or not is_of_tensors(made[1]):
        what = "returns no (torch.nn.Module, {name: tensor})"
        raise Failure(BAD_INPUT, f"--python-class {name}: {what}; give the module and its example inputs")
    model, inputs = made
    config = getattr(model, "config", None)
    described = describe_config(config, type(model).__name__) if hasattr(config, "to_json_string") else "{}"
    return Loaded(model.float().eval(), described), inputs


def is_of_tensors(inputs):
    return isinstance(inputs, dict) and bool(inputs) and all(isinstance(one, torch.Tensor) for one in inputs.values())

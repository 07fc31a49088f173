"""A program of torch.export.save, as a module: its submodules are those that were exported, and its inputs have the names
that they had in forward."""

import contextlib
import importlib
import inspect
import logging
import os
import re
import sys
import zipfile

import sympy
import torch
from torch.export.graph_signature import InputKind
from torch.utils import _pytree as pytree

from reference.exported_sizes import Sizes
from reference.messages import BAD_INPUT, UNKNOWN_CLASS, Failure, failing

ENDING = ".pt2"
KEYWORD = inspect.Parameter.KEYWORD_ONLY
# In the JSON of a program: the type of a container that goes in or comes out.
TYPE = re.compile(r'\\"type\\": \\"([\w.]+)\\"')
HINT = (
    "is it a file of torch.export.save, of a PyTorch no newer than this? what registers its types of inputs and results is "
    "looked for from the current folder"
)


def load_exported(path):
    """(torch.nn.Module, {name: tensor}, Sizes) of a file. The module refuses sizes that were fixed when it was exported."""
    if not path.is_file():
        raise Failure(BAD_INPUT, f"{path}: no such file")
    program = read(path)
    if program.example_inputs is None:
        raise Failure(BAD_INPUT, f"{path}: holds no example inputs; save it with a PyTorch that keeps them there, as 2.6 does")
    with failing(UNKNOWN_CLASS, f"{path}: PyTorch makes no modules of it (torch.export.unflatten)"):
        module = torch.export.unflatten(program)
    name_classes(module, program)
    names = [spec.arg.name for spec in program.graph_signature.input_specs if spec.kind is InputKind.USER_INPUT]
    example = dict(zip(names, pytree.tree_leaves(program.example_inputs)))
    inputs = {name: value for name, value in example.items() if isinstance(value, torch.Tensor)}
    sizes = Sizes(program, inputs)
    take_by_name(module, sizes, example, pytree.tree_structure(program.example_inputs))
    return module, inputs, sizes


def read(path):
    """The program. PyTorch logs what is wrong with a file, and raises something else."""
    logged = Logged()
    logger = logging.getLogger(torch.export.__name__)
    logger.addHandler(logged)
    try:
        with failing(BAD_INPUT, f"{path}: cannot be loaded", HINT), zipfile.ZipFile(path) as archive:
            import_types(archive)
            try:
                return torch.export.load(str(path))
            except RuntimeError as error:
                raise logged.error or error
    finally:
        logger.removeHandler(logged)


class Logged(logging.Handler):
    """Keeps the last exception that is logged."""

    error = None

    def emit(self, record):
        self.error = record.exc_info[1] if record.exc_info else self.error


def import_types(archive):
    """Imports the modules whose classes are among the containers of inputs and results, as that registers them."""
    sys.path.insert(0, os.getcwd())
    for name in archive.namelist():
        if "/models/" in name and name.endswith(".json"):
            for kind in sorted(set(TYPE.findall(archive.read(name).decode()))):
                with contextlib.suppress(Exception):  # torch.export.load says that it does not know it
                    importlib.import_module(kind.rpartition(".")[0])


def name_classes(module, program):
    """The classes are called as those that were exported."""
    stacks = (node.meta.get("nn_module_stack") or {} for node in program.graph.nodes)
    types = dict(entry for stack in stacks for entry in stack.values())
    for path, one in module.named_modules():
        kind = types.get(path, "")
        name = (kind if isinstance(kind, str) else kind.__name__).rpartition(".")[2]
        if name.isidentifier():
            one.__class__ = type(name, (type(one),), {"__module__": __name__})


def take_by_name(module, sizes, example, structure):
    """Makes a forward that takes tensors by name; what else was an argument is as it was in the example."""
    before = module.forward

    def forward(**tensors):
        sizes.require(tensors)
        leaves = [tensors.get(name, value) for name, value in example.items()]
        args, keywords = pytree.tree_unflatten(leaves, structure)
        return before(*args, **keywords)

    forward.__signature__ = inspect.Signature([inspect.Parameter(name, KEYWORD) for name in sizes.shapes])
    module.forward = forward

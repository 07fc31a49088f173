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

import torch
from torch.export.graph_signature import InputKind
from torch.utils import _pytree as pytree

from reference.exported_checks import check_results, check_tensors, check_ways, check_width
from reference.exported_sizes import Sizes
from reference.messages import BAD_INPUT, Failure, failing, summary
from reference.recording import named_tensors
from reference.traced_sizes import is_close

ENDING = ".pt2"
KEYWORD = inspect.Parameter.KEYWORD_ONLY
# In the JSON of a program: the type of a container that goes in or comes out.
TYPE = re.compile(r'\\"type\\": \\"([\w.]+)\\"')
FORWARD = re.compile(r'File "(.*)", line (\d+), in forward\n')  # in a stack trace
HINT = (
    "is it a file of torch.export.save, of a PyTorch no newer than this? what registers its types of inputs and results is "
    "looked for from the current folder"
)


def load_exported(path):
    """(torch.nn.Module, {name: tensor}, Sizes, notes) of a file. The module refuses sizes that were fixed when it was
    exported."""
    if not path.is_file():
        raise Failure(BAD_INPUT, f"{path}: no such file")
    program = read(path)
    if program.example_inputs is None:
        raise Failure(BAD_INPUT, f"{path}: holds no example inputs; save it with a PyTorch that keeps them there, as 2.6 does")
    names = [spec.arg.name for spec in program.graph_signature.input_specs if spec.kind is InputKind.USER_INPUT]
    example = dict(zip(names, pytree.tree_leaves(program.example_inputs)))
    inputs = {name: value.clone() for name, value in example.items() if isinstance(value, torch.Tensor)}
    check_tensors(path, program, inputs)
    check_width(path, program, inputs)
    check_ways(path, program)
    sizes = Sizes(program, inputs)
    module, notes = module_of(path, program, sizes, example, inputs)
    name_classes(module, program)
    return module, inputs, sizes, [*sizes.notes(), *notes, *notes_of_numbers(program, example)]


def notes_of_numbers(program, example):
    """What the program takes as a number, any one, and the SavedModel does not take."""
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    taken = [name for name in example if isinstance(nodes[name].meta.get("val"), (torch.SymInt, torch.SymFloat))]
    return [f"{name} is no tensor, and {example[name]} in the SavedModel, as it was exported" for name in taken]


def notes_of_changes(inputs, after):
    """What the program does to its inputs, and the SavedModel does not."""
    changed = [name for name, tensor in inputs.items() if not torch.equal(tensor.nan_to_num(), after[name].nan_to_num())]
    return [f"the program changes its input {name}; the SavedModel leaves it as it is" for name in changed]


def module_of(path, program, sizes, example, inputs):
    """(torch.nn.Module, notes): modules that give what the program gives, or else the program as a whole."""
    structure = pytree.tree_structure(program.example_inputs)
    with failing(BAD_INPUT, f"{path}: PyTorch cannot run it (torch.export.ExportedProgram.module)"):
        whole = taken_by_name(program.module(check_guards=False), sizes, example, structure)
        given = copies(inputs)
        check_results(path, named_tensors(whole(**given)))
    notes = notes_of_changes(inputs, given)
    try:
        module = taken_by_name(torch.export.unflatten(program), sizes, example, structure)
        require_alike(module, whole, [inputs, *(cell.inputs for cell in sizes.other(inputs, sizes.free(inputs)))])
        return module, notes
    except Exception as error:  # whatever PyTorch makes of names, and of what runs under autocast
        return whole, [*notes, f"PyTorch makes no modules of the program ({summary(error)}): it is compared as a whole"]


def copies(tensors):
    """As programs may change their inputs."""
    return {name: tensor.clone() for name, tensor in tensors.items()}


def require_alike(module, whole, cases):
    """An error where the modules give something else than the program."""
    for inputs in cases:
        with torch.no_grad(), contextlib.suppress(RuntimeError):  # of sizes that the program does not take after all
            torch.manual_seed(0)
            expected = named_tensors(whole(**copies(inputs)))
            torch.manual_seed(0)
            found = named_tensors(called(module, inputs))
            if expected.keys() != found.keys() or not all(is_close(expected[name], found[name]) for name in expected):
                raise ValueError("torch.export.unflatten gives other numbers")


def called(module, inputs):
    try:
        return module(**copies(inputs))
    except Exception as error:
        raise ValueError(f"torch.export.unflatten: {summary(error)}") from error


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
    """The classes are called as those that were exported, and say where these were, and were called."""
    stacks = [list((node.meta.get("nn_module_stack") or {}).values()) for node in program.graph.nodes]
    types, places = dict(entry for stack in stacks for entry in stack), {}
    for node, stack in zip(program.graph.nodes, stacks):
        lines = FORWARD.findall(node.meta.get("stack_trace") or "")
        if len(lines) == len(stack):  # else others than the modules have a forward
            for (path, _), place, before in zip(stack, lines, [None, *lines]):
                places.setdefault(path, (place, before))
    for path, one in module.named_modules():
        kind = types.get(path, "")
        name = (kind if isinstance(kind, str) else kind.__name__).rpartition(".")[2]
        exported_from, called_from = map(place_of, places.get(path, (None, None)))
        known = {"__module__": __name__, "exported_from": exported_from, "called_from": called_from}
        one.__class__ = type(name if name.isidentifier() else type(one).__name__, (type(one),), known)


def place_of(line):
    return line and {"file": os.path.basename(line[0]), "line": int(line[1])}


def taken_by_name(module, sizes, example, structure):
    """The module, with a forward that takes tensors by name; what else was an argument is as it was in the example."""
    before, checks = module.forward, list(module._forward_pre_hooks.values())
    taken = holding(module)

    def forward(**tensors):
        sizes.require(tensors)
        leaves = [as_exported(tensors[name], value) if name in tensors else value for name, value in example.items()]
        args, keywords = pytree.tree_unflatten(leaves, structure)
        for check in () if torch.compiler.is_compiling() else checks:
            check(module, args, keywords)
        return before(*args, **keywords)

    forward.__signature__ = inspect.Signature([inspect.Parameter(name, KEYWORD) for name in sizes.shapes])
    taken.forward = forward
    return taken


def holding(module):
    """A module with all that another holds: torch.export has ways of its own with those of torch.fx."""
    made = torch.nn.Module()
    for name in ("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set"):
        vars(made)[name] = vars(module)[name]
    return made


def as_exported(tensor, example):
    """Integers of the width that the program computes with."""
    is_integer = not (example.is_floating_point() or example.is_complex())
    return tensor.to(example.dtype) if is_integer else tensor

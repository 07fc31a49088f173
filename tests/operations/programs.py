"""Samples of operations as programs: exported and written by the tracer's own code, with what PyTorch computes.

A sample is a function of tensors and its arguments. Many are exported at once, as one module, and taken apart after.
"""

import dataclasses
import inspect
import json

import torch
from torch.utils import _pytree as pytree

from reference.exporting import collect, export
from reference.files import write_trace
from reference.traced_graph import ASSERTIONS
from reference.traced_parameters import Parameters
from reference.traced_program import describe_program, needed_nodes

OURS = {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}
OURS |= {torch.float16, torch.bfloat16, torch.float32, torch.float64}


class NotOurs(Exception):
    """A sample that says nothing of the table; the text says why."""


class Sample:
    """`call(*arguments, **keywords)`; `name` says which it is. `free`: its sizes are symbols, but of those tensors that
    are `fixed`."""

    def __init__(self, name, call, arguments, keywords=None, free=False, fixed=()):
        self.name, self.call, self.free, self.fixed = name, call, free, set()
        leaves, self.structure = pytree.tree_flatten((tuple(arguments), dict(keywords or {})))
        self.tensors, self.leaves = {}, []
        for leaf in leaves:
            is_tensor = isinstance(leaf, torch.Tensor)
            self.leaves.append(Place(f"x{len(self.tensors)}", leaf.is_complex()) if is_tensor else leaf)
            if is_tensor and any(leaf is one for one in fixed):
                self.fixed.add(self.leaves[-1].name)
            if is_tensor:
                self.tensors[self.leaves[-1].name] = real(leaf.detach()).clone(memory_format=torch.contiguous_format)
        if not self.tensors:  # so that there is something to feed
            self.tensors["x0"] = torch.zeros(1)

    def __call__(self, tensors):
        """[tensor], complex ones as pairs of real numbers."""
        leaves = [tensors_of(leaf, tensors) if isinstance(leaf, Place) else leaf for leaf in self.leaves]
        arguments, keywords = pytree.tree_unflatten(leaves, self.structure)
        found = self.call(*arguments, **keywords)
        return [real(one) for one in pytree.tree_leaves(found) if isinstance(one, torch.Tensor)]


@dataclasses.dataclass
class Place:
    name: str
    is_complex: bool


def tensors_of(place, tensors):
    return torch.view_as_complex(tensors[place.name]) if place.is_complex else tensors[place.name]


def real(tensor):
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


class Samples(torch.nn.Module):
    """All of them as one module: inputs "s0_x1", outputs "s0.0"."""

    def __init__(self, samples):
        super().__init__()
        for index, sample in enumerate(samples):
            if isinstance(sample.call, torch.nn.Module):
                self.add_module(f"s{index}", sample.call)
        inputs = {f"s{i}_{name}": tensor for i, sample in enumerate(samples) for name, tensor in sample.tensors.items()}

        def forward(**tensors):
            found = {}
            for i, sample in enumerate(samples):
                own = {name: tensors[f"s{i}_{name}"] for name in sample.tensors}
                found.update({f"s{i}.{k}": one for k, one in enumerate(sample(own))})
            return found

        parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in inputs]
        forward.__signature__ = inspect.Signature(parameters)
        self.inputs, self.forward = inputs, forward


def exported(samples):
    """(the JSON of the program that all of them make, its tensors, the ExportedProgram)."""
    model = Samples(samples)
    free = {f"s{i}_{name}" for i, one in enumerate(samples) if one.free for name in one.tensors.keys() - one.fixed}
    # torch takes an axis of one element that is free for one of any size, which then does not broadcast.
    axes = {
        name: [axis for axis, size in enumerate(tensor.shape) if name in free and size > 1]
        for name, tensor in model.inputs.items()
    }
    traced = collect(export(model, model.inputs, axes, False), axes)
    parameters = Parameters(model, traced, needed_nodes(traced), None, ())
    return describe_program(model, traced, model.inputs, [], parameters), parameters.tensors, traced.program


def read_by(value):
    """The nodes that an argument names."""
    if isinstance(value, dict) and "n" in value:
        return [value["n"]]
    return [name for one in value for name in read_by(one)] if isinstance(value, list) else []


def part_of(program, prefix):
    """The program of one sample's outputs alone, with its own names."""
    outputs = [one for one in program["outputs"] if one["name"].startswith(f"{prefix}.")]
    if not outputs:
        raise NotOurs("gives no tensor")
    reached = {one["node"] for one in outputs}
    for node in reversed(program["nodes"]):
        if node["name"] in reached:
            reached.update(name for value in node["args"].values() for name in read_by(value))
    own = f"{prefix}_"
    return {
        **program,
        "inputs": [
            {**one, "name": one["name"].removeprefix(own)} for one in program["inputs"] if one["name"].startswith(own)
        ],
        "frozen": [],
        "parameters": [one for one in program["parameters"] if one["node"] in reached],
        "nodes": [node for node in program["nodes"] if node["name"] in reached],
        "outputs": [{**one, "name": one["name"].removeprefix(f"{prefix}.")} for one in outputs],
        "stages": [],
    }


def operations_of(program):
    return sorted({node["op"] for node in program["nodes"] if not ASSERTIONS.match(node["op"])})


def require_ours(tensors, kind):
    for tensor in tensors:
        if tensor.dtype not in OURS:
            raise NotOurs(f"{kind} of {str(tensor.dtype).removeprefix('torch.')}")
        if tensor.layout != torch.strided:
            raise NotOurs(f"{kind} of {str(tensor.layout).removeprefix('torch.')}")


def first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0][:160]


def computed(sample, tensors):
    try:
        with torch.no_grad():
            found = sample({name: tensor.clone() for name, tensor in tensors.items()})
    except Exception as error:
        raise NotOurs("PyTorch: " + first_line(error)) from error
    require_ours(found, "gives tensors")
    return [one.detach().clone(memory_format=torch.contiguous_format) for one in found]


def in_float64(sample, tensors):
    """The same of float32 tensors as float64; None where PyTorch cannot."""
    if all(tensor.dtype != torch.float32 for tensor in tensors.values()):
        return None
    wide = {name: tensor.double() if tensor.dtype == torch.float32 else tensor for name, tensor in tensors.items()}
    try:
        return computed(sample, wide)
    except NotOurs:  # an argument is float32
        return None


def run_of(sample, tensors, prefix):
    """What a run reads and what it should give, by their names in the file."""
    found = {f"{prefix}input.{name}": tensor for name, tensor in tensors.items()}
    expected = computed(sample, tensors)
    wide = in_float64(sample, tensors)
    for index, one in enumerate(expected):
        found[f"{prefix}output.{index}"] = one
        if wide and one.dtype == torch.float32 and wide[index].dtype == torch.float64:
            if wide[index].shape == one.shape:
                found[f"{prefix}output64.{index}"] = wide[index]
    return found


def other_sizes(sample, program):
    """The sample's tensors with one more on each axis that is a symbol; None where there is none."""
    found, changed = {}, False
    for one in program["inputs"]:
        tensor = sample.tensors[one["name"]]
        for axis, size in enumerate(one["shape"]):
            if isinstance(size, str) and size.isidentifier() and tensor.shape[axis]:
                more = tensor.narrow(axis, 0, 1)
                more = more * 1.03125 if more.is_floating_point() else more  # so that no two are equal
                tensor, changed = torch.cat([tensor, more], axis), True
        found[one["name"]] = tensor.contiguous()
    return found if changed else None


def holds(exported_program, inputs, index, tensors, expected):
    """Whether what torch.export made gives this for these sizes: it may have taken a way that is for others."""
    changed = {f"s{index}_{name}": tensor for name, tensor in tensors.items()}
    try:
        with torch.no_grad():
            found = exported_program.module(check_guards=False)(**{**inputs, **changed})[0]
        own = [found[place] for place in expected]
        for one, other in zip(own, expected.values()):
            torch.testing.assert_close(one, other, equal_nan=True)
        return True
    except Exception:  # the graph's shapes do not fit, or its numbers
        return False


class File:
    """A file of programs in the making."""

    def __init__(self):
        self.entries, self.tensors = [], {}

    def add(self, samples, not_ours):
        """Samples that can be exported; `not_ours(sample, why)` is called of the others."""
        if not samples:
            return
        try:
            program, constants, exported_program = exported(samples)
        except Exception as error:
            if len(samples) == 1:
                not_ours(samples[0], "torch.export: " + first_line(error))
                return
            half = len(samples) // 2
            self.add(samples[:half], not_ours)
            self.add(samples[half:], not_ours)
            return
        names = [one["name"] for one in program["outputs"]]
        for index, sample in enumerate(samples):
            try:
                part = part_of(program, f"s{index}")
                places = [names.index(f"s{index}.{one['name']}") for one in part["outputs"]]
                self.add_one(sample, part, constants, (exported_program, samples, index, places))
            except NotOurs as reason:
                not_ours(sample, str(reason))

    def add_one(self, sample, program, constants, origin):
        require_ours(sample.tensors.values(), "takes tensors")
        own = f"{len(self.entries)}."
        found = run_of(sample, sample.tensors, f"{own}0.")
        runs = 1
        if sample.free and (others := other_sizes(sample, program)):
            try:
                more = run_of(sample, others, f"{own}1.")
                if self.holds(more, f"{own}1.output.", others, origin):
                    found.update(more)
                    runs = 2
            except NotOurs:
                pass  # PyTorch itself cannot take these sizes
        for one in program["parameters"]:
            found[own + one["value"]] = constants[one["value"]]
        self.tensors.update(found)
        self.entries.append({"sample": sample.name, "runs": runs, "program": program})

    @staticmethod
    def holds(run, prefix, tensors, origin):
        exported_program, samples, index, places = origin
        if any(f"{prefix}{k}" not in run for k in range(len(places))):
            return False
        expected = {place: run[f"{prefix}{k}"] for k, place in enumerate(places)}
        inputs = {f"s{i}_{n}": t for i, one in enumerate(samples) for n, t in one.tensors.items()}
        return holds(exported_program, inputs, index, tensors, expected)

    def write(self, path):
        # Views of one storage must not be written twice under two names.
        tensors = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in self.tensors.items()}
        write_trace(path, tensors, {"programs": json.dumps(self.entries)})

"""A program file run by PyTorch, node by node: only what the JSON says is used."""

import json
import operator

import torch
from safetensors import safe_open

OPERATORS = {"and": operator.and_, "or": operator.or_, "not": operator.not_}


class Program:
    def __init__(self, path, checkpoint=None):
        """`checkpoint`: {key: tensor}."""
        with safe_open(path, "pt") as file:
            self.metadata = file.metadata()
            self.tensors = {name: file.get_tensor(name) for name in file.keys()}
        self.text = self.metadata["program"]
        self.json = json.loads(self.text)
        self.checkpoint = checkpoint or {}

    def __getitem__(self, name):
        return self.json[name]

    def parameter(self, name):
        return next(one for one in self["parameters"] if one["name"] == name)

    def operations(self):
        return {node["op"] for node in self["nodes"]}

    def weight(self, parameter):
        if parameter["key"] is None:
            return self.tensors[parameter["value"]]
        tensor = self.checkpoint[parameter["key"]]
        return tensor.float() if tensor.is_floating_point() else tensor

    def run(self, inputs):
        """The tensors of stages and outputs under their names in a trace."""
        values = {one["node"]: self.weight(one) for one in self["parameters"]}
        values.update({one["node"]: inputs[one["name"]] for one in self["inputs"]})
        for node in self["nodes"]:
            values[node["name"]] = dense(call(node, values))
            check_result(node, values[node["name"]])
        for check in self.json.get("checks", []):
            if not values[check["node"]]:
                raise ValueError(check["message"])
        found = {f"output.{one['name']}": values[one["node"]] for one in self["outputs"]}
        for stage in self["stages"]:
            path = f"{stage['path']}#{stage['call']}" if stage["call"] else stage["path"]
            several = len(stage["nodes"]) > 1
            for i, node in enumerate(stage["nodes"]):
                found[f"stage.{path}.{i}" if several else f"stage.{path}"] = values[node]
        return found


def value_of(value, values):
    if isinstance(value, list):
        return [value_of(member, values) for member in value]
    if not isinstance(value, dict):
        return value
    (kind, content), = value.items()
    return values[content] if kind == "n" else float(content) if kind == "f" else getattr(torch, content)


def dense(value):
    """How a tensor lies in memory is not in the program."""
    return value.contiguous() if isinstance(value, torch.Tensor) else value


def call(node, values):
    arguments = {name: value_of(value, values) for name, value in node["args"].items()}
    if "." not in node["op"]:
        name = node["op"]
        function = OPERATORS.get(name) or getattr(operator, name, None) or getattr(torch, name)
        return function(*arguments.values())
    space, name, overload = node["op"].split(".")
    made = getattr(getattr(getattr(torch.ops, space), name), overload)(**arguments)
    has_dropped = name == "squeeze" and made.dim() < len(node["result"]["shape"])  # an axis that is 1 in these inputs alone
    return arguments["self"] if has_dropped else made


def check_result(node, value):
    """The number of dimensions, the fixed sizes and the type are those that the program says."""
    expected = node["result"]
    if isinstance(value, torch.Tensor):
        assert str(value.dtype) == f"torch.{expected['dtype']}", (node, value.dtype)
        assert len(value.shape) == len(expected["shape"]), (node, value.shape)
        for size, said in zip(value.shape, expected["shape"]):
            assert isinstance(said, str) or size == said, (node, value.shape)
    elif isinstance(value, (list, tuple)):
        assert len(value) == len(expected), node
    else:
        assert "symbol" in expected, node

"""Complex numbers. They travel as pairs of real ones, [..., 2]: those are what TensorFlow's variables, files of weights and
comparisons know.
"""

import torch

from reference.messages import UNKNOWN_CLASS, Failure

PAIRS = "_pairs"  # ends the name of a parameter's node, which a node of its complex numbers reads
TYPE = {"dtype": "complex64"}


def as_pairs(tensor):
    """float [..., 2] of complex numbers; others as they are."""
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def has_digits(tensor):
    """Whether its numbers are floating ones, or pairs of them."""
    return tensor.is_floating_point() or tensor.is_complex()


def to_float32(model):
    """The model, with all that it holds in single precision."""
    return model.float()._apply(lambda tensor: tensor.to(torch.complex64) if tensor.is_complex() else tensor)


def to_float64(model):
    return model.double()._apply(lambda tensor: tensor.to(torch.complex128) if tensor.is_complex() else tensor)


def described_parameter(name, shape):
    """The node of a program that makes a parameter of its pairs."""
    return node(name, "view_as_complex", {"self": {"n": name + PAIRS}}, "", {**TYPE, "shape": list(shape)})


def described_number(name, number, module):
    """Nodes of a program that make a complex number that is an argument; the last one is called `name`."""
    if abs(number) > torch.finfo(torch.float32).max:
        raise Failure(UNKNOWN_CLASS, f"the number {number} is too large for complex64")
    parts = {f"{name}_real": number.real, f"{name}_imag": number.imag}
    real, imaginary = ({"n": part} for part in parts)
    type_of_part = {"dtype": "float32", "shape": []}
    filled = {"size": [], "dtype": {"d": "float32"}, "pin_memory": None}
    made = [node(part, "full", {**filled, "fill_value": value}, module, type_of_part) for part, value in parts.items()]
    return [*made, node(name, "complex", {"real": real, "imag": imaginary}, module, {**TYPE, "shape": []})]


def node(name, operation, arguments, module, result):
    return {"name": name, "op": f"aten.{operation}.default", "args": arguments, "module": module, "result": result}

"""Keeping a float64 run in float64."""

import torch
from torch.overrides import TorchFunctionMode


def widened(argument):
    if argument is torch.float32:
        return torch.float64
    return torch.complex128 if argument is torch.complex64 else argument


class Widened(TorchFunctionMode):
    """While active, what asks for float32 gets float64. Models compute a softmax or a norm "in float32" for the sake of
    narrower types; in a run in float64 that would round, and make infinite the large numbers that stand for masks."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.Tensor.float:
            function = torch.Tensor.double
        wide = tuple(widened(argument) for argument in args)
        named = {name: widened(argument) for name, argument in (kwargs or {}).items()}
        return function(*wide, **named)

"""Keeping a float64 run in float64."""

import torch
from torch.overrides import TorchFunctionMode


class Widened(TorchFunctionMode):
    """While active, what asks for float32 gets float64. Models compute a softmax or a norm "in float32" for the sake of
    narrower types; in a run in float64 that would round, and make infinite the large numbers that stand for masks."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.Tensor.float:
            function = torch.Tensor.double
        wide = tuple(torch.float64 if argument is torch.float32 else argument for argument in args)
        named = {n: torch.float64 if argument is torch.float32 else argument for n, argument in (kwargs or {}).items()}
        return function(*wide, **named)

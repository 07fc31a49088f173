"""Sorting in one order: PyTorch leaves open which of equal elements comes first, and its kernels do it as is fastest on
the processor at hand. Here it is the one that was first, which is one of the orders that PyTorch may give."""

import torch
from torch.overrides import TorchFunctionMode

SORTS = (torch.sort, torch.argsort, torch.Tensor.sort, torch.Tensor.argsort)
ORDER = ("dim", "descending")  # by position, where nothing is said of equal elements


class StableSorts(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func in SORTS and "stable" not in kwargs:
            kwargs.update(zip(ORDER, args[1:]), stable=True)
            args = args[:1]
        return func(*args, **kwargs)

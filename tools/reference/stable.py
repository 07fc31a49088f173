"""Sorting in one order: PyTorch leaves open which of equal elements comes first, and its kernels do it as is fastest on
the processor at hand. Here it is the one that was first, which is one of the orders that PyTorch may give."""

import torch
from torch.overrides import TorchFunctionMode

SORTS = (torch.sort, torch.argsort, torch.Tensor.sort, torch.Tensor.argsort)
ORDER = ("dim", "descending")  # by position, where nothing is said of equal elements
TOPS = (torch.topk, torch.Tensor.topk)


class StableSorts(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func in TOPS and "out" not in kwargs:
            return top(*args, **kwargs)
        if func in SORTS and "stable" not in kwargs:
            kwargs.update(zip(ORDER, args[1:]), stable=True)
            args = args[:1]
        return func(*args, **kwargs)


def top(input, k, dim=-1, largest=True, sorted=True):
    """What torch.topk returns. It need not sort, and may."""
    found = torch.sort(input, dim=dim, descending=largest, stable=True)
    return torch.return_types.topk([one.narrow(dim, 0, k).contiguous() if input.dim() else one for one in found])

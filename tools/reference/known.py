"""Numbers that are known while a model is traced, so that it can take its way by them: those of constants and of small
buffers, as the stride of a convolution or a layer's part in a schedule, and what is computed of them alone."""

import contextlib
import functools
import re
from unittest import mock

import torch
from torch._subclasses import fake_tensor
from torch.export import _trace as export_trace
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import _disable_current_modes as as_plain_pytorch

MOST = 4096  # elements of a tensor whose numbers are known
MOST_OF_BUFFER = 64  # of a buffer: larger ones are tables and masks, which lead no way
MAKERS = (torch.tensor, torch.as_tensor, torch.arange, torch.zeros, torch.ones, torch.full)
RANDOM = re.compile("rand|bernoulli|multinomial|normal|dropout")


@contextlib.contextmanager
def constants_known():
    """While a model is traced, what is computed of constants and of small buffers alone can be looked at."""
    limit = mock.patch.object(fake_tensor, "CONSTANT_NUMEL_LIMIT", MOST)
    fakify = with_known_buffers(export_trace._fakify_params_buffers)
    with limit, mock.patch.object(export_trace, "_fakify_params_buffers", fakify):
        yield


def with_known_buffers(fakify):
    """What makes a model's parameters and buffers fake, so that small buffers know their numbers."""

    @functools.wraps(fakify)
    def known(mode, model):
        fakes = fakify(mode, model)
        for name, buffer in model.named_buffers(remove_duplicate=False):
            if 0 < buffer.numel() <= MOST_OF_BUFFER and not isinstance(buffer, fake_tensor.FakeTensor):
                fakes[name].constant = buffer.detach().clone()  # which nothing that the model does reaches
                mode.fake_tensor_converter.add_constant_storage_mapping(fakes[name])
        return fakes

    return known


class Known(TorchFunctionMode):
    """What is computed of whole numbers alone is computed while the model is traced, and a constant of the graph, so that
    sizes may depend on it."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if not self.is_known(func, args, kwargs):
            return func(*args, **kwargs)
        with as_plain_pytorch():
            made = func(*args, **kwargs)
        is_number = not isinstance(made, torch.Tensor) or not made.is_floating_point()
        return made if is_number or func not in MAKERS else func(*args, **kwargs)

    @staticmethod
    def is_known(func, args, kwargs):
        leaves = pytree.tree_leaves((args, kwargs))
        tensors = [one for one in leaves if isinstance(one, torch.Tensor)]
        is_made = func in MAKERS if not tensors else not RANDOM.search(getattr(func, "__name__", ""))
        is_symbolic = any(isinstance(one, (torch.SymInt, torch.SymFloat, torch.SymBool)) for one in leaves)
        return is_made and not is_symbolic and all(type(one) is torch.Tensor for one in tensors)

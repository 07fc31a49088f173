"""Weights that a model limits in place whenever it runs, as Gemma 3n of Transformers 4 does: the coefficients of its
alternating updates.

What is traced cannot change them. So the graph limits them, each time that it reads them, which gives the same numbers. And
after a run they are what they were before, as the checkpoint has them.
"""

import contextlib
import functools
from unittest import mock

import torch

from reference import transformers5


def coefficients(model):
    """[(the module, its configuration, the limit)] of those that have such weights and change them outside of training."""
    found = []
    for module in () if transformers5.is_needed() else model.modules():
        limit = getattr(getattr(module, "config", None), "altup_coef_clip", None)
        if limit is not None and isinstance(getattr(module, "correction_coefs", None), torch.nn.Linear):
            found.append((module.correction_coefs, module.config, limit))
    return found


def of_limited(linear, limit, x):
    """What the module returns with weights within the limit."""
    return torch.nn.functional.linear(x, linear.weight.clamp(-limit, limit), linear.bias)


@contextlib.contextmanager
def limited_in_the_graph(model):
    """While the model is traced."""
    with contextlib.ExitStack() as stack:
        for linear, config, limit in coefficients(model):
            stack.enter_context(mock.patch.object(linear, "forward", functools.partial(of_limited, linear, limit)))
            stack.enter_context(mock.patch.object(config, "altup_coef_clip", None))
        yield


@contextlib.contextmanager
def never_limited(model):
    """After a run."""
    before = [(linear.weight, linear.weight.detach().clone()) for linear, _, _ in coefficients(model)]
    try:
        yield
    finally:
        with torch.no_grad():
            for weight, numbers in before:
                weight.copy_(numbers)

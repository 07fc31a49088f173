"""Tensors that a module keeps in an attribute from one call to the next, as a table that is made when it is first needed.

They are of the type and of the kind of that call: those of a call in float32 would be wrong in float64, and those of a
trace are no numbers at all. So nothing is kept here: every call is a first one.
"""

import contextlib

import torch


def attributes(module):
    """What a call may set: neither the parts and parameters of a module, nor marks of what is done once."""
    return {n: value for n, value in vars(module).items() if not isinstance(value, (bool, dict, set))}


@contextlib.contextmanager
def nothing_kept(model):
    """Afterwards the modules whose tensors a call set have the attributes that they had before."""
    before = [(module, attributes(module)) for module in model.modules()]
    try:
        yield
    finally:
        for module, old in before:
            changed = {n: v for n, v in attributes(module).items() if n not in old or old[n] is not v}
            if any(isinstance(value, torch.Tensor) for value in changed.values()):
                restore(module, old, changed)


def restore(module, old, changed):
    for name in changed:
        if name in old:
            vars(module)[name] = old[name]
        else:
            del vars(module)[name]

"""Samples of ATen's own database of operations, which PyTorch's tests are made from."""

import itertools
import warnings

import torch
from torch.testing._internal.common_methods_invocations import op_db

from programs import Sample

DTYPES = (torch.float32, torch.int64, torch.bool)
UNDEFINED = ("empty", "new_empty", "resize_", "Tensor.__getitem__")  # what they give has no values to compare
# In other sizes edges are sorted no more, and matrices are singular.
OF_ONE_SIZE = ("bucketize", "searchsorted", "linalg.solve", "linalg.inv", "linalg.cholesky", "cholesky", "inverse")
LOOKED_AT = 400  # of the samples of an operation and type; those that are taken are spread over them


def short(name, dtype, index, free):
    return f"{name} {str(dtype).removeprefix('torch.')} {index}{' free' if free else ''}"


def full_name(info):
    return f"{info.name}.{info.variant_test_name}" if info.variant_test_name else info.name


def is_defined(info):
    return not info.name.startswith(UNDEFINED)


def spread(found, count):
    if len(found) <= count:
        return list(enumerate(found))
    return [(i * len(found) // count, found[i * len(found) // count]) for i in range(count)]


def samples_of(info, dtype, count, free=False):
    """Up to `count` samples of an operation in one type."""
    if dtype not in info.supported_dtypes("cpu") or (free and info.name.startswith(OF_ONE_SIZE)):
        return []
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(itertools.islice(info.sample_inputs("cpu", dtype, requires_grad=False), LOOKED_AT))
    name = full_name(info)
    return [
        Sample(short(name, dtype, i, free), info.op, (one.input, *one.args), one.kwargs, free, weights_of(name, one))
        for i, one in spread(found, count)
    ]


def weights_of(name, sample):
    """Tensors whose sizes are those of a layer."""
    is_layer = name.startswith(("nn.functional.conv", "nn.functional.linear"))
    return [one for one in sample.args if isinstance(one, torch.Tensor)] if is_layer else []


def infos():
    return sorted((info for info in op_db if is_defined(info)), key=full_name)

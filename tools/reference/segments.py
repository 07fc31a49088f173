"""Tapas of Transformers 4 counts the segments of its tables in tensors, which while a model is traced are no numbers. Here
they are plain ones, as in Transformers 5, and what is computed with them is the same.
"""

import math
import sys

import torch

TAPAS = "transformers.models.tapas.modeling_tapas"


def index_map(indices, num_segments, batch_dims):
    return sys.modules[TAPAS].IndexMap(indices, num_segments, batch_dims)


def counted(index, indices, num_segments, batch_dims=0):
    """IndexMap.__init__."""
    index.indices, index.num_segments, index.batch_dims = indices, num_segments, batch_dims


def flat(index, name=None):
    """flatten: segments of several rows as those of one."""
    shape = index.batch_shape()
    rows = math.prod(shape)
    first = (torch.arange(rows) * index.num_segments).view(*shape, *[1] * (index.indices.dim() - index.batch_dims))
    return index_map((first + index.indices).view(-1), index.num_segments * rows, 0)


def whole_range(batch_shape, num_segments, name=None):
    """range_index_map: every row has each segment once."""
    indices = torch.arange(num_segments).repeat(*batch_shape, 1)
    return index_map(indices, num_segments, len(batch_shape))


def reduced(values, index, how, name=None):
    """_segment_reduce: (a number for each segment, their index)."""
    flattened, rest = flat(index), values.shape[index.indices.dim() :]
    flat_values = values.reshape(-1, *rest).float()
    made = torch.zeros(flattened.num_segments).scatter_reduce(
        0, flattened.indices.long(), flat_values, how, include_self=False
    )
    made = made.view(*index.batch_shape(), index.num_segments, *rest).to(values.dtype)
    return made, whole_range(index.batch_shape(), index.num_segments)


REPLACED = {
    "IndexMap.__init__": counted,
    "flatten": flat,
    "range_index_map": whole_range,
    "_segment_reduce": reduced,
}
"""For without_loops.py."""

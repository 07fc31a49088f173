"""Images as vision towers of language models take them: rows of patches, and a grid of how many there are down and
across.

Such a tower takes the patches of all images one after the other, [patches, numbers of a patch], with a grid for each
image, [images, 3] of time, height and width; or padded ones, [batch, patches, numbers of a patch], with [batch, 2].
"""

import math

import torch

from reference.models import field_of

GRIDS = ((1, 6, 4), (1, 4, 4))  # of the images, in patches; multiples of what towers merge
SHAPES, PADDED = ((6, 6), (6, 3)), 45  # of padded ones: patches down and across, and of an image with the padding


def is_of_patches(accepted):
    """Whether the parameters of a forward are those of such a tower."""
    return any(name in accepted for name in ("grid_thw", "spatial_shapes", "pixel_position_ids")) or (
        "image_grid_thw" in accepted and "input_ids" not in accepted
    )


def is_padded(accepted):
    return "spatial_shapes" in accepted or "pixel_position_ids" in accepted


def numbers_of_patch(config):
    """Channels times time times height times width."""
    size = field_of(config, "patch_size")
    sizes = size if isinstance(size, (list, tuple)) else (size, size)
    channels = field_of(config, "in_channels", field_of(config, "in_chans", field_of(config, "num_channels", 3)))
    frames = field_of(config, "temporal_patch_size", field_of(config, "patch_temporal", 1))
    return channels * frames * math.prod(sizes[-2:])


def patches(config, rank, generator):
    count = sum(map(math.prod, GRIDS))
    shape = (count,) if rank == 2 else (len(SHAPES), PADDED)
    return torch.randn(*shape, numbers_of_patch(config), generator=generator).clamp(-2, 2.5)


def grids():
    return torch.tensor(GRIDS)


def merge_sizes(config):
    return torch.full((len(GRIDS),), field_of(config, "spatial_merge_size", 2))


def shapes():
    """[batch, 2]: patches down and across."""
    return torch.tensor(SHAPES)


def kept_patches():
    return (torch.arange(PADDED) < shapes().prod(-1, keepdim=True)).long()


def places():
    """[batch, patches, 2]: where each patch is, across and down; -1 for the padding."""
    found = torch.full((len(SHAPES), PADDED, 2), -1)
    for row, (height, width) in zip(found, SHAPES):
        row[: height * width] = torch.cartesian_prod(torch.arange(height), torch.arange(width)).flip(-1)
    return found

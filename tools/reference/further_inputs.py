"""Inputs beside those of texts, images and sounds as most models take them: how each is made, by its name.

They are taken where forward cannot be called without them, and where nothing else is known.
"""

import dataclasses
import inspect

import torch

from reference import patches, series, signals, text
from reference.models import field_of


@dataclasses.dataclass(frozen=True)
class Further:
    is_floating: bool
    rank: int
    make: object  # (InputMaker, Plan, generator) -> tensor


def past(make):
    """Of a series: what `make` makes of (config, batch, length, generator)."""
    return lambda maker, plan, generator: make(maker.config, plan.images, series.past(maker.config), generator)


def future(make):
    return lambda maker, plan, generator: make(maker.config, plan.images, series.future(maker.config), generator)


def spectra_mask(maker, plan, _):
    """[batch, time]"""
    spec = maker.signature.find("input_features")
    length = signals.spectra_shape(maker.config, spec)[signals.is_mel_first(maker.config, spec)]
    return text.kept([max(1, int(share * length)) for share in plan.shares], "right", length)


def videos(maker, plan, generator):
    return maker.videos(plan, maker.signature.find("pixel_values_videos"), generator)


def image_sizes(maker, plan, _):
    """[images, 2]: height and width"""
    sizes = maker.image_shape(plan, maker.signature.find("pixel_values"))[-2:]
    return torch.tensor([sizes] * plan.images)


FURTHER = {
    "image_sizes": Further(False, 2, image_sizes),
    "pixel_values_videos": Further(True, 5, videos),
    "input_features_mask": Further(False, 2, spectra_mask),
    "hidden_states": Further(True, 2, lambda maker, plan, generator: patches.patches(maker.config, 2, generator)),
    "grid_thw": Further(False, 2, lambda *_: patches.grids()),
    "image_grid_thw": Further(False, 2, lambda *_: patches.grids()),
    "merge_sizes": Further(False, 1, lambda maker, *_: patches.merge_sizes(maker.config)),
    "spatial_shapes": Further(False, 2, lambda *_: patches.shapes()),
    "pixel_attention_mask": Further(False, 2, lambda *_: patches.kept_patches()),
    "pixel_position_ids": Further(False, 3, lambda *_: patches.places()),
    "past_values": Further(True, 2, past(series.values)),
    "past_time_features": Further(True, 3, past(series.time_features)),
    "past_observed_mask": Further(False, 2, past(series.observed)),
    "future_values": Further(True, 2, future(series.values)),
    "future_time_features": Further(True, 3, future(series.time_features)),
    "static_categorical_features": Further(
        False, 2, lambda maker, plan, generator: series.categories(maker.config, plan.images, generator)
    ),
}
"""{name: how it is made}"""

OF_TOWERS = ("hidden_states", "grid_thw", "image_grid_thw", "merge_sizes", "spatial_shapes", "pixel_attention_mask")
OF_SERIES = ("past_time_features", "past_observed_mask", "future_values", "future_time_features")


def further_names(accepted, config, is_needed_alone):
    """Those of FURTHER that a forward with these parameters is to be called with. is_needed_alone: nothing else is known
    that it could be called with."""
    is_tower = patches.is_of_patches(accepted)

    def is_taken(name):
        if name in OF_TOWERS:
            return is_tower
        if name == "image_sizes":
            return False  # most that take it can do without
        if name == "static_categorical_features":
            return bool(field_of(config, "num_static_categorical_features", 0))
        if name in OF_SERIES and "past_time_features" in accepted:
            return True
        return is_needed_alone or accepted[name].default is inspect.Parameter.empty

    return [name for name in FURTHER if name in accepted and is_taken(name)]


def rank_of(name, config):
    rank = FURTHER[name].rank
    is_of_values = name in ("past_values", "past_observed_mask", "future_values")
    return rank + len(series.channels(config)) if is_of_values else rank

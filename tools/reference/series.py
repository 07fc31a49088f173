"""Inputs of models of time series: values of the past with their features, and those of the future that a decoder
reads."""

import torch

from reference.models import field_of

LENGTH = 24  # of the past, of models that take any


def past(config):
    """How many points of the past there are: the window, and before it what the model looks back from its first."""
    lags = getattr(config, "lags_sequence", None)
    return field_of(config, "context_length", LENGTH) + (max(lags) if lags else 0)


def future(config):
    return field_of(config, "prediction_length", 1)


def channels(config):
    """The last axis of the values, () when there is none."""
    several = field_of(config, "num_input_channels")
    return (several,) if several else (config.input_size,) if field_of(config, "input_size", 1) > 1 else ()


def values(config, batch, length, generator):
    """[batch, length] or [batch, length, channels]: a walk that is about 0."""
    steps = torch.randn(batch, length, *channels(config), generator=generator)
    return steps.cumsum(1) / length**0.5


def time_features(config, batch, length, generator):
    return torch.rand(batch, length, config.num_time_features, generator=generator) - 0.5


def observed(config, batch, length, generator):
    """0 where a value is missing."""
    shape = (batch, length, *channels(config))
    return (torch.rand(shape, generator=generator) > 0.1).float()


def categories(config, batch, generator):
    """[batch, features]: of each the number of a category."""
    counts = torch.tensor([*config.cardinality])
    return (torch.rand(batch, len(counts), generator=generator) * counts).long()

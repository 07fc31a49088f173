"""Inputs of models of images and sounds: smooth signals with some noise, in the range that processors give."""

import math

import torch

from reference import timm_models
from reference.models import field_of
from reference.signature import is_of_fixed_length


PAIR, FEW = 2, 5  # images that belong together, and those of a video, where the configuration does not say
# Fields that say how many numbers a frame of sound has, of models that take any number of frames.
BANDS, FRAMES = ("num_mel_bins", "feature_projection_input_dim", "feature_size", "input_dim", "input_feat_size"), 61


def wave(time, generator):
    """[rows, samples] of a few sine waves, a little noise, mean 0 and deviation 1, as a feature extractor leaves it."""
    frequencies = 40 + 2000 * torch.rand(4, generator=generator)
    phases = 2 * math.pi * torch.rand(4, generator=generator)
    sound = torch.sin(2 * math.pi * frequencies[:, None] * time / 16000 + phases[:, None]).sum(0)
    sound = sound + 0.3 * torch.randn(len(time), generator=generator)
    return (sound - sound.mean()) / (sound.std(unbiased=False) + 1e-7)


def samples_for(config, frames):
    """How many samples make so many frames, about."""
    strides = [int(stride) for stride in getattr(config, "conv_stride", None) or (320,)]
    kernels = [int(kernel) for kernel in getattr(config, "conv_kernel", None) or (400,)]
    needed, stride = 1, math.prod(strides)
    for kernel, step in zip(reversed(kernels), reversed(strides)):
        needed = (needed - 1) * step + kernel  # of the first frame
    return needed + (frames - 1) * stride


def sounds(lengths, generator):
    """[batch, samples], zeros after a sound's end."""
    longest = max(lengths)
    rows = [torch.cat([wave(torch.arange(n).float(), generator), torch.zeros(longest - n)]) for n in lengths]
    return torch.stack(rows)


def is_mel_first(config, spec):
    """Whether spectra are [batch, mel, time], as those of Whisper, or [batch, time, mel]."""
    fixed = [size > 0 for size in spec.shape[1:]] if spec is not None and len(spec.shape) == 3 else []
    return fixed == [True, False] or hasattr(config, "max_source_positions") and hasattr(config, "num_mel_bins")


def spectra(shape, mel_first, shares, generator):
    """Log-mel features of a fixed length as the processors scale them: a signal for a share of the time, then what they
    pad with, which is silence where mel is first, as Whisper's does, and else zeros, as SeamlessM4T's. [batch, mel, time] or
    [batch, time, mel]."""
    mels, length = shape if mel_first else reversed(shape)
    time, bands = torch.arange(length) / max(length, 1), torch.arange(mels) / max(mels, 1)
    rows = []
    for share in shares:
        speed, phase = 3 + 5 * torch.rand(2, generator=generator)
        smooth = (
            0.4 + 0.4 * torch.sin(2 * math.pi * (speed * time[None] + bands[:, None]) + phase) - 0.3 * bands[:, None]
        )
        row = smooth + 0.2 * torch.randn(mels, length, generator=generator)
        row[:, max(1, int(share * length)) :] = row.max() - 2 if mel_first else 0
        rows.append(row if mel_first else row.T)
    return torch.stack(rows).contiguous()


def spectra_shape(config, spec):
    """(mel, time) of Whisper, else (time, mel); None when it is not known."""
    if spec is not None and len(spec.shape) == 3 and min(spec.shape[1:]) > 0:
        return tuple(spec.shape[1:])
    if spec is not None and len(spec.shape) == 3 and max(spec.shape[1:]) > 0:
        return tuple(size if size > 0 else FRAMES for size in spec.shape[1:])
    if hasattr(config, "num_mel_bins") and hasattr(config, "max_source_positions"):
        return config.num_mel_bins, 2 * config.max_source_positions
    if hasattr(config, "input_feat_per_channel"):  # as Speech2Text has them
        return 64, config.input_feat_per_channel
    if is_of_fixed_length("input_values", config):
        return getattr(config, "max_length", 1024), config.num_mel_bins
    return (FRAMES, bands(config)) if bands(config) else None


def bands(config):
    """How many numbers a frame has; None when it is not known."""
    return next((size for name in BANDS if (size := field_of(config, name))), None)


def image_shape(config, spec, is_square=True):
    """(channels, height, width): what the signature says, else the configuration's size, else another one, not square
    where that is allowed."""
    size = image_size(config)
    sizes = (
        list(size) if isinstance(size, (list, tuple)) else [size, size] if size else [224, 224 if is_square else 160]
    )
    known = [timm_models.channels(config) or field_of(config, "num_channels", 3), *sizes]
    given = spec.shape[-3:] if spec is not None and len(spec.shape) >= 4 else (-1, -1, -1)
    return tuple(int(one) if one > 0 else int(other) for one, other in zip(given, known))


def has_free_size(config, spec):
    """Whether images of any size may be given: neither the signature nor the configuration has one."""
    fixed = spec is not None and len(spec.shape) >= 4 and min(spec.shape[-2:]) > 0
    return not fixed and not image_size(config)


def image_size(config):
    return timm_models.fixed_size(config) or field_of(config, "image_size", field_of(config, "crop_size"))


def images(batch, shape, generator):
    """[batch, channels, height, width]: gradients and waves, some noise, from about -2 to 2.5."""
    channels, height, width = shape
    y, x = torch.arange(height)[:, None] / height, torch.arange(width)[None] / width
    rows = []
    for _ in range(batch * channels):
        a, b, c, d = 2 * torch.rand(4, generator=generator) - 1
        smooth = a * x + b * y + torch.sin(2 * math.pi * (2 * c * x + 3 * d * y + a))
        rows.append(smooth + 0.25 * torch.randn(height, width, generator=generator))
    return torch.stack(rows).clamp(-2.1, 2.6).reshape(batch, channels, height, width)


def frames(config, spec):
    """How many images a video has, or as many as belong together: as the signature or the configuration says."""
    given = spec.shape[1] if len(spec.shape) == 5 else -1
    usual = PAIR if spec.name == "pixel_values" else FEW
    return given if given > 0 else field_of(config, "num_frames", field_of(config, "frames_per_clip", usual))


def videos(batch, count, shape, generator):
    """[batch, frames, channels, height, width]"""
    return images(batch * count, shape, generator).unflatten(0, (batch, count))

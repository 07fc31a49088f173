"""Whether a model returns other numbers in training, as by dropout."""

import contextlib
import random

import numpy
import torch

from reference.messages import Failure
from reference.models import same_bits


def differs_in_training(model, seed, outputs, run):
    """Whether model.train() changes any of the outputs, which it gave in eval mode, when `run()` makes them again; None
    when it cannot be run so."""
    random.seed(seed)
    numpy.random.seed(seed)  # for the masks that some models draw over their inputs
    try:
        with training(model):
            trained = run()
    except Failure:
        return None
    return any(not same_bits(tensor, trained.get(name)) for name, tensor in outputs.items())


@contextlib.contextmanager
def training(model):
    """In train mode; afterwards in eval mode, with what training keeps, as running averages, as it was."""
    kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
    model.train()
    try:
        yield
    finally:
        model.eval()
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                buffer.copy_(kept[name])

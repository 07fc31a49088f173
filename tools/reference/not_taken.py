"""Inputs that PyTorch's forward takes, the TensorFlow model's signature does not, and that change what is returned."""

import inspect

from reference.messages import Failure
from reference.models import same_bits
from reference.recording import outputs_of

# What tokenizers and processors make, and a decoder's. Others are other ways to give these, or options.
MADE_FOR_MODELS = (
    "input_ids",
    "attention_mask",
    "token_type_ids",
    "decoder_input_ids",
    "decoder_attention_mask",
    "pixel_values",
    "pixel_mask",
    "input_values",
    "input_features",
)


def not_taken(model, signature, maker, plan, seed):
    """Their names. Each is tried beside made inputs, since a forward may take what it never reads."""
    accepted, served = inspect.signature(model.forward).parameters, signature.names()
    missing = [name for name in MADE_FOR_MODELS if name in accepted and name not in served]
    if not missing:
        return []
    inputs = maker.make(served, plan)
    without = outputs_of(model, inputs, seed)

    def matters(name):
        try:
            given = outputs_of(model, maker.make([*served, name], plan), seed)
        except Failure:
            return False  # no such input is known for the model, or it takes it with others alone
        return any(not same_bits(tensor, given.get(key)) for key, tensor in without.items())

    return [name for name in missing if matters(name)]

"""Inputs that PyTorch's forward takes, the TensorFlow model's signature does not, and that change what is returned."""

import inspect

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
    made = maker.make([*served, *missing], plan)
    inputs = {name: made[name] for name in served}
    without = outputs_of(model, inputs, seed)

    def matters(name):
        given = outputs_of(model, {**inputs, name: made[name]}, seed)
        return any(not same_bits(tensor, given.get(key)) for key, tensor in without.items())

    return [name for name in missing if matters(name)]

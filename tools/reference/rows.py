"""Which tensors have no rows that a mask could exclude: those whose shape stays when the rows become fewer.

A pooled [batch, hidden] with as many hidden units as there are positions looks like [batch, length]. So the model runs
once more, on one row of the batch without its first position, and what is still as large has no rows.
"""

import torch

from reference.messages import Failure

LENGTH_IS_LAST = ("input_ids", "token_type_ids", "position_ids", "decoder_input_ids", "decoder_position_ids")
LENGTH_BEFORE_LAST = ("inputs_embeds", "decoder_inputs_embeds", "encoder_hidden_states", "encoder_outputs")
MASKS = ("attention_mask", "decoder_attention_mask", "encoder_attention_mask")


def shorter(name, tensor):
    """The first of the batch, without its first position; of a sound, without its first half."""
    tensor = tensor[:1]
    if name in MASKS and tensor.dim() == 3 and tensor.shape[1] == tensor.shape[2]:
        return tensor[:, 1:, 1:]
    if name in LENGTH_IS_LAST or name in MASKS:
        return tensor[..., 1:]
    return tensor[..., 1:, :] if name in LENGTH_BEFORE_LAST else tensor


def shorter_inputs(inputs):
    if "input_values" in inputs:
        half = inputs["input_values"].shape[-1] // 2
        return {name: tensor[:1, half:] for name, tensor in inputs.items()}
    return {name: shorter(name, tensor) for name, tensor in inputs.items()}


def without_rows(model, inputs, tensors, shapes_of):
    """Names among `tensors` that have no rows; `shapes_of(inputs)` runs the model. Where it cannot be seen, none."""
    if not any(name in inputs for name in MASKS):
        return set()
    try:
        shapes = shapes_of({name: tensor.contiguous() for name, tensor in shorter_inputs(inputs).items()})
    except Failure:
        return set()
    batch_varies = all(tensor.shape[0] > 1 for tensor in inputs.values() if tensor.dim() > 1)

    def has_rows(name, tensor):
        if name not in shapes or len(shapes[name]) != tensor.dim():
            return True
        differs = [one != other for one, other in zip(tensor.shape, shapes[name])]
        return any(differs[1:]) and (differs[0] or not batch_varies)

    return {name for name, tensor in tensors.items() if isinstance(tensor, torch.Tensor) and not has_rows(name, tensor)}

"""Images that a text speaks of: what an image became stands in the place of certain tokens of the text, so that a text has
as many of them as the model makes of an image."""

import inspect

import torch

from reference.messages import BAD_INPUT, Failure, failing
from reference.models import field_of

BEFORE = 4  # tokens of text before the image
OF_IMAGES = ("pixel_values", "image_sizes", "image_grid_thw", "pixel_attention_mask", "spatial_shapes")
OF_TEXTS = {"input_ids": None, "attention_mask": 1, "token_type_ids": 0}  # what each has where the image is


def token_of(config):
    """None where texts speak of no images."""
    known = (field_of(config, name) for name in ("image_token_id", "image_token_index"))
    return next((one for one in known if isinstance(one, int) and one >= 0), None)


def are_read(model, names):
    """Whether the model, called with inputs of these names, looks for images in its texts."""
    has_both = {"input_ids", "pixel_values"} <= set(names)
    return has_both and hasattr(model, "get_image_features") and token_of(model.config) is not None


def count_of(model, inputs):
    """How many tokens the model makes of each image."""
    accepted = inspect.signature(model.get_image_features).parameters
    given = {name: inputs[name] for name in OF_IMAGES if name in inputs and name in accepted}
    what = f"{type(model).__name__} cannot make tokens of images"
    with failing(BAD_INPUT, what), torch.no_grad():
        made = model.get_image_features(**given)
        if isinstance(made, dict):
            made = made["pooler_output" if "pooler_output" in made else "last_hidden_state"]
        rows = sum(one.numel() // one.shape[-1] for one in (made if isinstance(made, (list, tuple)) else [made]))
        rows, rest = divmod(rows, len(inputs["input_ids"]))
    if rest or not rows:
        raise Failure(BAD_INPUT, f"{what}: another number for each text")
    return rows


def with_images(model, inputs, held):
    """The inputs, with the tokens of an image in each text. held: those that the model gets always."""
    token, count = token_of(model.config), count_of(model, {**inputs, **held})
    ids = inputs["input_ids"]
    found = {**inputs, "input_ids": torch.where(ids == token, ids[:, :1], ids)}
    for name in OF_TEXTS.keys() & inputs.keys():
        text, value = found[name], OF_TEXTS[name]
        image = torch.full((len(text), count), token if value is None else value, dtype=text.dtype)
        found[name] = torch.cat([text[:, :BEFORE], image, text[:, BEFORE:]], 1)
    return found

"""Loops over images and their patches, computed at once, see without_loops.py."""

import importlib

import torch

SMALLER = 1 - 1e-6  # than one, so that the last patch is in the last of the buckets


def places_of_patches(embeddings, pixel_values, patch_attention_mask):
    """What Idefics2, Idefics3 and SmolVLM add to their patches: the place in the square of all places, by the share of the
    image's own height and width. patch_attention_mask: [images, rows, columns], true for the image's own patches."""
    patches = embeddings.patch_embedding(pixel_values).flatten(2).transpose(1, 2)
    side = embeddings.num_patches_per_side
    boundaries = torch.arange(1 / side, 1.0, 1 / side)
    counts = patch_attention_mask[:, :, 0].sum(1), patch_attention_mask[:, 0].sum(1)
    sizes = patch_attention_mask.shape[1:]
    rows, columns = (
        torch.bucketize(
            torch.arange(size, dtype=pixel_values.dtype) / count.unsqueeze(1) * SMALLER, boundaries, right=True
        )
        for size, count in zip(sizes, counts)
    )
    places = (rows.unsqueeze(2) * side + columns.unsqueeze(1)) * patch_attention_mask
    return patches + embeddings.position_embedding(places.flatten(1))


def any_made(images):
    """What SmolVLM asks of its images, of which it takes the first where there is none. images: [number], bool."""
    images[0] |= ~images.any()
    return True


def with_images(model, input_ids, inputs_embeds, image_hidden_states):
    """How SmolVLM puts images into texts: those of all rows follow each other, a token's worth each. image_hidden_states:
    [images, tokens of each, width]."""
    if input_ids is None:
        token = model.get_input_embeddings()(torch.tensor(model.config.image_token_id))
        is_of_image = (inputs_embeds == token)[..., 0]
    else:
        is_of_image = input_ids == model.config.image_token_id
    return inputs_embeds.masked_scatter(is_of_image.unsqueeze(-1), image_hidden_states)


def mask_of_blocks(patch_embeds_list, tensor):
    """Pixtral's: patches attend to those of their own image. patch_embeds_list: how many each image has, one after the other
    in a row; tensor: [1, patches, width]."""
    images = torch.cat([torch.full((count,), image) for image, count in enumerate(patch_embeds_list)])
    mask = torch.where(images.unsqueeze(1) == images, 0.0, torch.finfo(tensor.dtype).min).to(tensor.dtype)
    return mask.expand(tensor.shape[0], 1, -1, -1)


def with_patches(
    image_embeddings,
    inputs_embeds,
    bbox,
    visual_bbox,
    attention_mask=None,
    num_patches=14,
    max_len=0,
    image_size=224,
    patch_size=16,
):
    """How UDOP joins texts and images: to a token is added the patch in the middle of its box, and the patches of no token
    follow the text. image_embeddings: [batch, patches, width], bbox: [batch, length, 4], shares of the image's sides;
    num_patches: on a side."""
    columns, rows = (
        ((bbox[..., side] + bbox[..., side + 2]) / 2.0 * num_patches).floor().long().clip(0, num_patches - 1) for side in (0, 1)
    )
    places = rows * num_patches + columns
    bbox = bbox.double()
    mean = bbox.mean(-1, keepdim=True)
    found = image_embeddings.gather(1, places.unsqueeze(-1).expand(-1, -1, image_embeddings.shape[-1]))
    inputs_embeds = inputs_embeds + torch.where((mean == 0.0) | (mean == 1.0), 0.0, found)

    batch, patches, _ = image_embeddings.shape
    is_of_token = torch.zeros(batch, patches, dtype=torch.long).scatter(1, places, 1)
    order = is_of_token.argsort(dim=1, stable=True).unsqueeze(-1)
    is_left = torch.arange(patches) < patches - is_of_token.sum(1, keepdim=True)
    missing = max_len - inputs_embeds.shape[1] - patches if max_len else 0  # where negative, too many

    def left(tensor):
        """[batch, patches, any] without those of tokens, which zeros replace behind the others."""
        moved = tensor.gather(1, order.expand(-1, -1, tensor.shape[-1])) * is_left.unsqueeze(-1)
        return torch.nn.functional.pad(moved, (0, 0, 0, missing))

    if visual_bbox is None:
        boxes = importlib.import_module("transformers.models.udop.modeling_udop").get_visual_bbox(image_size, patch_size)
        visual_bbox = boxes.expand(batch, -1, -1)
    if attention_mask is not None:
        is_there = torch.nn.functional.pad(is_left, (0, missing)).to(attention_mask.dtype)
        attention_mask = torch.cat([attention_mask, is_there], 1)
    bbox = torch.cat([bbox, left(visual_bbox)], 1)
    return torch.cat([inputs_embeds, left(image_embeddings)], 1), bbox, attention_mask

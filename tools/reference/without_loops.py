"""What models of Transformers compute row by row, in loops that the numbers of the inputs lead, computed at once: while such
a model is traced these functions stand for its own.

Each does what the one it stands for does, to the last bit where sums allow it, and most are so in Transformers 5 itself.
That it is so is not taken for granted: the caller compares the traced model with one that was not.
"""

import contextlib
import importlib
from unittest import mock

import torch
import transformers

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


def mask_of_phrases(special_tokens):
    """The function of the DETRs that are led by texts: words attend to their own phrase, and count their places in it.
    A phrase ends with a special token, and begins after the one before, be it in the row before."""

    def masked(input_ids):
        batch, length = input_ids.shape
        is_special = torch.isin(input_ids, torch.tensor(special_tokens))
        places = torch.arange(length)
        ends = torch.where(is_special, places, length)
        ends = ends.flip(1).cummin(1).values.flip(1)
        whole = torch.where(is_special.flatten(), torch.arange(batch * length), -1).cummax(0).values
        before = torch.nn.functional.pad(whole[:-1], (1, 0), value=-1).view(batch, length)
        starts = torch.where(before < 0, 0, before % length)  # one before the phrase, but for the first of all
        is_inside = (ends > 0) & (ends < length - 1) & (places > starts)
        is_one = (ends.unsqueeze(1) == ends.unsqueeze(2)) & is_inside.unsqueeze(1) & is_inside.unsqueeze(2)
        return is_one | torch.eye(length, dtype=torch.bool), torch.where(is_inside, places - starts - 1, 0)

    return masked


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


def with_ends(
    input_ids,
    attention_mask=None,
    pad_token_id=0,
    bos_token_id=255,
    eos_token_id=0,
    add_bos_token=True,
    add_eos_token=True,
):
    """What CLVP does with its texts: a token before each, and one after it, where padding begins."""
    pad = torch.nn.functional.pad
    if add_bos_token:
        input_ids = pad(input_ids, (1, 0), value=bos_token_id)
    for _ in range(add_bos_token + add_eos_token if attention_mask is not None else 0):
        attention_mask = pad(attention_mask, (1, 0), value=1)
    if not add_eos_token:
        return input_ids, attention_mask
    is_over = pad((input_ids == pad_token_id).cumsum(1) > 0, (0, 1), value=True)
    is_end = is_over & ~pad(is_over[:, :-1], (1, 0), value=False)
    moved = torch.where(is_over, pad(input_ids, (1, 0)), pad(input_ids, (0, 1)))
    return torch.where(is_end, eos_token_id, moved), attention_mask


def finished(model, speech_ids):
    """What CLVP does with what its decoder chose: from the first stop on there is one code, and others for the last three."""
    one, *last = model.config.decoder_config.decoder_fixing_codes
    speech_ids = speech_ids[:, 1:]
    length = speech_ids.shape[1]
    has_stopped = (speech_ids == model.speech_decoder_model.config.eos_token_id).cumsum(1) > 0
    codes = torch.nn.functional.pad(torch.tensor(last), (length - len(last), 0))
    is_last = has_stopped[:, -1:] & (torch.arange(length) >= length - len(last))
    return torch.where(is_last, codes, torch.where(has_stopped, one, speech_ids))


def adapted(output, lang_ids, hidden_states):
    """What X-MOD does at the end of a layer: each text goes through the adapter of its language. lang_ids: [batch]."""
    residual = hidden_states
    if output.adapter_layer_norm is not None:
        hidden_states = output.adapter_layer_norm(hidden_states)
    elif output.adapter_reuse_layer_norm:
        hidden_states = output.LayerNorm(hidden_states)
    if output.ln_before_adapter:
        residual = hidden_states
    found = torch.zeros_like(hidden_states)
    for language, adapter in enumerate(output.adapter_modules.values()):
        is_of_it = lang_ids == language
        found[is_of_it] = adapter(hidden_states[is_of_it])
    return output.dropout(found) + residual


def mixed(layer, hidden_states, topk_ids, topk_weight):
    """DeepSeek-V2's mixture of experts. hidden_states: [rows, width], topk_ids and topk_weight: [rows, experts of each]."""
    experts = topk_ids.flatten()
    rows = hidden_states.repeat_interleave(topk_ids.shape[1], 0)
    found = torch.zeros_like(rows)
    for number, expert in enumerate(layer.experts):
        is_of_it = experts == number
        found[is_of_it] = expert(rows[is_of_it])
    weighted = found.view(*topk_ids.shape, -1).type(topk_weight.dtype) * topk_weight.unsqueeze(-1)
    return weighted.sum(1).type(found.dtype)


def products_of_groups(token_states, expert_weights, tokens_per_expert):
    """Aria's experts: the rows are in the order of the experts, each with its own matrix. token_states: [rows, in],
    expert_weights: [experts, in, out], tokens_per_expert: [experts]."""
    ends = tokens_per_expert.cumsum(0)
    experts = torch.searchsorted(ends, torch.arange(token_states.shape[0]), right=True)
    found = token_states.new_zeros(token_states.shape[0], expert_weights.shape[-1])
    for number, weight in enumerate(expert_weights):
        is_of_it = experts == number
        found[is_of_it] = token_states[is_of_it] @ weight
    return found


PHRASES = mask_of_phrases([101, 102, 1012, 1029])  # [CLS], [SEP], "." and "?" of BERT
IN_4 = {
    "idefics2": {"Idefics2VisionEmbeddings.forward": places_of_patches},
    "idefics3": {"Idefics3VisionEmbeddings.forward": places_of_patches},
    "smolvlm": {
        "SmolVLMVisionEmbeddings.forward": places_of_patches,
        "SmolVLMModel.inputs_merger": with_images,
        "any": any_made,
    },
    "pixtral": {"generate_block_attention_mask": mask_of_blocks},
    "grounding_dino": {"generate_masks_with_special_tokens_and_transfer_map": PHRASES},
    "mm_grounding_dino": {"generate_masks_with_special_tokens_and_transfer_map": PHRASES},
    "clvp": {
        "_pad_extra_bos_eos_tokens": with_ends,
        "ClvpModelForConditionalGeneration.fix_speech_decoder_output": finished,
    },
    "xmod": {"XmodOutput.lang_adapter": adapted},
    "deepseek_v2": {"DeepseekV2MoE.moe": mixed},
    "aria": {"sequential_experts_gemm": products_of_groups},
}
IN_BOTH = {"udop": {"combine_image_text_embeddings": with_patches}}
REPLACED = {**IN_BOTH, **(IN_4 if transformers.__version__.startswith("4.") else {})}
"""{folder of transformers.models: {what it has: what stands for it}}"""


@contextlib.contextmanager
def loops_replaced(model):
    """While the model is traced, its loops are computed at once."""
    modules = {type(module).__module__ for module in model.modules()}
    with contextlib.ExitStack() as stack:
        for folder, functions in REPLACED.items():
            name = f"transformers.models.{folder}.modeling_{folder}"
            for path, function in functions.items() if name in modules else ():
                owner = importlib.import_module(name)
                *outer, last = path.split(".")
                for one in outer:
                    owner = getattr(owner, one)
                stack.enter_context(mock.patch.object(owner, last, function, create=True))
        yield

"""What models of Transformers compute row by row, in loops that the numbers of the inputs lead, computed at once: while such
a model is traced these functions stand for its own.

Each does what the one that it stands for does, to the last bit where sums allow it, and most are so in Transformers 5 itself.
That it is so is not taken for granted: the caller compares the traced model with one that was not.
"""

import contextlib
import importlib
from unittest import mock

from reference import loops_of_experts, loops_of_images, loops_of_texts, segments, transformers5

IN_4 = {
    "idefics2": {"Idefics2VisionEmbeddings.forward": loops_of_images.places_of_patches},
    "idefics3": {"Idefics3VisionEmbeddings.forward": loops_of_images.places_of_patches},
    "smolvlm": {
        "SmolVLMVisionEmbeddings.forward": loops_of_images.places_of_patches,
        "SmolVLMModel.inputs_merger": loops_of_images.with_images,
        "any": loops_of_images.any_made,
    },
    "pixtral": {"generate_block_attention_mask": loops_of_images.mask_of_blocks},
    "grounding_dino": {"generate_masks_with_special_tokens_and_transfer_map": loops_of_texts.PHRASES},
    "mm_grounding_dino": {"generate_masks_with_special_tokens_and_transfer_map": loops_of_texts.PHRASES},
    "clvp": {
        "_pad_extra_bos_eos_tokens": loops_of_texts.with_ends,
        "ClvpModelForConditionalGeneration.fix_speech_decoder_output": loops_of_texts.finished,
    },
    "xmod": {"XmodOutput.lang_adapter": loops_of_experts.adapted},
    "deepseek_v2": {"DeepseekV2MoE.moe": loops_of_experts.mixed},
    "aria": {"sequential_experts_gemm": loops_of_experts.products_of_groups},
    "tapas": segments.REPLACED,
}
IN_BOTH = {"udop": {"combine_image_text_embeddings": loops_of_images.with_patches}}
REPLACED = IN_BOTH if transformers5.is_needed() else {**IN_BOTH, **IN_4}
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

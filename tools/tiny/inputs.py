"""Inputs of single model types, or of single classes, that are too odd for reference/inputs.py: all that the base model
is called with, or that class. Heads that cannot be called so get the usual ones. Sizes of one call differ from each other,
as traced_inputs.py says."""

import torch

from reference import patches, signals, text
from reference.models import field_of
from reference.traced_inputs import DECODER_LENGTHS, LENGTHS

BATCH, LENGTH, STEPS, FRAMES, SAMPLES = 2, max(LENGTHS), max(DECODER_LENGTHS), 61, 3840
SIZE = 64  # of images
BEFORE_IMAGE = 4  # tokens of text


class Draw:
    """Makes tensors for a configuration, the same for the same seed."""

    def __init__(self, config, seed):
        self.config, self.generator = config, torch.Generator().manual_seed(seed)

    def of(self, name, default=None):
        return field_of(self.config, name, default)

    def floats(self, *shape):
        return torch.randn(shape, generator=self.generator)

    def ids(self, *shape, below=100):
        return torch.randint(3, below, shape, generator=self.generator)

    def images(self, *leading, height=SIZE, width=SIZE):
        """[*leading, 3, height, width]"""
        count = torch.Size(leading).numel()
        return signals.images(count, (3, height, width), self.generator).unflatten(0, leading)

    def sounds(self):
        """[batch, 1, samples]"""
        return signals.sounds((SAMPLES, SAMPLES // 2), self.generator).unsqueeze(1)

    def mask(self, length=LENGTH):
        """[batch, length], the second row shorter."""
        return text.kept((length, length * 2 // 3), "right")

    def texts(self, image_tokens=0, image_id=None):
        """input_ids and attention_mask, with as many tokens of an image in each row."""
        mask = self.mask(LENGTH) if not image_tokens else text.kept([n + image_tokens for n in LENGTHS], "right")
        ids = self.ids(*mask.shape) * mask
        if image_tokens:
            known = (self.of(name) for name in ("image_token_id", "image_token_index"))
            ids[:, BEFORE_IMAGE : BEFORE_IMAGE + image_tokens] = image_id or next(filter(None, known))
        return {"input_ids": ids, "attention_mask": mask}

    def codes(self, length=LENGTH, books=None):
        """[batch, length, codebooks]"""
        return self.ids(BATCH, length, books, below=60)


def pairs(draw):
    """Of models that match two images: small ones."""
    return {"pixel_values": draw.images(BATCH, 2, height=96)}


def images_with_prompts(draw):
    """Of SegGPT, that puts image and prompt one above the other."""
    height, width = draw.config.image_size
    names = ("pixel_values", "prompt_pixel_values", "prompt_masks")
    return {name: draw.images(BATCH, height=height // 2, width=width) for name in names}


def flattened_patches(draw):
    """Of Pix2Struct: each patch begins with its row and its column, counted from 1."""
    places = torch.cartesian_prod(torch.arange(1, 4), torch.arange(1, 4)).float().expand(BATCH, 9, 2)
    return torch.cat([places, draw.floats(BATCH, 9, draw.config.vision_config.patch_embed_hidden_size)], -1)


def decision(draw):
    config = draw.config
    return {
        "states": draw.floats(BATCH, STEPS, config.state_dim),
        "actions": draw.floats(BATCH, STEPS, config.act_dim),
        "rewards": draw.floats(BATCH, STEPS, 1),
        "returns_to_go": draw.floats(BATCH, STEPS, 1),
        "timesteps": torch.arange(STEPS).expand(BATCH, STEPS).clone(),
        "attention_mask": draw.mask(STEPS),
    }


def queries_of_images(draw):
    """Of models whose language model reads a few queries to an image, as BLIP-2."""
    return {**draw.texts(draw.config.num_query_tokens), "pixel_values": draw.images(BATCH)}


def instructed(draw, images):
    count = draw.config.num_query_tokens * (images.shape[1] if images.dim() == 5 else 1)
    token = draw.of("video_token_index") if images.dim() == 5 else None
    asked = {"qformer_input_ids": draw.ids(BATCH, 7), "qformer_attention_mask": draw.mask(7)}
    return {**draw.texts(count, token), "pixel_values": images, **asked}


def spectra_with_mask(draw, *shape, mask="input_features_mask", time=1):
    return {"input_features": draw.floats(BATCH, *shape), mask: draw.mask(shape[time - 1])}


def grounded(draw):
    """Of Kosmos-2: where the image stands is a mask."""
    count = draw.config.latent_query_num
    texts = draw.texts(count, 7)
    where = torch.zeros_like(texts["input_ids"])
    where[:, BEFORE_IMAGE : BEFORE_IMAGE + count] = 1
    return {**texts, "pixel_values": draw.images(BATCH), "image_embeds_position_mask": where}


def square_patches(draw):
    """[patches, channels, height, width] of all images one after the other, and their grids."""
    count = patches.grids().prod(-1).sum()
    return {"pixel_values": draw.images(count, height=16, width=16), "grid_thw": patches.grids()}


def one_row_of_patches(draw):
    """Of MiniCPM: the patches of all images in a row, [1, channels, height, width of all]."""
    sizes = patches.grids()[:, 1:]
    size = draw.config.patch_size
    return {"pixel_values": draw.images(1, height=size, width=size * int(sizes.prod(-1).sum())), "target_sizes": sizes}


def merged_patches(draw):
    """Of Inkling: squares of pixels, one for each token of the language model."""
    count, side = patches.grids().prod(-1).sum(), draw.config.patch_size * draw.config.spatial_merge_size
    return {"pixel_values": draw.floats(count, side, side, 3), "image_grid_thw": patches.grids()}


def graphs(draw):
    """Of Graphormer: nodes and edges of graphs, the second of which has fewer nodes. What is 0 is padding."""
    nodes, hops = LENGTH, draw.config.multi_hop_max_dist
    kept = draw.mask(nodes)
    both = kept[:, :, None] * kept[:, None, :]
    return {
        "input_nodes": draw.ids(BATCH, nodes, 9) * kept[:, :, None],
        "input_edges": draw.ids(BATCH, nodes, nodes, hops, 3) * both[..., None, None],
        "attn_bias": torch.zeros(BATCH, nodes + 1, nodes + 1),  # with one for the whole graph
        "in_degree": draw.ids(BATCH, nodes, below=7) * kept,
        "out_degree": draw.ids(BATCH, nodes, below=7) * kept,
        "spatial_pos": draw.ids(BATCH, nodes, nodes, below=9) * both,
        "attn_edge_type": draw.ids(BATCH, nodes, nodes, 3) * both[..., None],
    }


def film(draw):
    """Of TVLT: a few images, their sound as a spectrum, and which of the patches of both are there. There are as many as an
    image has rows, by which it is seen that masks have no other sizes either."""
    config = draw.config
    (height, width), (steps, bands) = config.image_patch_size, config.audio_patch_size
    frames, times = height * width // SIZE, SIZE * bands // config.frequency_length
    return {
        "pixel_values": draw.images(BATCH, frames),
        "audio_values": draw.floats(BATCH, config.num_audio_channels, times * steps, config.frequency_length),
        "pixel_mask": draw.mask(SIZE),
        "audio_mask": draw.mask(SIZE),
    }


def tables(draw):
    """Of Tapas: for each token its column and its row, and other numbers of the kind."""
    sizes = torch.tensor(draw.config.type_vocab_sizes)
    return {**draw.texts(), "token_type_ids": draw.ids(BATCH, LENGTH, len(sizes), below=6) % sizes}


def both_sounds(draw):
    """The samples, and spectra of the same sounds."""
    return {"input_values": draw.sounds(), "input_features": draw.floats(BATCH, SAMPLES // 320, 160)}


MADE = {
    "audioflamingo3_encoder": lambda draw: spectra_with_mask(draw, 128, 128, time=2),
    "blip-2": queries_of_images,
    "blip_2_qformer": lambda draw: {
        "query_embeds": draw.floats(BATCH, STEPS, draw.config.hidden_size),
        "encoder_hidden_states": draw.floats(BATCH, 7, draw.config.encoder_hidden_size),
    },
    "clap": lambda draw: {
        **draw.texts(),
        "input_features": draw.floats(BATCH, 1, 61, 64),
        "is_longer": torch.zeros(BATCH, 1, dtype=torch.long),
    },
    "clvp": lambda draw: {**draw.texts(), "input_features": draw.floats(BATCH, 80, FRAMES)},
    "decision_transformer": decision,
    "dia": lambda draw: {
        **draw.texts(),
        "decoder_input_ids": draw.codes(STEPS, draw.config.decoder_config.num_channels),
        "decoder_attention_mask": draw.mask(STEPS),
    },
    **dict.fromkeys(("efficientloftr", "lightglue", "superglue"), pairs),
    "emu3": lambda draw: draw.texts(),
    "fun_asr_nano_encoder": lambda draw: spectra_with_mask(draw, FRAMES, 560),
    "gemma3n_audio": lambda draw: {
        "audio_mel": draw.floats(BATCH, FRAMES, draw.config.input_feat_size),
        "audio_mel_mask": draw.mask(FRAMES) == 0,
    },
    "gemma4_audio": lambda draw: spectra_with_mask(draw, FRAMES, 128, mask="attention_mask"),
    "granite_speech5_ctc": lambda draw: spectra_with_mask(draw, FRAMES, 320, mask="attention_mask"),
    "granite_speech5_encoder": lambda draw: spectra_with_mask(draw, FRAMES, 320, mask="attention_mask"),
    "graphormer": graphs,
    "idefics": lambda draw: {
        **draw.texts(),
        "pixel_values": draw.images(BATCH, 3),
        "image_attention_mask": torch.ones(BATCH, LENGTH, 3, dtype=torch.long),
    },
    "inkling2_vision": merged_patches,
    "instructblip": lambda draw: instructed(draw, draw.images(BATCH)),
    "instructblipvideo": lambda draw: instructed(draw, draw.images(BATCH, 4)),
    "jev": lambda draw: {
        "input_ids": draw.ids(1, LENGTH),
        "marks": torch.tensor([[3, 7, 10]]),
        "num_options": torch.tensor([[2, 2, 2]]),
        "question_type_ids": torch.tensor([[0, 0, 0]]),
    },
    "kimi_k25_vision": square_patches,
    "kosmos-2": grounded,
    "kyutai_speech_to_text": lambda draw: {"input_ids": draw.codes(books=draw.config.num_codebooks + 1)},
    "lxmert": lambda draw: {
        **draw.texts(),
        "visual_feats": draw.floats(BATCH, 7, draw.config.visual_feat_dim),
        "visual_pos": draw.floats(BATCH, 7, draw.config.visual_pos_dim),
    },
    "mimi_decoder": lambda draw: {"latents": draw.floats(BATCH, draw.config.hidden_size, 7)},
    **dict.fromkeys(("minicpm_ocr_vision", "minicpmv4_7_vision"), one_row_of_patches),
    "muse_glimmer_assistant": lambda draw: {
        "noise_embeds": draw.floats(BATCH, STEPS, draw.config.hidden_size),
        "context_hidden_states": draw.floats(BATCH, 7, draw.config.hidden_size * len(draw.config.target_layer_ids)),
    },
    "muse_spark_audio": lambda draw: {"input_values": draw.sounds().squeeze(1)},
    "musicgen": lambda draw: {"input_ids": draw.ids(BATCH * 4, LENGTH)},
    "musicgen_melody": lambda draw: {"input_ids": draw.ids(BATCH * 4, LENGTH)},
    "nemotron3_5_transcribe_audio": lambda draw: spectra_with_mask(draw, 64, 128),
    "nemotron3_5_transcribe_word_timestamp": lambda draw: {
        "inputs_embeds": draw.floats(BATCH, LENGTH, draw.config.hidden_size),
        "attention_mask": draw.mask(),
    },
    "nemotron_asr_streaming_encoder": lambda draw: spectra_with_mask(draw, FRAMES, 80, mask="attention_mask"),
    "neucodec": both_sounds,
    "oneformer": lambda draw: {
        "pixel_values": draw.images(BATCH, height=96),
        "task_inputs": draw.ids(BATCH, draw.config.task_seq_len).float(),
    },
    "perceiver": lambda draw: {"inputs": draw.floats(BATCH, LENGTH, draw.config.d_model), "attention_mask": draw.mask()},
    "pi0": lambda draw: {
        "action_embeds": draw.floats(BATCH, STEPS, draw.config.dit_config.hidden_size),
        **draw.texts(32, draw.config.vlm_config.image_token_id),
        "pixel_values": draw.images(BATCH, 2),
        "pixel_attention_mask": torch.ones(BATCH, 2, dtype=torch.long),
    },
    "pix2struct": lambda draw: {
        "flattened_patches": flattened_patches(draw),
        "attention_mask": draw.mask(9),
        "decoder_input_ids": draw.ids(BATCH, STEPS),
        "decoder_attention_mask": draw.mask(STEPS),
    },
    "pocket_tts_audio_tokenizer_decoder": lambda draw: {"latents": draw.floats(BATCH, draw.config.hidden_size, 7)},
    "qwen3_asr_encoder": lambda draw: spectra_with_mask(draw, 128, 200, time=2),
    "sam2": lambda draw: {"pixel_values": draw.images(BATCH)},
    "seggpt": images_with_prompts,
    "SpeechT5Model": lambda draw: {
        "input_values": draw.floats(BATCH, LENGTH, draw.config.hidden_size),
        "attention_mask": draw.mask(),
        "decoder_input_values": draw.floats(BATCH, STEPS, draw.config.hidden_size),
    },
    "tapas": tables,
    "timesfm": lambda draw: {
        "past_values": draw.floats(BATCH, 3 * draw.config.patch_length),
        "past_values_padding": torch.zeros(BATCH, 3 * draw.config.patch_length, dtype=torch.long),
        "freq": torch.tensor([[0], [1]]),
    },
    "trajectory_transformer": lambda draw: {"trajectories": draw.ids(BATCH, 2 * draw.config.transition_dim - 3)},
    "tvlt": film,
    "tvp": lambda draw: {  # it takes a batch of one alone
        **{name: tensor[:1] for name, tensor in draw.texts().items()},
        "pixel_values": draw.images(1, 3),
    },
    "vit_mae": lambda draw: {  # by which it chooses what to hide, instead of at random
        "pixel_values": draw.images(BATCH),
        "noise": draw.floats(BATCH, (SIZE // draw.config.patch_size) ** 2),
    },
    "univnet": lambda draw: {
        "input_features": draw.floats(BATCH, LENGTH, draw.config.num_mel_bins),
        "noise_sequence": draw.floats(BATCH, LENGTH, draw.config.model_in_channels),
    },
    "vibevoice_acoustic_tokenizer_decoder": lambda draw: {"hidden_states": draw.floats(BATCH, draw.config.hidden_size, 7)},
    "vibevoice_acoustic_tokenizer_encoder": lambda draw: {"hidden_states": draw.sounds()},
    "voxtral_realtime": lambda draw: {**draw.texts(), "input_features": draw.floats(BATCH, 128, 8 * LENGTH)},
    "voxtral_realtime_encoder": lambda draw: {
        "input_features": draw.floats(BATCH, 128, 2 * LENGTH),
        "attention_mask": draw.mask(),
    },
    "xcodec": lambda draw: {"input_values": draw.sounds()},
    "xcodec2": both_sounds,
}
"""{model type or class: its inputs}"""


def maker_for(model_type, class_name):
    """None where the usual inputs will do."""
    return MADE.get(class_name) or MADE.get(model_type)


def inputs_for(model_type, model, seed):
    """{name: tensor}; None where the usual ones will do."""
    make = maker_for(model_type, type(model).__name__)
    return make(Draw(model.config, seed)) if make else None

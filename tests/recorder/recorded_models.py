"""What tests of tools/record_reference.py share: tiny models of the real classes.

What is expected comes from the models' own sources and from calling them directly, not from the recorder.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tiny_models import (  # noqa: E402 - first of all, as it finds the recorder
    SOURCE, SPECIAL, Failure, TinyModelsTest, messages, torch, with_random_weights,
)

import safetensors.torch  # noqa: E402
import transformers as hf  # noqa: E402
from reference.checkpoints import Job, record_checkpoint  # noqa: E402

SMALL = dict(vocab_size=60, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=20)
BART = dict(
    vocab_size=60,
    d_model=16,
    encoder_layers=1,
    decoder_layers=1,
    encoder_attention_heads=2,
    decoder_attention_heads=2,
    encoder_ffn_dim=20,
    decoder_ffn_dim=20,
    max_position_embeddings=40,
)


def spec(name, dtype="int32", shape=(-1, -1)):
    return {"name": name, "dtype": dtype, "shape": list(shape)}


def signature(serving, calls=(), more=()):
    serving = [spec(one) if isinstance(one, str) else one for one in serving]
    return {"serving": serving, "calls": [list(names) for names in calls], "inputs": [*serving, *more]}


BERT_INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
BERT_SIGNATURE = signature(
    BERT_INPUTS,
    [["input_ids"], ["input_ids", "attention_mask"]],
    [spec("position_ids"), spec("inputs_embeds", "float32", (-1, -1, 16))],
)
PAIR_INPUTS = ["input_ids", "attention_mask", "decoder_input_ids", "decoder_attention_mask"]
PAIR_SIGNATURE = signature(
    PAIR_INPUTS,
    [["input_ids", "decoder_input_ids"]],
    [spec("inputs_embeds", "float32", (-1, -1, 16)), spec("decoder_inputs_embeds", "float32", (-1, -1, 16))],
)
SOUNDS = signature([spec("input_values", "float32"), spec("attention_mask", "float32")], [["input_values"]])


def bert(**changes):
    return hf.BertModel(hf.BertConfig(**SMALL, max_position_embeddings=40, **changes))


def roberta():
    return hf.RobertaModel(hf.RobertaConfig(**SMALL, max_position_embeddings=40, type_vocab_size=1))


def t5():
    config = dict(vocab_size=60, d_model=16, d_kv=8, d_ff=20, num_layers=1, num_heads=2, decoder_start_token_id=0)
    return hf.T5ForConditionalGeneration(hf.T5Config(**config))


def bart_classifier():
    return hf.BartForSequenceClassification(hf.BartConfig(**BART, num_labels=3))


def whisper():
    fields = {**BART, "num_mel_bins": 8, "max_source_positions": 30, "max_target_positions": 20}
    del fields["max_position_embeddings"]
    config = hf.WhisperConfig(**fields, pad_token_id=1, bos_token_id=2, eos_token_id=3, decoder_start_token_id=4)
    return hf.WhisperForConditionalGeneration(config)


def wav2vec2():
    config = dict(
        **{**SMALL, "vocab_size": 12},
        conv_dim=(6, 6),
        conv_stride=(5, 2),
        conv_kernel=(10, 3),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        conv_bias=True,
    )
    return hf.Wav2Vec2ForCTC(hf.Wav2Vec2Config(**config))


def clip():
    text = dict(**SMALL, max_position_embeddings=24, **SPECIAL)
    vision = dict(**{key: value for key, value in SMALL.items() if key != "vocab_size"}, image_size=30, patch_size=10)
    return hf.CLIPModel(hf.CLIPConfig(text_config=text, vision_config=vision, projection_dim=12))


SIGNATURES = {
    bert: BERT_SIGNATURE,
    roberta: BERT_SIGNATURE,
    t5: PAIR_SIGNATURE,
    bart_classifier: signature(PAIR_INPUTS, [["input_ids"], ["input_ids", "attention_mask"]]),
    whisper: signature(
        [spec("input_features", "float32", (-1, 8, 60)), *PAIR_INPUTS[2:]], [["input_features", "decoder_input_ids"]]
    ),
    wav2vec2: SOUNDS,
    clip: signature(
        ["input_ids", "attention_mask", spec("pixel_values", "float32", (-1, 3, 30, 30))],
        [["input_ids", "pixel_values"]],
    ),
}


class Trace:
    def __init__(self, path):
        with safetensors.safe_open(path, "pt") as file:
            self.metadata = file.metadata()
            self.tensors = {name: file.get_tensor(name) for name in file.keys()}
        for name in ("stages", "output_masks", "cells", "notes", "not_called"):
            setattr(self, name, json.loads(self.metadata[name]))

    def inputs(self, prefix=""):
        return {n.partition("input.")[2]: t for n, t in self.tensors.items() if n.startswith(f"{prefix}input.")}

    def stage(self, path, call=0):
        return next(one for one in self.stages if one["path"] == path and one["call"] == call)

    def cell(self, name):
        """Its number and its description."""
        return next((i, one) for i, one in enumerate(self.cells) if one["name"] == name)


class RecorderTest(TinyModelsTest):
    models, traces = {}, {}  # made once, for all classes of tests

    def checkpoint(self, make):
        """The folder of a model and the model."""
        if make not in self.models:
            model = with_random_weights(make)
            folder = self.folder / make.__name__
            model.save_pretrained(folder)
            self.models[make] = (
                folder,
                hf.__dict__[type(model).__name__].from_pretrained(folder, attn_implementation="eager").eval(),
            )
        return self.models[make]

    def record(self, model, **options):
        """The trace of a model by its function, or of a folder."""
        folder = model if isinstance(model, Path) else self.checkpoint(model)[0]
        output = self.folder / "trace.safetensors"
        record_checkpoint(Job(model=folder, output=output, **options), threads=1)
        return Trace(output)

    def trace(self, make, grid="none"):
        """The trace with the model's signature, recorded once."""
        if (make, grid) not in self.traces:
            self.traces[make, grid] = self.record(make, signature=SIGNATURES[make], grid=grid)
        return self.traces[make, grid]

    def file_of(self, name, **tensors):
        path = self.folder / name
        safetensors.torch.save_file(tensors, path)
        return path

    def assert_as_on_another_processor(self, name, found, expected):
        """A golden in the repository may be of another processor, whose last bits are others: what is computed is as close as
        torch.testing has it for its type, and what is not computed is the same. Noise is nothing but last bits."""
        is_given = name.rpartition("/")[2].startswith(("input.", "weight."))
        if "noise." in name:
            self.assertEqual(found.shape, expected.shape, name)
        else:
            bounds = {"rtol": 0, "atol": 0} if is_given else {}
            torch.testing.assert_close(found, expected, **bounds, msg=lambda said: f"{name}: {said}")

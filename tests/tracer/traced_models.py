"""What tests of tracing (tools/record_reference.py --program) share: tiny models of the real classes, of Transformers 4 or 5.

A program is judged by running what its JSON says, operation by operation, and comparing every stage and output with what
the recorder saw the model itself return.
"""

import inspect
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tiny_models import (  # noqa: E402 - first of all, as it finds the recorder
    SOURCE, SPECIAL, TinyModelsTest, messages, torch, with_random_weights,
)

import safetensors.torch  # noqa: E402
import transformers as hf  # noqa: E402
from program_interpreter import Program  # noqa: E402
from reference.checkpoints import Job, record_checkpoint  # noqa: E402

IS_5 = int(hf.__version__.partition(".")[0]) >= 5
SMALL = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=20)
TEXT = dict(**SMALL, vocab_size=60, max_position_embeddings=40)


def bert():
    return hf.BertModel(hf.BertConfig(**TEXT))


def gpt2():
    return hf.GPT2LMHeadModel(hf.GPT2Config(vocab_size=60, n_positions=40, n_embd=16, n_layer=1, n_head=2))


def llama():
    return hf.LlamaForCausalLM(hf.LlamaConfig(**TEXT, num_key_value_heads=1))


def mixtral():
    return hf.MixtralForCausalLM(hf.MixtralConfig(**TEXT, num_key_value_heads=1, num_local_experts=3))


def mamba():
    config = dict(vocab_size=60, hidden_size=16, num_hidden_layers=1, state_size=4)
    return hf.MambaForCausalLM(hf.MambaConfig(**config))


def t5():
    config = dict(vocab_size=60, d_model=16, d_kv=8, d_ff=20, num_layers=1, num_heads=2, decoder_start_token_id=0)
    return hf.T5ForConditionalGeneration(hf.T5Config(**config))


def vit():
    return hf.ViTModel(hf.ViTConfig(**SMALL, image_size=30, patch_size=10))


def whisper():
    sizes = dict(d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2)
    sizes.update(encoder_ffn_dim=20, decoder_ffn_dim=20, num_mel_bins=8, max_source_positions=15, vocab_size=60)
    return hf.WhisperForConditionalGeneration(
        hf.WhisperConfig(**sizes, max_target_positions=20, **SPECIAL, decoder_start_token_id=4)
    )


def wav2vec2():
    sizes = dict(**SMALL, vocab_size=12, conv_dim=(6, 6), conv_stride=(5, 2), conv_kernel=(10, 3))
    positions = dict(num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2)
    return hf.Wav2Vec2ForCTC(hf.Wav2Vec2Config(**sizes, **positions, num_feat_extract_layers=2))


def clip():
    text, vision = dict(**{**TEXT, "max_position_embeddings": 24}, **SPECIAL), dict(**SMALL, image_size=30, patch_size=10)
    return hf.CLIPModel(hf.CLIPConfig(text_config=text, vision_config=vision, projection_dim=12))


def llava():
    vision = dict(**SMALL, image_size=30, patch_size=10, projection_dim=16, model_type="clip_vision_model")
    text = dict(**TEXT, num_key_value_heads=1, model_type="llama")
    return hf.LlavaForConditionalGeneration(hf.LlavaConfig(vision_config=vision, text_config=text, image_token_index=59))


def videomae():
    return hf.VideoMAEModel(hf.VideoMAEConfig(**SMALL, image_size=20, patch_size=10, num_frames=4, tubelet_size=2))


def siglip2():
    return hf.Siglip2VisionModel(hf.Siglip2VisionConfig(**SMALL, num_patches=16, patch_size=4))


def dac():
    sizes = dict(encoder_hidden_size=4, decoder_hidden_size=16, downsampling_ratios=[2, 2], upsampling_ratios=[2, 2])
    return hf.DacModel(hf.DacConfig(**sizes, n_codebooks=2, codebook_size=8, codebook_dim=4))


def sam():
    """Whose parts collect attentions of their own before it does."""
    sizes = dict(hidden_size=8, image_size=32, patch_size=8)
    vision = dict(**{**SMALL, **sizes}, output_channels=8, mlp_dim=20, global_attn_indexes=[0], num_pos_feats=4)
    prompt = dict(**sizes, image_embedding_size=4, mask_input_channels=4)
    heads = dict(num_hidden_layers=1, num_attention_heads=2, iou_head_depth=2, iou_head_hidden_dim=8)
    config = dict(vision_config=vision, prompt_encoder_config=prompt)
    return hf.SamModel(hf.SamConfig(**config, mask_decoder_config=dict(hidden_size=8, mlp_dim=8, **heads)))


def time_series():
    sizes = dict(d_model=16, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=20, decoder_ffn_dim=20)
    times = dict(prediction_length=4, context_length=9, num_time_features=2, lags_sequence=[1, 2, 3])
    kinds = dict(num_static_categorical_features=1, cardinality=[5], embedding_dimension=[3])
    return hf.TimeSeriesTransformerModel(hf.TimeSeriesTransformerConfig(**sizes, **times, **kinds))


ARCHITECTURES = (bert, gpt2, llama, t5, vit, whisper, wav2vec2, clip, siglip2, videomae, dac, sam, time_series)


class Traced:
    """A program, its trace and the checkpoint that both are of."""

    def __init__(self, program, trace, checkpoint):
        self.checkpoint = checkpoint
        self.program = Program(program, checkpoint)
        with safetensors.safe_open(trace, "pt") as file:
            self.tensors = {name: file.get_tensor(name) for name in file.keys()}
            self.metadata = file.metadata()
        self.stages, self.cells, self.notes = (json.loads(self.metadata[n]) for n in ("stages", "cells", "notes"))

    def runs(self):
        """(name, inputs, expected tensors) of the main run and of the cells."""
        prefixes = {"": "main", **{f"cell.{i}/": cell["name"] for i, cell in enumerate(self.cells)}}
        for prefix, name in prefixes.items():
            kinds = tuple(prefix + kind for kind in ("stage.", "output."))
            start = f"{prefix}input."
            inputs = {n.removeprefix(start): t for n, t in self.tensors.items() if n.startswith(start)}
            yield name, inputs, {n.removeprefix(prefix): t for n, t in self.tensors.items() if n.startswith(kinds)}


class TracerTest(TinyModelsTest):
    refusal = messages.UNKNOWN_CLASS
    traces = {}  # made once, for all classes of tests

    def save(self, make, name=None):
        model = with_random_weights(make)
        folder = self.folder / (name or make.__name__)
        model.save_pretrained(folder)
        return folder

    def record(self, folder, **options):
        program, trace = self.folder / "program.safetensors", self.folder / "trace.safetensors"
        record_checkpoint(Job(model=folder, output=trace, program=program, **options), threads=1)
        checkpoint = safetensors.torch.load_file(folder / "model.safetensors") if folder else {}
        return Traced(program, trace, checkpoint)

    def traced(self, make):
        if make not in self.traces:
            self.traces[make] = self.record(self.save(make))
        return self.traces[make]

    def python_class(self, name, source, **options):
        """What is traced of a module given as source, whose function is `make`."""
        sys.path.insert(0, str(self.folder)) if str(self.folder) not in sys.path else None
        with open(self.folder / f"{name}.py", "x", encoding="utf-8") as file:  # a module is imported once
            file.write(inspect.cleandoc(source) + "\n")
        return self.record(None, python_class=f"{name}:make", **options)

    def assert_agrees(self, traced):
        for name, inputs, expected in traced.runs():
            with self.subTest(name):
                found = traced.program.run(inputs)
                self.assertEqual({key for key, one in found.items() if one.numel()} - expected.keys(), set())
                for key, tensor in expected.items():  # a module without rows may not be called
                    self.assertEqual(found[key].shape, tensor.shape, key)
                    difference = (found[key].double() - tensor.double()).abs()
                    most = float(difference.max()) if tensor.numel() else 0
                    self.assertLess(most, 1e-5 + 1e-6 * float(tensor.abs().max()) if tensor.numel() else 1, key)

#!/usr/bin/env python3
"""Tests of tracing (tools/record_reference.py --program) on tiny models of the real classes, with Transformers 4 and 5.

A program is judged by running what its JSON says, operation by operation, and comparing every stage and output with what
the recorder saw the model itself return.
"""

import contextlib
import inspect
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

SOURCE = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(SOURCE / "tools"), str(SOURCE / "tests")]
sys.dont_write_bytecode = True
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", USE_TORCH="1", USE_TF="0", USE_FLAX="0")

from reference import libraries, messages  # noqa: E402

messages.Terminal.out = io.StringIO()
libraries.load(threads=1)

import safetensors.torch  # noqa: E402
import torch  # noqa: E402
import transformers as hf  # noqa: E402
from program_interpreter import Program  # noqa: E402
from reference.checkpoints import Job, record_checkpoint  # noqa: E402
from reference.messages import Failure  # noqa: E402

IS_5 = int(hf.__version__.partition(".")[0]) >= 5
SMALL = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=20)
TEXT = dict(**SMALL, vocab_size=60, max_position_embeddings=40)
SPECIAL = dict(pad_token_id=1, bos_token_id=2, eos_token_id=3)


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
FOLDER = tempfile.TemporaryDirectory()
unittest.addModuleCleanup(FOLDER.cleanup)


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


class TracerTest(unittest.TestCase):
    traces = {}  # made once, for all classes of tests

    @property
    def folder(self):
        return Path(FOLDER.name)

    def save(self, make, name=None):
        torch.manual_seed(0)
        model = make().eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(0.3 * torch.randn(parameter.shape))
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
        (self.folder / f"{name}.py").write_text(inspect.cleandoc(source) + "\n", encoding="utf-8")
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

    @contextlib.contextmanager
    def refused(self, *words, code=messages.UNKNOWN_CLASS):
        with self.assertRaises(Failure) as caught:
            yield
        for word in words:
            self.assertIn(word, str(caught.exception))
        self.assertEqual(caught.exception.code, code)


class AgreementTest(TracerTest):
    def test_the_program_computes_every_stage_and_output_at_every_size(self):
        for make in ARCHITECTURES:
            with self.subTest(make.__name__):
                self.assert_agrees(self.traced(make))

    def test_stages_are_the_calls_that_the_recorder_saw(self):
        for make in ARCHITECTURES:
            with self.subTest(make.__name__):
                traced = self.traced(make)
                said = [(s["path"], s["call"], s["class"], s["caller"], len(s["nodes"])) for s in traced.program["stages"]]
                seen = [
                    (s["path"], s["call"], s["class"], s["caller"]["path"], len(s["tensors"])) for s in traced.stages
                ]
                self.assertEqual(said, seen)

    def test_cells_have_other_sizes(self):
        names = {cell["name"] for cell in self.traced(bert).cells}
        self.assertEqual(names, {"sizes:1x14", "sizes:3x8", "sizes:1x1"})
        sizes = [tuple(inputs["pixel_values"].shape) for _, inputs, _ in self.traced(vit).runs()]
        self.assertEqual(sizes, [(2, 3, 30, 30), (1, 3, 30, 30), (3, 3, 30, 30)])

    def test_inputs_that_forward_cannot_do_without(self):
        shapes = {
            videomae: {"pixel_values": (2, 4, 3, 20, 20)},
            siglip2: {"pixel_values": (2, 45, 48), "pixel_attention_mask": (2, 45), "spatial_shapes": (2, 2)},
            dac: {"input_values": (2, 1, 7440)},
            time_series: {
                "past_values": (2, 12),
                "past_time_features": (2, 12, 2),
                "past_observed_mask": (2, 12),
                "static_categorical_features": (2, 1),
                "future_values": (2, 4),
                "future_time_features": (2, 4, 2),
            },
        }
        if not IS_5:  # it loops over the sizes of its images, which are held then
            del shapes[siglip2]["spatial_shapes"]
            self.assertEqual([one["input"] for one in self.traced(siglip2).program["held"]], ["spatial_shapes"])
        for make, expected in shapes.items():
            with self.subTest(make.__name__):
                _, inputs, _ = next(self.traced(make).runs())
                self.assertEqual({name: tuple(tensor.shape) for name, tensor in inputs.items()}, expected)

    def test_inputs_of_the_users_own(self):
        given = self.folder / "given.safetensors"
        ids = torch.randint(0, 60, (4, 13))
        safetensors.torch.save_file({"input_ids": ids}, given)
        traced = self.record(self.save(bert), inputs=given)
        self.assertEqual([one["name"] for one in traced.program["inputs"]], ["input_ids"])
        self.assertTrue(torch.equal(traced.tensors["input.input_ids"], ids))
        self.assert_agrees(traced)


class ImagesInTextsTest(TracerTest):
    def inputs_of(self, traced):
        return [one["name"] for one in traced.program["inputs"]]

    if IS_5:  # Transformers 4 counts the tokens, and goes another way by their number

        def test_texts_have_as_many_tokens_as_the_images(self):
            traced = self.traced(llava)
            self.assertEqual(self.inputs_of(traced), ["input_ids", "pixel_values", "attention_mask"])
            ids = traced.tensors["input.input_ids"]
            self.assertEqual((ids == 59).sum(1).tolist(), [9, 9])
            self.assertEqual(tuple(ids.shape), (2, 20))
            self.assert_agrees(traced)

    def test_images_with_which_a_model_cannot_be_traced_are_left_out(self):
        usual = hf.LlavaModel.get_placeholder_mask

        def looking(model, input_ids, inputs_embeds, image_features):
            if len(range(image_features.argmax())) > 1e9:
                raise ValueError("much")
            return usual(model, input_ids, inputs_embeds, image_features)

        with mock.patch.object(hf.LlavaModel, "get_placeholder_mask", looking):
            traced = self.record(self.save(llava, "looking"))
        self.assertEqual(self.inputs_of(traced), ["input_ids", "attention_mask"])
        (note,) = (note for note in traced.notes if "the images in the texts were left out" in note)
        self.assertIn("depends on the numbers in the inputs", note)
        self.assert_agrees(traced)


class FormatTest(TracerTest):
    def test_every_node_names_earlier_ones_and_is_needed(self):
        for make in ARCHITECTURES:
            program = self.traced(make).program
            with self.subTest(make.__name__):
                known = {one["node"] for kind in ("inputs", "parameters") for one in program[kind]}
                used = {node for stage in program["stages"] for node in stage["nodes"]}
                used |= {one["node"] for one in program["outputs"]}
                for node in program["nodes"]:
                    named = set(re.findall(r'\{"n": "(\w+)"\}', json.dumps(node["args"])))
                    self.assertLessEqual(named, known, node["name"])
                    self.assertNotIn(node["name"], known)
                    known.add(node["name"])
                    used |= named
                self.assertLessEqual(used, known)
                self.assertLessEqual({node["name"] for node in program["nodes"]}, used)
                self.assertLessEqual({one["node"] for one in program["parameters"]}, used)

    def test_arguments_are_all_there_by_name(self):
        program = self.traced(bert).program
        norm = next(node for node in program["nodes"] if node["op"] == "aten.layer_norm.default")
        self.assertEqual(set(norm["args"]), {"input", "normalized_shape", "weight", "bias", "eps", "cudnn_enable"})
        self.assertEqual(norm["args"]["normalized_shape"], [16])
        self.assertEqual(norm["module"], "embeddings.LayerNorm")
        gelu = next(node for node in program["nodes"] if node["op"] == "aten.gelu.default")
        self.assertEqual(gelu["args"]["approximate"], "none")
        for node in program["nodes"]:
            self.assertFalse({"device", "layout", "memory_format", "generator"} & node["args"].keys(), node["op"])

    def test_floats_do_not_look_like_integers(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def forward(self, x):
                    return torch.clamp(x, -2.0, float("inf")) + torch.full((1,), 3.0) + torch.leaky_relu(x, 1e-7)
            def make():
                return Net(), {"x": torch.randn(2, 7)}
        """
        program = self.python_class("floats", net.replace("torch.leaky", "torch.nn.functional.leaky")).program
        self.assertIn('"min":-2.0,"max":{"f":"inf"}', program.text)
        self.assertIn('"fill_value":3.0', program.text)
        self.assertIn('"negative_slope":1e-07', program.text)

    def test_inputs_are_in_the_order_of_forward_with_the_same_symbols(self):
        program = self.traced(bert).program
        self.assertEqual([one["name"] for one in program["inputs"]], ["input_ids", "attention_mask", "token_type_ids"])
        self.assertEqual(len({json.dumps(one["shape"]) for one in program["inputs"]}), 1)
        pair = {one["name"]: one["shape"] for one in self.traced(t5).program["inputs"]}
        self.assertEqual(pair["decoder_input_ids"][0], pair["input_ids"][0])
        self.assertNotEqual(pair["decoder_input_ids"][1], pair["input_ids"][1])
        self.assertEqual(pair["decoder_attention_mask"], pair["decoder_input_ids"])
        towers = {one["name"]: one["shape"] for one in self.traced(clip).program["inputs"]}
        self.assertNotEqual(towers["pixel_values"][0], towers["input_ids"][0])

    def test_results_have_shapes_of_numbers_and_symbols(self):
        program = self.traced(bert).program
        batch, length = program["inputs"][0]["shape"]
        self.assertEqual(program["ranges"].keys(), {batch, length})
        last = next(one for one in program["outputs"] if one["name"] == "last_hidden_state")
        node = next(node for node in program["nodes"] if node["name"] == last["node"])
        self.assertEqual(node["result"], {"dtype": "float32", "shape": [batch, length, 16]})
        sizes = [node["result"] for node in program["nodes"] if node["op"] == "aten.sym_size.int"]
        self.assertIn({"symbol": length, "type": "int"}, sizes)

    def test_a_configuration_that_keeps_a_type_of_torch(self):
        config = hf.DPTConfig(**SMALL, image_size=32, is_hybrid=False, backbone_out_indices=[0, 0, 0, 0])
        traced = self.record(self.save(lambda: hf.DPTModel(config)))
        self.assertEqual(traced.program["class"], "DPTModel")

    def test_it_says_what_it_was_made_from(self):
        program = self.traced(llama).program
        self.assertEqual((program["class"], program["model_type"]), ("LlamaForCausalLM", "llama"))
        self.assertRegex(program["source"], r"^modeling_llama\.py:\d+$")
        self.assertEqual(program["versions"], {"torch": torch.__version__[:6], "transformers": hf.__version__})
        self.assertEqual(program.metadata["crossload_program"], "1")
        self.assertNotIn("_assert", program.text)

    def test_equal_commands_make_equal_bytes(self):
        folder = self.save(gpt2, "again")
        files = []
        for _ in range(2):
            self.record(folder)
            files.append((self.folder / "program.safetensors").read_bytes())
        self.assertEqual(*files)

    def test_the_program_is_announced_before_the_model_is_recorded(self):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            kept, messages.Terminal.out = messages.Terminal.out, out
            try:
                self.record(self.save(vit, "announced"))
            finally:
                messages.Terminal.out = kept
        said = out.getvalue().splitlines()
        self.assertLess(said.index("progress: program"), said.index("progress: running float32"))

    def test_program_only_records_nothing(self):
        folder = self.save(vit, "alone")
        command = [sys.executable, SOURCE / "tools/record_reference.py", "--model", folder]
        done = subprocess.run([*command, "--program", folder / "program.safetensors", "--program-only"], capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(
            Program(folder / "program.safetensors").json, self.traced(vit).program.json
        )


class BareTest(TracerTest):
    def trace_bare(self, folder):
        program = self.folder / "bare.safetensors"
        record_checkpoint(Job(model=folder, output=None, program=program, has_weights=False), threads=1)
        return Program(program)

    def test_the_program_needs_no_weights(self):
        for make in (bert, gpt2, llama, t5, vit, wav2vec2):
            with self.subTest(make.__name__):
                with_weights = self.traced(make).program
                bare = self.trace_bare(self.folder / make.__name__)
                self.assertEqual(bare.json, with_weights.json)
                self.assertEqual(bare.tensors.keys(), with_weights.tensors.keys())
                for name, tensor in bare.tensors.items():
                    self.assertTrue(torch.equal(tensor, with_weights.tensors[name]), name)

    def test_a_configuration_is_enough(self):
        self.traced(llama)
        folder = self.folder / "configuration"
        folder.mkdir()
        config = json.loads((self.folder / "llama" / "config.json").read_text(encoding="utf-8"))
        config.update(hidden_size=4096, num_attention_heads=32, num_key_value_heads=8, intermediate_size=14336)
        config.update(head_dim=128, vocab_size=128256, num_hidden_layers=2)
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        program = self.trace_bare(folder)
        self.assertEqual(program.parameter("lm_head.weight")["shape"], [128256, 4096])
        self.assertEqual(program.parameter("lm_head.weight")["key"], "lm_head.weight")
        self.assertLess(sum(tensor.numel() for tensor in program.tensors.values()), 1000)

    if IS_5:

        def test_what_is_made_of_several_tensors_needs_them(self):
            self.traced(mixtral)
            with self.refused("without weights", "experts", "leave --no-weights out"):
                self.trace_bare(self.folder / "mixtral")


class SizesTest(TracerTest):
    def test_what_is_specialised_is_reported_and_not_varied(self):
        traced = self.traced(mamba)
        lengths = {one["input"]: (one["axis"], one["size"]) for one in traced.program["frozen"]}
        self.assertEqual(set(lengths.values()), {(1, 11)})
        self.assertEqual(traced.program["inputs"][0]["shape"][1], 11)
        self.assertEqual({cell["name"] for cell in traced.cells}, {"sizes:1x11", "sizes:3x11"})
        self.assert_agrees(traced)

    def test_a_size_at_which_the_graph_would_be_wrong_is_not_free(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def forward(self, image):
                    if image.shape[2] % 4 == 0:
                        return image.mean((2, 3))
                    return image.amax((2, 3))
            def make():
                return Net(), {"image": torch.randn(2, 3, 8, 10)}
        """
        traced = self.python_class("branching", net)
        frozen = {(one["input"], one["axis"], one["size"]) for one in traced.program["frozen"]}
        self.assertLessEqual({("image", 2, 8), ("image", 3, 10)}, frozen)
        self.assertEqual(traced.program["inputs"][0]["shape"][1:], [3, 8, 10])
        self.assert_agrees(traced)

    def test_another_batch_where_lengths_depend_on_each_other(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def forward(self, ids, pairs):
                    return ids.unsqueeze(1) * 0.5 + pairs.view(ids.shape[0], 6, 7)
            def make():
                return Net(), {"ids": torch.arange(14).view(2, 7), "pairs": torch.arange(84).view(2, 42)}
        """
        traced = self.python_class("lengths", net)
        self.assertEqual({cell["name"] for cell in traced.cells}, {"sizes:1x7+1x42", "sizes:3x7+3x42"})
        self.assert_agrees(traced)

    def test_an_input_that_leads_the_way_is_held(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def forward(self, patches, grids):
                    parts = patches.split(grids.prod(-1).tolist())
                    made = [part.sum(0) if rows > columns else part.mean(0) for part, (rows, columns) in zip(parts, grids.tolist())]
                    return {"made": torch.stack(made) * grids.sum()}
            def make():
                return Net(), {"patches": torch.randn(10, 3), "grids": torch.tensor([[2, 2], [3, 2]])}
        """
        traced = self.python_class("guided", net)
        self.assertEqual(traced.program["held"], [{"input": "grids", "value": [[2, 2], [3, 2]]}])
        self.assertEqual([one["name"] for one in traced.program["inputs"]], ["patches"])
        self.assertEqual([one["size"] for one in traced.program["frozen"]], [10])
        self.assertNotIn("input.grids", traced.tensors)
        self.assert_agrees(traced)

    def test_what_is_computed_of_a_held_input_leads_too(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def forward(self, patches, grids):
                    places = torch.cat([torch.arange(rows * columns) // columns for rows, columns in grids.tolist()])
                    rows, counts = torch.unique_consecutive(places, return_counts=True)
                    made = torch.stack([part.sum(0) for part in patches.split(counts.tolist())])
                    return {"made": made[rows > 0], "counted": made * counts.unsqueeze(-1)}
            def make():
                return Net(), {"patches": torch.randn(10, 3), "grids": torch.tensor([[2, 2], [3, 2]])}
        """
        traced = self.python_class("guided_far", net)
        self.assertEqual([one["name"] for one in traced.program["inputs"]], ["patches"])
        self.assertNotIn("unique", traced.program.text)
        self.assert_agrees(traced)

    def test_a_size_that_is_computed_with_a_buffer_is_not_free(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.register_buffer("stride", torch.tensor(4), persistent=False)
                def forward(self, sound):
                    more = torch.ceil(sound.shape[1] / self.stride).to(torch.int64) * self.stride - sound.shape[1]
                    return torch.nn.functional.pad(sound, (0, more)).unflatten(1, (-1, 4)) if more > 0 else sound
            def make():
                return Net(), {"sound": torch.randn(2, 11)}
        """
        traced = self.python_class("strided", net)
        self.assertEqual([(one["axis"], one["size"]) for one in traced.program["frozen"]], [(1, 11)])
        self.assert_agrees(traced)


class RefusalsTest(TracerTest):
    NET = """
        import torch
        class Inner(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.register_buffer("seen", torch.zeros(1))
                self.register_buffer("unit", torch.nn.Parameter(torch.ones(1), requires_grad=False), persistent=False)
                self.scale = torch.nn.Parameter(torch.full((1,), 0.5))
            def forward(self, x):
                {body}
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = Inner()
            def forward(self, x):
                return self.inner(x) + 1
        def make():
            return Net(), {{"x": torch.randn(2, 7)}}
    """

    def trace_body(self, name, body):
        return self.python_class(name, self.NET.format(body=body))

    def test_control_flow_that_depends_on_the_numbers(self):
        with self.refused("in inner at datas.py:9", "depends on the numbers in the inputs"):
            self.trace_body("datas", "return x[:, : x[0].argmax().item() + 1].sum(-1)")

    def test_random_numbers(self):
        with self.refused("in inner at randoms.py:9", "aten.rand", "draws random numbers"):
            self.trace_body("randoms", "return x + torch.rand_like(x)")

    def test_what_is_kept_between_calls(self):
        with self.refused("inner.seen", "a call depends on those before it"):
            self.trace_body("states", "self.seen.add_(1); return x * self.seen")

    def test_what_could_and_does_not(self):
        bodies = {
            "undropped": "return torch.nn.functional.scaled_dot_product_attention(x[None], x[None], x[None])[0]",
            "evaluated": "return torch.nn.functional.dropout(x, 0.5, self.training)",
            "moved": "return x * self.to(x.dtype).scale",
            "a_buffer_that_is_a_parameter": "return x + self.unit",
            "filled": "y = x.expand(3, *x.shape).clone(); y[1].fill_diagonal_(4); return y[0] + y[1]",
            "unchanged": "self.seen = self.seen.to(x.device); return x + self.seen",
            "led_by_a_buffer": "return x if self.seen > 0 else -x",
            "forgotten": "self.table = getattr(self, 'table', self.seen) + 1; return x * self.table",
        }
        for name, body in bodies.items():
            with self.subTest(name):
                self.assert_agrees(self.trace_body(name, body))

    def test_weights_that_belong_to_no_module(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.hidden = [torch.nn.Conv2d(1, 3, 1, device="meta")]
                def forward(self, x):
                    return self.hidden[0](x[None, None])
            def make():
                return Net(), {"x": torch.randn(2, 7)}
        """
        with self.refused("Net computes with [3, 1, 1, 1] numbers of a part that is neither a module nor a parameter of it"):
            self.python_class("hidden", net)

    def test_dropout_outside_of_training(self):
        with self.refused("in inner at dropped.py:9", "draws random numbers"):
            self.trace_body("dropped", "return torch.nn.functional.dropout(x, 0.5, True)")

    def test_what_does_not_exist(self):
        for name in ("no_such_module:make", "floats", "json:dumps"):
            code = messages.USAGE if ":" not in name else messages.BAD_INPUT
            with self.subTest(name), self.refused("--python-class", name, code=code):
                self.record(None, python_class=name)


class ParametersTest(TracerTest):
    def keys(self, traced):
        return {one["name"]: one["key"] for one in traced.program["parameters"]}

    def assert_complete(self, traced):
        """Every tensor of the checkpoint is read or has a reason, none twice."""
        read = {one["key"] for one in traced.program["parameters"] if one["key"]}
        aside = [one["key"] for one in traced.program["aside"]]
        self.assertEqual(read | set(aside), traced.checkpoint.keys())
        self.assertFalse(read & set(aside))
        self.assertTrue(all(one["reason"] for one in traced.program["aside"]))

    def test_every_tensor_of_the_checkpoint_has_a_place(self):
        for make in (*ARCHITECTURES, mamba):
            with self.subTest(make.__name__):
                self.assert_complete(self.traced(make))

    def test_tied_parameters_are_read_from_one_tensor(self):
        keys = self.keys(self.traced(gpt2))
        self.assertEqual({key for name, key in keys.items() if "wte" in name or "lm_head" in name}, {"transformer.wte.weight"})
        traced = self.traced(t5)
        self.assertIn("shared.weight", self.keys(traced).values())

    def test_a_copy_of_a_tied_parameter_is_set_aside(self):
        folder = self.save(gpt2, "copied")
        state = safetensors.torch.load_file(folder / "model.safetensors")
        state["lm_head.weight"] = state["transformer.wte.weight"].clone()
        safetensors.torch.save_file(state, folder / "model.safetensors", {"format": "pt"})
        traced = self.record(folder)
        read = {key for name, key in self.keys(traced).items() if "wte" in name or "lm_head" in name}
        (other,) = {"lm_head.weight", "transformer.wte.weight"} - read
        self.assertIn({"key": other, "reason": f"PyTorch's GPT2LMHeadModel ties it to {read.pop()}"}, traced.program["aside"])
        self.assert_complete(traced)

    def test_names_that_transformers_changes(self):
        folder = self.save(bert, "prefixed")
        state = safetensors.torch.load_file(folder / "model.safetensors")
        state = {f"bert.{re.sub('LayerNorm.weight', 'LayerNorm.gamma', name)}": tensor for name, tensor in state.items()}
        state["cls.predictions.bias"] = torch.zeros(60)
        safetensors.torch.save_file(state, folder / "model.safetensors", {"format": "pt"})
        traced = self.record(folder)
        self.assertEqual(self.keys(traced)["embeddings.LayerNorm.weight"], "bert.embeddings.LayerNorm.gamma")
        reasons = {one["key"]: one["reason"] for one in traced.program["aside"]}
        self.assertEqual(reasons["cls.predictions.bias"], "PyTorch's BertModel does not read it")
        self.assert_complete(traced)
        self.assert_agrees(traced)

    def test_weight_norm_of_either_spelling(self):
        folder = self.save(wav2vec2, "normed")
        state = safetensors.torch.load_file(folder / "model.safetensors")
        for new, old in (("original0", "weight_g"), ("original1", "weight_v")):
            state = {name.replace(f"parametrizations.weight.{new}", old): tensor for name, tensor in state.items()}
        safetensors.torch.save_file(state, folder / "model.safetensors", {"format": "pt"})
        start = "wav2vec2.encoder.pos_conv_embed.conv."
        traced = self.record(folder)
        self.assertEqual(self.keys(traced)[f"{start}parametrizations.weight.original0"], f"{start}weight_g")
        self.assert_complete(traced)
        self.assert_agrees(traced)
        reasons = {one["key"]: one["reason"] for one in traced.program["aside"]}
        what = "nothing that PyTorch's Wav2Vec2ForCTC returns depends on it"
        self.assertEqual(reasons["wav2vec2.masked_spec_embed"], what)

    def test_a_model_whose_checkpoint_has_other_names(self):
        traced = self.record(self.save(llava))
        keys = self.keys(traced)
        layer = next(name for name in keys if name.endswith("layers.0.mlp.up_proj.weight"))
        self.assertEqual(keys[layer], next(k for k in traced.checkpoint if k.endswith("layers.0.mlp.up_proj.weight")))
        self.assert_complete(traced)
        self.assert_agrees(traced)

    def test_buffers_that_no_checkpoint_has_travel_with_the_program(self):
        traced = self.traced(llama)
        frequencies = traced.program.parameter("model.rotary_emb.inv_freq")
        self.assertEqual((frequencies["kind"], frequencies["key"]), ("buffer", None))
        self.assertEqual(traced.program.tensors[frequencies["value"]].shape, torch.Size([4]))
        self.assertTrue(all(name.startswith("constant.") for name in traced.program.tensors))

    def test_trainable_is_what_a_gradient_can_change(self):
        parameters = self.traced(llama).program["parameters"]
        self.assertEqual({one["trainable"] for one in parameters if one["kind"] == "parameter"}, {True})
        self.assertEqual({one["trainable"] for one in parameters if one["kind"] != "parameter"}, {False})

    def test_a_module_of_the_users_own_brings_its_weights(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.table, self.linear = torch.nn.Embedding(13, 6), torch.nn.Linear(6, 5)
                def forward(self, ids, scale):
                    return {"made": self.linear(self.table(ids)).mean(1) * scale}
            def make():
                torch.manual_seed(0)
                return Net(), {"ids": torch.randint(0, 13, (2, 7)), "scale": torch.randn(2, 1)}
        """
        traced = self.python_class("own", net)
        self.assertEqual(
            set(traced.program.tensors), {"weight.table.weight", "weight.linear.weight", "weight.linear.bias"}
        )
        self.assertEqual([one["name"] for one in traced.program["outputs"]], ["made"])
        self.assertEqual({cell["name"] for cell in traced.cells}, {"sizes:1x10+1x1", "sizes:3x4+3x1", "sizes:1x1"})
        self.assert_agrees(traced)

    def test_equal_elements_are_sorted_in_the_order_they_had(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def forward(self, x):
                    top = torch.topk(x, 9, dim=1, largest=False)[1].view(-1).view(2, 9)
                    return {"sorted": x.sort(1)[1], "argsorted": torch.argsort(x, descending=True), "top": top}
            def make():
                return Net(), {"x": torch.randint(0, 3, (2, 500)).float()}
        """
        traced = self.python_class("ties", net)
        x = traced.tensors["input.x"]
        self.assertTrue(torch.equal(traced.tensors["output.sorted"], x.sort(dim=1, stable=True)[1]))
        self.assertTrue(torch.equal(traced.tensors["output.top"], x.sort(dim=1, stable=True)[1][:, :9]))
        expected = torch.argsort(x, descending=True, stable=True)
        self.assertTrue(torch.equal(traced.tensors["output.argsorted"], expected))

    if IS_5:

        def test_fused_experts_travel_and_what_they_are_made_of_is_named(self):
            traced = self.traced(mixtral)
            fused = traced.program.parameter("model.layers.0.mlp.experts.gate_up_proj")
            self.assertEqual((fused["key"], fused["shape"]), (None, [3, 40, 16]))
            self.assertEqual(self.keys(traced)["model.layers.0.mlp.gate.weight"], "model.layers.0.block_sparse_moe.gate.weight")
            reasons = {one["key"]: one["reason"] for one in traced.program["aside"]}
            what = "Transformers makes model.layers.0.mlp.experts.gate_up_proj of it"
            self.assertEqual(reasons["model.layers.0.block_sparse_moe.experts.2.w3.weight"], what)
            self.assert_complete(traced)
            self.assert_agrees(traced)


if __name__ == "__main__":
    unittest.main()

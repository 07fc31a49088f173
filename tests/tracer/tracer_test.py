#!/usr/bin/env python3
"""Tests of tracing (tools/record_reference.py --program) on tiny models of the real classes."""

import contextlib
import io
import json
import re
import subprocess
import sys
import unittest
from unittest import mock

from traced_models import (
    ARCHITECTURES, IS_5, SMALL, SOURCE, Job, Program, TracerTest, bert, clip, dac, gpt2, hf, llama, llava, messages,
    mixtral, record_checkpoint, safetensors, siglip2, t5, time_series, torch, videomae, vit, wav2vec2,
)


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


if __name__ == "__main__":
    unittest.main()

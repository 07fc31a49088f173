#!/usr/bin/env python3
"""Tests of where the weights of a traced model come from."""

import re
import unittest

from traced_models import (
    ARCHITECTURES, IS_5, TracerTest, bert, gpt2, llama, llava, mamba, mixtral, safetensors, t5, torch, wav2vec2,
)


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
            gate = self.keys(traced)["model.layers.0.mlp.gate.weight"]
            self.assertEqual(gate, "model.layers.0.block_sparse_moe.gate.weight")
            reasons = {one["key"]: one["reason"] for one in traced.program["aside"]}
            what = "Transformers makes model.layers.0.mlp.experts.gate_up_proj of it"
            self.assertEqual(reasons["model.layers.0.block_sparse_moe.experts.2.w3.weight"], what)
            self.assert_complete(traced)
            self.assert_agrees(traced)


if __name__ == "__main__":
    unittest.main()

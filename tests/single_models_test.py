#!/usr/bin/env python3
"""Tests of tracing single models that do what others do not, with Transformers 4 and 5."""

import unittest

from tracer_test import TEXT, TracerTest, hf


def imagegpt():
    return hf.ImageGPTModel(hf.ImageGPTConfig(vocab_size=60, n_positions=40, n_embd=16, n_layer=1, n_head=2))


def gemma3n():
    sizes = dict(**TEXT, num_key_value_heads=1, head_dim=8, vocab_size_per_layer_input=60, hidden_size_per_layer_input=4)
    sizes.update(num_kv_shared_layers=0, laurel_rank=2, layer_types=["full_attention"], activation_sparsity_pattern=[0.0])
    return hf.Gemma3nTextModel(hf.Gemma3nTextConfig(**sizes, altup_coef_clip=0.2))  # its weights are mostly larger


class SingleModelsTest(TracerTest):
    def test_a_model_that_cannot_be_run_without_a_cache(self):
        self.assert_agrees(self.traced(imagegpt))

    def test_weights_that_every_run_limits(self):
        traced = self.traced(gemma3n)
        self.assert_agrees(traced)
        weight = "layers.0.altup.correction_coefs.weight"
        self.assertEqual(traced.program.parameter(weight)["key"], weight)
        self.assertGreater(float(traced.checkpoint[weight].abs().max()), 0.2)

    def test_axes_that_a_module_drops_where_they_are_1(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.inner = torch.nn.Linear(4, 4)
                def forward(self, ids):
                    made = self.inner((ids[:, :, None] + torch.arange(4)).squeeze(1).float())
                    return made.view(ids.shape[0], ids.shape[1], 4)
            def make():
                return Net(), {"ids": torch.tensor([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]])}
        """
        traced = self.python_class("dropping", net)
        self.assert_agrees(traced)
        shapes = [list(one["stage.inner"].shape) for _, _, one in traced.runs()]
        self.assertEqual(shapes, [[2, 5, 4], [1, 8, 4], [3, 2, 4], [1, 1, 4]])
        said = [note for note in traced.notes if "drops axes of 1" in note]
        what = "inner is [1, 4] in PyTorch, which drops axes of 1: it is compared as [1, 1, 4]"
        self.assertEqual(said, [f"in the cell sizes:1x1 {what}"])


if __name__ == "__main__":
    unittest.main()

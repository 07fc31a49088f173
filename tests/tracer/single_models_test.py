#!/usr/bin/env python3
"""Tests of tracing single models that do what others do not, with Transformers 4 and 5."""

import unittest

from traced_models import IS_5, TEXT, TracerTest, hf, safetensors, torch  # first of all, as it finds the recorder

from reference.without_loops import loops_replaced  # isort: skip


def imagegpt():
    return hf.ImageGPTModel(hf.ImageGPTConfig(vocab_size=60, n_positions=40, n_embd=16, n_layer=1, n_head=2))


def gemma3n():
    sizes = dict(**TEXT, num_key_value_heads=1, head_dim=8, vocab_size_per_layer_input=60, hidden_size_per_layer_input=4)
    sizes.update(num_kv_shared_layers=0, laurel_rank=2, layer_types=["full_attention"], activation_sparsity_pattern=[0.0])
    return hf.Gemma3nTextModel(hf.Gemma3nTextConfig(**sizes, altup_coef_clip=0.2))  # its weights are mostly larger


def tapas():
    return hf.TapasModel(hf.TapasConfig(**TEXT, type_vocab_sizes=[3, 5, 4, 2, 2, 3, 3]))


class SingleModelsTest(TracerTest):
    def test_a_model_that_cannot_be_run_without_a_cache(self):
        self.assert_agrees(self.traced(imagegpt))

    def test_segments_of_tables(self):
        tables = self.folder / "tables.safetensors"
        kinds = torch.randint(0, 2, (2, 11, 7), generator=torch.Generator().manual_seed(0))
        safetensors.torch.save_file({"input_ids": torch.arange(22).view(2, 11), "token_type_ids": kinds}, tables)
        traced = self.record(self.save(tapas), inputs=tables)
        self.assertEqual(traced.program["frozen"], [])
        self.assert_agrees(traced)

    if not IS_5:

        def test_segments_are_reduced_as_tapas_does(self):
            from transformers.models.tapas import modeling_tapas as module

            columns, rows = torch.tensor([[0, 1, 1, 2], [2, 2, 0, 0]]), torch.tensor([[1, 0, 0, 1], [1, 1, 1, 0]])
            values = torch.tensor([[1.0, 2.0, 5.0, -3.0], [4.0, 9.0, 2.0, 7.0]])

            def reduced():
                index = module.ProductIndexMap(module.IndexMap(columns, 3, 1), module.IndexMap(rows, 2, 1))
                made, of = module.reduce_mean(values, index)
                return made, of.indices, index.project_outer(of).indices, module.gather(made, index)

            expected = reduced()
            with loops_replaced(tapas()):
                found = reduced()
            for one, other in zip(expected, found):
                self.assertEqual((one.dtype, one.tolist()), (other.dtype, other.tolist()))

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

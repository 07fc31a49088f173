#!/usr/bin/env python3
"""Tests of what stands for loops of Transformers: that it gives what they give."""

import importlib
import types
import unittest

from traced_models import IS_5, hf, torch  # first of all, as it finds the recorder

from reference import loops_of_experts, loops_of_images, loops_of_texts, stable, without_loops  # isort: skip


def source(folder):
    return importlib.import_module(f"transformers.models.{folder}.modeling_{folder}")


class WithoutLoopsTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)

    def assert_same(self, found, expected):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)

    def test_everything_that_is_replaced_is_there(self):
        for folder, functions in without_loops.REPLACED.items():
            for path in functions.keys() - {"any"}:
                owner = source(folder)
                for name in path.split("."):
                    owner = getattr(owner, name)
                self.assertTrue(callable(owner), path)

    def test_patches_beside_texts(self):
        images, texts = torch.randn(3, 16, 8), torch.randn(3, 5, 8)
        corners = torch.rand(3, 5, 2)
        boxes = torch.cat([corners, corners + torch.rand(3, 5, 2) * (1 - corners)], -1)
        boxes[0, 0], boxes[1, 1:] = 0.0, 1.0
        boxes[2, 4] = boxes[2, 3]
        mask = torch.ones(3, 5, dtype=torch.long)
        own = torch.rand(3, 16, 4)
        for max_len in (0, 12, 25):
            for given, marked in ((None, mask), (own, None)):
                arguments = (boxes, given, marked, 4, max_len, 64, 16)
                found = loops_of_images.with_patches(images, texts.clone(), *arguments)
                wanted = source("udop").combine_image_text_embeddings(images, texts.clone(), *arguments)
                for one, other in zip(found, wanted):
                    self.assertIs(one is None, other is None)
                    if one is not None:
                        self.assert_same(one, other)

    if not IS_5:  # Transformers 5 computes it at once itself

        def test_places_of_patches(self):
            for folder, prefix in (("idefics2", "Idefics2"), ("idefics3", "Idefics3"), ("smolvlm", "SmolVLM")):
                config = types.SimpleNamespace(hidden_size=8, image_size=40, patch_size=4, num_channels=3)
                embeddings = getattr(source(folder), f"{prefix}VisionEmbeddings")(config)
                mask = torch.zeros(4, 7, 9, dtype=torch.bool)
                for image, (height, width) in enumerate(((7, 9), (3, 9), (7, 1), (1, 5))):
                    mask[image, :height, :width] = True
                pixels = torch.randn(4, 3, 28, 36)
                self.assert_same(loops_of_images.places_of_patches(embeddings, pixels, mask), embeddings(pixels, mask))

        def test_images_in_texts(self):
            ids = torch.tensor([[1, 9, 9, 9, 9, 2], [9, 9, 3, 3, 3, 3], [1, 2, 3, 4, 5, 6]])
            texts, images = torch.randn(3, 6, 4), torch.randn(3, 2, 4)
            table = torch.nn.Embedding(10, 4)
            model = types.SimpleNamespace(config=types.SimpleNamespace(image_token_id=9), get_input_embeddings=lambda: table)
            merged = source("smolvlm").SmolVLMModel.inputs_merger
            with torch.no_grad():
                for given, embedded in ((ids, texts), (None, table(ids))):
                    found = loops_of_images.with_images(model, given, embedded, images)
                    self.assert_same(found, merged(model, given, embedded, images))

        def test_an_image_where_there_is_none(self):
            for images in ([False, False, False], [False, True, False]):
                made, expected = torch.tensor(images), torch.tensor(images)
                if not any(expected):
                    expected[0] = True
                self.assertTrue(loops_of_images.any_made(made))
                self.assert_same(made, expected)

        def test_mask_of_blocks(self):
            for counts in ([3, 1, 4], [5]):
                tensor = torch.zeros(1, sum(counts), 2)
                expected = source("pixtral").generate_block_attention_mask(counts, tensor)
                self.assert_same(loops_of_images.mask_of_blocks(counts, tensor), expected)

        def test_mask_of_phrases(self):
            texts = [
                [[101, 5, 6, 1012, 7, 8, 9, 1012, 102], [101, 5, 1012, 6, 102, 0, 0, 0, 0]],
                # The first phrase begins with the second word.
                [[5, 6, 1012, 7, 1029, 8, 9, 4, 102], [5, 6, 7, 8, 9, 3, 3, 3, 3]],
                [[5, 102, 6, 7, 8, 9, 3, 3, 3], [5, 6, 7, 1012, 8, 9, 102, 3, 3]],  # a phrase that the row before begins
                [[5, 6, 7, 8]],
                [[101, 102]],
            ]
            for folder in ("grounding_dino", "mm_grounding_dino"):
                expected = source(folder).generate_masks_with_special_tokens_and_transfer_map
                for ids in map(torch.tensor, texts):
                    for found, wanted in zip(loops_of_texts.PHRASES(ids), expected(ids), strict=True):
                        self.assert_same(found, wanted)

        def test_ends_of_texts(self):
            ids = torch.tensor([[5, 6, 7, 8], [5, 6, 0, 0], [5, 0, 6, 0], [0, 0, 0, 0]])
            mask = (ids > 0).long()
            padded = source("clvp")._pad_extra_bos_eos_tokens
            for options in ({}, {"add_bos_token": False}, {"add_eos_token": False}, {"eos_token_id": 9, "pad_token_id": 6}):
                for given in (mask, None):
                    found, wanted = loops_of_texts.with_ends(ids, given, **options), padded(ids, given, **options)
                    self.assert_same(found[0], wanted[0])
                    self.assertEqual(given is None, found[1] is None)
                    if given is not None:
                        self.assert_same(found[1], wanted[1])

        def test_ends_of_speech(self):
            codes = types.SimpleNamespace(decoder_fixing_codes=[83, 45, 46, 248])
            model = types.SimpleNamespace(
                config=types.SimpleNamespace(decoder_config=codes),
                speech_decoder_model=types.SimpleNamespace(config=types.SimpleNamespace(eos_token_id=9)),
            )
            rows = [[1, 2, 3, 4, 5, 6], [1, 2, 9, 4, 9, 6], [9, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 9], [1, 9, 9, 9, 9, 9]]
            ids = torch.tensor(rows)
            expected = source("clvp").ClvpModelForConditionalGeneration.fix_speech_decoder_output(model, ids.clone())
            self.assert_same(loops_of_texts.finished(model, ids), expected)

        def test_adapters_of_languages(self):
            languages = torch.tensor([2, 2, 0, 2])
            switches = {"adapter_layer_norm": True, "adapter_reuse_layer_norm": False, "ln_before_adapter": False}
            for options in ({}, *({switch: value} for switch, value in switches.items())):
                config = hf.XmodConfig(hidden_size=8, intermediate_size=8, languages=["a", "b", "c"], **options)
                output = source("xmod").XmodOutput(config).eval()
                states = torch.randn(4, 5, 8)
                expected = output.lang_adapter(languages, states.clone())
                torch.testing.assert_close(loops_of_experts.adapted(output, languages, states), expected)

        def test_mixtures(self):
            config = hf.DeepseekV2Config(hidden_size=8, moe_intermediate_size=6, n_routed_experts=5, n_shared_experts=1)
            layer = source("deepseek_v2").DeepseekV2MoE(config)
            states, weights = torch.randn(7, 8), torch.rand(7, 2)
            chosen = torch.stack([torch.randperm(4)[:2] for _ in range(7)])  # the last expert has none
            with torch.no_grad(), stable.StableSorts():
                expected = layer.moe(states, chosen, weights)
                torch.testing.assert_close(loops_of_experts.mixed(layer, states, chosen, weights), expected)

        def test_products_of_groups(self):
            states, weights, counts = torch.randn(7, 4), torch.randn(5, 4, 3), torch.tensor([0, 3, 1, 0, 3])
            expected = source("aria").sequential_experts_gemm(states, weights, counts)
            torch.testing.assert_close(loops_of_experts.products_of_groups(states, weights, counts), expected)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""Tests of which rows of a tensor a mask hides."""

import unittest

from recorded_models import (
    BERT_INPUTS, BERT_SIGNATURE, PAIR_SIGNATURE, SMALL, RecorderTest, bart_classifier, bert, clip, hf, signature,
    spec, t5, torch,
)


class MasksTest(RecorderTest):
    def mask_of(self, trace, path):
        return trace.stage(path)["mask"]

    def test_sides_are_told_apart_where_their_lengths_are_equal(self):
        ids = torch.arange(10, 26).reshape(2, 8)
        text, decoder = torch.ones(2, 8).long(), torch.ones(2, 8).long()
        text[1, 5:], decoder[0, 6:] = 0, 0
        inputs = self.file_of(
            "equal.safetensors",
            input_ids=ids,
            attention_mask=text,
            decoder_input_ids=ids + 1,
            decoder_attention_mask=decoder,
        )
        trace = self.record(t5, signature=PAIR_SIGNATURE, inputs=inputs)
        for stage in trace.stages:
            path = stage["path"]
            if not any(
                tensor in path for tensor in ("relative_attention_bias", "EncDecAttention.k", "EncDecAttention.v")
            ):
                of_encoder = path.startswith("encoder") or (path, stage["call"]) == ("shared", 0)
                side = "attention_mask" if of_encoder else "decoder_attention_mask"
                self.assertEqual(stage["mask"], side, path)
        self.assertEqual(self.mask_of(trace, "decoder.block.0.layer.1.EncDecAttention.k"), "attention_mask")
        self.assertEqual(self.mask_of(trace, "decoder.block.0.layer.1.EncDecAttention.q"), "decoder_attention_mask")
        self.assertEqual(trace.output_masks["logits"], "decoder_attention_mask")
        self.assertEqual(trace.output_masks["encoder_last_hidden_state"], "attention_mask")
        self.assertEqual(trace.output_masks["encoder_attentions.0"], "attention_mask")
        self.assertEqual(trace.output_masks["cross_attentions.0"], "decoder_attention_mask")
        self.assertEqual(trace.output_masks["decoder_hidden_states.0"], "decoder_attention_mask")

    def test_a_pooled_tensor_has_no_mask_though_it_is_as_wide_as_the_text_is_long(self):
        mask = torch.ones(2, 16).long()
        mask[1, 9:] = 0
        inputs = self.file_of("wide.safetensors", input_ids=torch.arange(8, 40).reshape(2, 16), attention_mask=mask)
        trace = self.record(bert, inputs=inputs)
        self.assertEqual(trace.tensors["output.pooler_output"].shape, mask.shape)
        self.assertIsNone(trace.output_masks["pooler_output"])
        self.assertIsNone(self.mask_of(trace, "pooler.dense"))
        self.assertEqual(trace.output_masks["last_hidden_state"], "attention_mask")
        self.assertEqual(self.mask_of(trace, "embeddings.word_embeddings"), "attention_mask")

    def test_a_row_of_logits_has_the_mask_though_a_pooled_tensor_looks_the_same(self):
        hf.BertForQuestionAnswering(hf.BertConfig(**SMALL, max_position_embeddings=40)).save_pretrained(
            self.folder / "qa"
        )
        trace = self.record(self.folder / "qa", signature=BERT_SIGNATURE)
        self.assertEqual(trace.output_masks["start_logits"], "attention_mask")

    def test_texts_have_a_mask_and_images_have_none(self):
        trace = self.trace(clip)
        self.assertEqual(self.mask_of(trace, "text_model.encoder.layers.0.mlp.fc1"), "attention_mask")
        self.assertIsNone(self.mask_of(trace, "vision_model.encoder.layers.0.mlp.fc1"))
        self.assertEqual(trace.stage("text_model")["tensor_masks"][:2], ["attention_mask", None])
        self.assertEqual(trace.output_masks["text_model_output.last_hidden_state"], "attention_mask")
        for name in ("vision_model_output.last_hidden_state", "text_embeds", "logits_per_text"):
            self.assertIsNone(trace.output_masks[name], name)

    def test_a_decoder_that_the_model_feeds_itself_has_no_mask(self):
        _, cell = self.trace(bart_classifier).cell("call:input_ids+attention_mask")
        masks = {one["path"]: one["mask"] for one in cell["stages"]}
        self.assertEqual(masks["model.encoder.layers.0.fc1"], "attention_mask")
        self.assertIsNone(masks["model.decoder.layers.0.fc1"])
        self.assertIsNone(masks["model"])
        self.assertIsNone(cell["output_masks"]["decoder_hidden_states.0"])
        self.assertEqual(cell["output_masks"]["encoder_hidden_states.0"], "attention_mask")

    def test_a_mask_that_was_not_given_masks_nothing(self):
        _, cell = self.trace(t5).cell("call:input_ids+decoder_input_ids")
        self.assertEqual({one["mask"] for one in cell["stages"]}, {None})

    def test_states_of_another_encoder_have_their_own_mask(self):
        def decoder():
            return bert(is_decoder=True, add_cross_attention=True)

        states = [spec("encoder_hidden_states", "float32", (-1, -1, 16)), spec("encoder_attention_mask")]
        cross = [*BERT_INPUTS, "encoder_hidden_states", "encoder_attention_mask"]
        trace = self.record(decoder, signature=signature(BERT_INPUTS, [cross], states))
        _, cell = trace.cell(f"call:{'+'.join(cross)}")
        masks = {one["path"]: one["mask"] for one in cell["stages"]}
        self.assertEqual(masks["encoder.layer.0.crossattention.self.key"], "encoder_attention_mask")
        self.assertEqual(masks["encoder.layer.0.crossattention.self.query"], "attention_mask")
        self.assertEqual(masks["encoder.layer.0.crossattention.self"], "attention_mask")
        self.assertTrue(any("attentions" in note for note in trace.notes))


if __name__ == "__main__":
    unittest.main()

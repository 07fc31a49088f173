#!/usr/bin/env python3
"""Tests of the inputs that the recorder makes and takes."""

import json
import unittest

from recorded_models import (
    BERT_INPUTS, BERT_SIGNATURE, SIGNATURES, SMALL, SOURCE, RecorderTest, bart_classifier, bert, clip, hf, roberta,
    safetensors, signature, spec, t5, torch, wav2vec2, whisper,
)

import numpy  # isort: skip


class InputsTest(RecorderTest):
    def test_all_inputs_of_the_signature_are_there_in_two_rows(self):
        for make, given in SIGNATURES.items():
            with self.subTest(make.__name__):
                inputs = self.trace(make).inputs()
                self.assertEqual(set(inputs), {one["name"] for one in given["serving"]})
                for one in given["serving"]:
                    tensor = inputs[one["name"]]
                    self.assertEqual(tensor.dtype, torch.float32 if one["dtype"] == "float32" else torch.int64)
                    self.assertEqual(len(tensor.shape), len(one["shape"]))
                    self.assertEqual(tensor.shape[0], 2)
                for name in (name for name in inputs if name.endswith("mask")):
                    lengths = inputs[name].sum(-1)
                    self.assertNotEqual(lengths[0], lengths[1], name)
                    self.assertEqual(lengths.max(), inputs[name].shape[-1], name)

    def test_the_same_without_a_signature(self):
        for make, given in SIGNATURES.items():
            with self.subTest(make.__name__):
                self.assertEqual(set(self.record(make).inputs()), {one["name"] for one in given["serving"]})

    def test_token_types_are_mixed_where_there_are_several(self):
        inputs = self.trace(bert).inputs()
        self.assertEqual(set(inputs["token_type_ids"].flatten().tolist()), {0, 1})
        self.assertEqual(int(inputs["token_type_ids"][inputs["attention_mask"] == 0].sum()), 0)
        self.assertEqual(int(self.trace(roberta).inputs()["token_type_ids"].abs().sum()), 0)

    def test_padding_is_the_padding_id_and_nothing_else_is(self):
        inputs = self.trace(roberta).inputs()
        self.assertTrue(torch.equal(inputs["input_ids"] == 1, inputs["attention_mask"] == 0))

    def test_a_decoder_reads_several_tokens_after_its_start(self):
        for make, start in ((t5, 0), (whisper, 4)):
            with self.subTest(make.__name__):
                inputs = self.trace(make).inputs()
                self.assertEqual(inputs["decoder_attention_mask"].sum(-1).tolist(), [5, 3])
                self.assertEqual(inputs["decoder_input_ids"][:, 0].tolist(), [start, start])
                self.assertGreater(len(set(inputs["decoder_input_ids"][0].tolist())), 2)

    def test_a_head_that_pools_at_the_end_has_one_in_every_row(self):
        inputs = self.trace(bart_classifier).inputs()
        ids, lengths = inputs["input_ids"], inputs["attention_mask"].sum(-1)
        self.assertEqual((ids == 2).sum(-1).tolist(), [1, 1])
        self.assertEqual([int(row[n - 1]) for row, n in zip(ids, lengths)], [2, 2])
        model = self.checkpoint(bart_classifier)[1]
        shifted = hf.models.bart.modeling_bart.shift_tokens_right(ids, 1, model.config.decoder_start_token_id)
        self.assertTrue(torch.equal(inputs["decoder_input_ids"], shifted))
        self.assertTrue(torch.equal(inputs["decoder_attention_mask"], inputs["attention_mask"]))

    def test_texts_of_clip_end_and_its_images_are_smooth(self):
        inputs = self.trace(clip).inputs()
        self.assertEqual((inputs["input_ids"] == 3).sum(-1).tolist(), [1, 1])
        images = inputs["pixel_values"]
        self.assertLess(float(images.diff(dim=-1).std()), 0.6 * float(images.std()))
        self.assertLessEqual(float(images.abs().max()), 2.7)
        self.assertFalse(torch.equal(images[0], images[1]))

    def test_sounds_are_silent_after_their_end(self):
        inputs = self.trace(wav2vec2).inputs()
        ended = inputs["attention_mask"] == 0
        self.assertEqual(float(inputs["input_values"][ended].abs().sum()), 0)
        self.assertGreater(float(inputs["input_values"][~ended].std()), 0.5)
        features = self.trace(whisper).inputs()["input_features"]
        moving = [int((row.diff(dim=-1).abs().sum(0) != 0).sum()) for row in features]
        self.assertEqual([0 < frames < 59 for frames in moving], [True, True])
        self.assertNotEqual(*moving)

    def test_images_need_not_be_square_where_nothing_says_so(self):
        resnet = hf.ResNetModel(hf.ResNetConfig(embedding_size=4, hidden_sizes=[4], depths=[1], layer_type="basic"))
        resnet.save_pretrained(self.folder / "resnet")
        height, width = self.record(self.folder / "resnet").inputs()["pixel_values"].shape[2:]
        self.assertNotEqual(height, width)

    def test_choices_are_different(self):
        hf.BertForMultipleChoice(hf.BertConfig(**SMALL, max_position_embeddings=40)).save_pretrained(
            self.folder / "choice"
        )
        given = signature([spec(name, shape=(-1, -1, -1)) for name in BERT_INPUTS])
        ids = self.record(self.folder / "choice", signature=given).inputs()["input_ids"]
        self.assertEqual(ids.shape[:2], (2, 2))
        self.assertFalse(torch.equal(ids[:, 0], ids[:, 1]))

    def test_a_tokenizer_that_cannot_be_read_is_a_note(self):
        folder = self.folder / "tokenizer_of_later"
        bert().save_pretrained(folder)
        (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"]))
        config = {"tokenizer_class": "BertTokenizer", "extra_special_tokens": ["<a>", "<b>"]}
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
        trace = self.record(folder, signature=BERT_SIGNATURE)
        self.assertEqual(len(trace.notes), 1)
        self.assertIn("tokenizer", trace.notes[0])
        (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
        trace = self.record(folder, signature=BERT_SIGNATURE)
        self.assertEqual(trace.notes, [])
        self.assertEqual(trace.inputs()["input_ids"][0, 0], 2)  # [CLS]


class GivenInputsTest(RecorderTest):
    IDS, MASK = torch.arange(10, 20).reshape(2, 5), torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])

    def test_safetensors_npz_and_a_trace_say_the_same(self):
        plain = self.file_of("plain.safetensors", input_ids=self.IDS, attention_mask=self.MASK)
        trace = self.file_of(
            "trace_like.safetensors",
            **{"input.input_ids": self.IDS, "input.attention_mask": self.MASK, "output.logits": torch.zeros(2)},
        )
        arrays = self.folder / "inputs.npz"
        numpy.savez(arrays, input_ids=self.IDS.numpy().astype("int32"), attention_mask=self.MASK.numpy())
        found = [self.record(bert, signature=BERT_SIGNATURE, inputs=path) for path in (plain, trace, arrays)]
        for one in found:
            self.assertEqual(set(one.inputs()), {"input_ids", "attention_mask"})
            self.assertTrue(torch.equal(one.inputs()["input_ids"], self.IDS))
            name = "output.last_hidden_state"
            self.assertTrue(torch.equal(one.tensors[name], found[0].tensors[name]))

    def test_what_does_not_fit_is_refused_with_its_name(self):
        def given(**tensors):
            return self.record(bert, signature=BERT_SIGNATURE, inputs=self.file_of("bad.safetensors", **tensors))

        with self.refused("has no inputs input_idz", "input_ids"):
            given(input_idz=self.IDS)
        with self.refused("bad.safetensors", "input_ids is [5], of 1 dimensions; 2 are wanted"):
            given(input_ids=self.IDS[0].clone())
        with self.refused("input_ids holds floats (torch.float32); integers are wanted"):
            given(input_ids=self.IDS.float())
        with self.refused("inputs_embeds holds integers"):
            given(inputs_embeds=torch.ones(2, 5, 16).long())
        with self.refused("inputs_embeds is [2, 5, 8]", "[-1, -1, 16] is wanted"):
            given(inputs_embeds=torch.ones(2, 5, 8))
        with self.refused("different batch sizes", "input_ids 2", "attention_mask 3"):
            given(input_ids=self.IDS, attention_mask=torch.ones(3, 5).long())
        with self.refused("cannot be run", "input_ids [2, 5]"):
            given(input_ids=self.IDS + 1000)
        empty = self.folder / "broken.npz"
        empty.write_bytes(b"not an archive")
        with self.refused("broken.npz: is no safetensors file"):
            self.record(bert, inputs=empty)

    def test_texts_and_images_may_be_of_different_number(self):
        ids = torch.tensor([[2, 10, 3], [2, 11, 3], [2, 12, 3]])
        inputs = self.file_of("three.safetensors", input_ids=ids, pixel_values=torch.randn(2, 3, 30, 30))
        trace = self.record(clip, signature=SIGNATURES[clip], inputs=inputs)
        self.assertEqual(trace.tensors["output.logits_per_text"].shape, (3, 2))

    def test_the_inputs_of_a_golden(self):
        golden = SOURCE / "tests" / "goldens" / "bert_small.safetensors"
        with safetensors.safe_open(golden, "pt") as file:
            wanted = {name: file.get_tensor(name) for name in file.keys() if not name.startswith(("weight.", "cell."))}
        trace = self.record(golden, seed=1)
        for name, tensor in wanted.items():
            self.assert_as_on_another_processor(name, trace.tensors[name], tensor)
        other = self.record(golden, inputs=self.file_of("other.safetensors", input_ids=self.IDS))
        self.assertTrue(torch.equal(other.inputs()["input_ids"], self.IDS))


if __name__ == "__main__":
    unittest.main()

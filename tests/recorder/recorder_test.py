#!/usr/bin/env python3
"""Tests of tools/record_reference.py on tiny models of the real classes.

What is expected comes from the models' own sources and from calling them directly, not from the recorder.
"""

import contextlib
import dataclasses
import inspect
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE / "tools"))
sys.dont_write_bytecode = True
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", USE_TORCH="1", USE_TF="0", USE_FLAX="0")

from reference import libraries, messages  # noqa: E402

messages.Terminal.out = io.StringIO()
libraries.load(threads=1)

import numpy  # noqa: E402
import safetensors.torch  # noqa: E402
import torch  # noqa: E402
import transformers as hf  # noqa: E402
from reference import cells  # noqa: E402
from reference.cells import rounded  # noqa: E402
from reference.checkpoints import Job, record_checkpoint  # noqa: E402
from reference.goldens import make_golden  # noqa: E402
from reference.inputs import InputMaker  # noqa: E402
from reference.messages import Failure  # noqa: E402
from reference.recipes import read_recipes  # noqa: E402
from reference.recording import Run  # noqa: E402

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
SPECIAL = dict(pad_token_id=1, bos_token_id=2, eos_token_id=3)


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


FOLDER = tempfile.TemporaryDirectory()
unittest.addModuleCleanup(FOLDER.cleanup)


class RecorderTest(unittest.TestCase):
    models, traces = {}, {}  # made once, for all classes of tests

    @property
    def folder(self):
        return Path(FOLDER.name)

    def checkpoint(self, make):
        """The folder of a model and the model."""
        if make not in self.models:
            torch.manual_seed(0)
            model = make().eval()
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.copy_(0.3 * torch.randn(parameter.shape))
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

    @contextlib.contextmanager
    def refused(self, *words, code=messages.BAD_INPUT):
        with self.assertRaises(Failure) as caught:
            yield
        for word in words:
            self.assertIn(word, str(caught.exception))
        self.assertEqual(caught.exception.code, code)

    def assert_as_on_another_processor(self, name, found, expected):
        """A golden in the repository may be of another processor, whose last bits are others: what is computed is close, and
        what is not computed is the same. Noise is nothing but last bits."""
        is_given = name.rpartition("/")[2].startswith(("input.", "weight."))
        if "noise." in name:
            self.assertEqual(found.shape, expected.shape, name)
        else:
            bounds = {"rtol": 0, "atol": 0} if is_given else {"rtol": 1.3e-6, "atol": 1e-5}
            torch.testing.assert_close(found, expected, **bounds, msg=lambda said: f"{name}: {said}")


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


class CallersTest(RecorderTest):
    def test_the_line_of_every_call_names_what_is_called(self):
        for make in SIGNATURES:
            checked = 0
            modules = dict(self.checkpoint(make)[1].named_modules())
            for stage in self.trace(make).stages:
                caller, path = stage["caller"], stage["path"]
                owner = modules[caller["path"]]
                self.assertEqual(caller["class"], type(owner).__name__)
                names = [
                    name for name, child in owner._modules.items() if child is modules[path] and not name.isdigit()
                ]
                if not names or "parametrizations" in path:
                    continue  # called through a list, or as a property
                file = Path(inspect.getsourcefile(type(owner)))
                self.assertEqual(caller["file"], file.name)
                line = file.read_text(encoding="utf-8").splitlines()[caller["line"] - 1]
                self.assertRegex(line, rf"\b({'|'.join(names)})\(", f"{make.__name__}: {path}")
                checked += 1
            self.assertGreater(checked, 15, make.__name__)

    def test_calls_of_the_model_itself_and_of_layers_in_lists(self):
        trace = self.trace(bert)
        self.assertEqual(trace.stage("encoder")["caller"]["path"], "")
        layer = trace.stage("encoder.layer.0")["caller"]
        self.assertEqual((layer["path"], layer["class"], layer["file"]), ("encoder", "BertEncoder", "modeling_bert.py"))


class NamesTest(unittest.TestCase):
    def test_members_of_a_list_and_modules_that_are_numbers_do_not_share_names(self):
        class Heads(torch.nn.ModuleList):
            def forward(self, x):
                return [2 * head(x) for head in self]

        class Model(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.heads = Heads([torch.nn.Linear(3, 4), torch.nn.Linear(3, 4)])

            def forward(self, x):
                return {"sum": sum(self.heads(x))}

        model, x = Model().eval(), torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            run = Run(model, {"x": x}, torch.float32, seed=0)
            for i, head in enumerate(model.heads):
                self.assertTrue(torch.equal(run.tensors[f"stage.heads.{i}"], head(x)))
                self.assertTrue(torch.equal(run.tensors[f"stage.heads#0.{i}"], 2 * head(x)))
        self.assertEqual([call["tensors"] for call in run.calls], [["heads.0"], ["heads.1"], ["heads#0.0", "heads#0.1"]])


class CellsTest(RecorderTest):
    def test_every_other_call_is_a_cell_of_the_main_inputs(self):
        trace, model = self.trace(bert), self.checkpoint(bert)[1]
        main = trace.inputs()
        self.assertEqual([one["name"] for one in trace.cells], ["call:input_ids", "call:input_ids+attention_mask"])
        for number, names in enumerate((["input_ids"], ["input_ids", "attention_mask"])):
            inputs = trace.inputs(f"cell.{number}/")
            self.assertEqual(set(inputs), set(names))
            self.assertTrue(all(torch.equal(inputs[name], main[name]) for name in names))
            with torch.no_grad():
                wanted = model(**inputs).last_hidden_state
            self.assertTrue(torch.equal(trace.tensors[f"cell.{number}/output.last_hidden_state"], wanted))

    def test_the_tensors_of_a_cell_are_those_that_it_describes(self):
        trace = self.trace(t5, "full")
        for number, cell in enumerate(trace.cells):
            prefix = f"cell.{number}/"
            stages = {name for stage in cell["stages"] for name in stage["tensors"]}
            for kind in ("stage.", "stage64.", "noise."):
                found = {name[len(prefix + kind) :] for name in trace.tensors if name.startswith(prefix + kind)}
                self.assertEqual(found, stages, cell["name"])
            outputs = {name for name in trace.tensors if name.startswith(f"{prefix}output.")}
            self.assertEqual({name.partition("output.")[2] for name in outputs}, set(cell["output_masks"]))
            exact = trace.tensors[f"{prefix}output64.logits"]
            self.assertLess(float((trace.tensors[f"{prefix}output.logits"] - exact).abs().max()), 1e-3, cell["name"])

    def test_cells_have_outputs_alone_where_memory_would_not_do(self):
        whole = self.trace(bert, "quick")
        elements = sum(t.numel() for name, t in whole.tensors.items() if name.startswith("stage."))
        with mock.patch.object(cells, "ALL_STAGES_AT_MOST", 3 * elements * cells.BYTES_OF_ELEMENT):
            trace = self.record(bert, signature=SIGNATURES[bert], grid="quick")
        has_stages = [bool(cell["stages"]) for cell in trace.cells]
        self.assertEqual([cell["name"] for cell in trace.cells], [cell["name"] for cell in whole.cells])
        self.assertEqual(set(has_stages), {True, False})
        self.assertTrue(all(("outputs alone" in cell["what"]) != bool(cell["stages"]) for cell in trace.cells))

    def test_a_cell_whose_inputs_cannot_be_made_is_left_out(self):
        make = InputMaker.make

        def made(maker, names, plan, salt=0):
            if plan.side == "left":
                raise Failure(messages.BAD_INPUT, "no such texts")
            return make(maker, names, plan, salt)

        with mock.patch.object(InputMaker, "make", made):
            trace = self.record(bert, signature=SIGNATURES[bert], grid="quick")
        self.assertIn("the cell padding_left was left out: no such texts", trace.notes)
        names = [cell["name"] for cell in self.trace(bert, "quick").cells]
        self.assertEqual([cell["name"] for cell in trace.cells], [name for name in names if name != "padding_left"])

    def test_the_full_grid_of_a_text_model(self):
        trace = self.trace(bert, "full")
        names = [cell["name"] for cell in trace.cells]
        self.assertEqual(
            names,
            [
                "call:input_ids",
                "call:input_ids+attention_mask",
                "padding_none",
                "padding_left",
                "padding_right",
                "masked_row",
                "length_1",
                "length_odd",
                "length_max",
                "batch_1",
                "batch_3",
                "with:position_ids",
                "with:inputs_embeds",
                "without:attention_mask",
                "weights_float16",
                "weights_bfloat16",
            ],
        )
        shapes = {cell["name"]: trace.inputs(f"cell.{i}/") for i, cell in enumerate(trace.cells)}
        mask = {name: inputs.get("attention_mask") for name, inputs in shapes.items()}
        self.assertTrue(mask["padding_none"].all())
        self.assertEqual(mask["padding_left"][1].tolist(), sorted(mask["padding_left"][1].tolist()))
        self.assertEqual(mask["masked_row"].sum(-1).tolist()[1], 0)
        self.assertEqual(mask["length_1"].shape[1], 1)
        self.assertEqual(mask["length_odd"].shape[1] % 2, 1)
        self.assertEqual(mask["length_max"].shape, (1, 40))
        self.assertEqual((mask["batch_1"].shape[0], mask["batch_3"].shape[0]), (1, 3))
        self.assertNotIn("input_ids", shapes["with:inputs_embeds"])
        positions = shapes["with:position_ids"]["position_ids"]
        self.assertEqual(int(positions.max()), 39)
        self.assertEqual(trace.notes, [])

    def test_the_full_grid_of_the_others(self):
        names = {make: {cell["name"] for cell in self.trace(make, "full").cells} for make in SIGNATURES if make != bert}
        self.assertLessEqual(
            {
                "decoder_length_1",
                "decoder_length_odd",
                "decoder_padding_left",
                "with:decoder_inputs_embeds",
                "without:attention_mask",
                "length_max",
            },
            names[t5],
        )
        self.assertLessEqual({"batch_1", "batch_3", "decoder_length_1"}, names[whisper])
        self.assertFalse([name for name in names[whisper] if name.startswith(("padding", "length"))])
        self.assertLessEqual({"length_short", "length_odd", "padding_right", "batch_3"}, names[wav2vec2])
        self.assertLessEqual({"more_texts_than_images", "padding_left"}, names[clip])
        self.assertIn("length_max", names[roberta])
        number, _ = self.trace(roberta, "full").cell("length_max")
        self.assertEqual(self.trace(roberta, "full").tensors[f"cell.{number}/input.input_ids"].shape[1], 38)

    def test_a_cell_that_pytorch_cannot_run_is_a_note(self):
        trace = self.trace(bart_classifier, "full")
        self.assertNotIn("masked_row", [cell["name"] for cell in trace.cells])
        notes = [note for note in trace.notes if "masked_row" in note]
        self.assertEqual(len(notes), 1)
        self.assertIn("same number of <eos> tokens", notes[0])

    def test_the_quick_grid_is_small(self):
        for make in SIGNATURES:
            cells = [one for one in self.trace(make, "quick").cells if not one["name"].startswith("call:")]
            self.assertTrue(1 < len(cells) < 8, make.__name__)

    def test_cells_leave_the_main_run_as_it_is(self):
        for grid in ("quick", "full"):
            plain, more = self.trace(bert), self.trace(bert, grid)
            for name in (name for name in plain.tensors if not name.startswith("cell.")):
                self.assertTrue(torch.equal(plain.tensors[name], more.tensors[name]), name)

    def test_weights_are_rounded_in_their_cells_alone(self):
        model = self.checkpoint(bert)[1]
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        narrow = {name: tensor.to(torch.bfloat16).float() for name, tensor in before.items()}
        with torch.no_grad(), rounded(model, "bfloat16"):
            self.assertTrue(all(torch.equal(tensor, narrow[name]) for name, tensor in model.state_dict().items()))
            model.double()
            model.float()
        self.assertTrue(all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items()))
        with torch.no_grad(), rounded(model, "bfloat16", is_last=True):
            model.double()
        self.assertTrue(all(torch.equal(tensor, narrow[name]) for name, tensor in model.state_dict().items()))
        trace = self.trace(bert, "full")
        number, cell = trace.cell("weights_bfloat16")
        self.assertEqual(cell["weights"], "bfloat16")
        rounding = hf.BertModel(model.config).eval()
        rounding.load_state_dict(narrow)
        with torch.no_grad():
            wanted = rounding(**trace.inputs()).last_hidden_state
        self.assertTrue(torch.equal(trace.tensors[f"cell.{number}/output.last_hidden_state"], wanted))

    def test_weights_that_a_type_does_not_hold_are_a_note(self):
        folder = self.folder / "large"
        model = bert()
        with torch.no_grad():
            model.pooler.dense.weight[0, 0] = 1e6
        model.save_pretrained(folder)
        trace = self.record(folder, signature=BERT_SIGNATURE, grid="full")
        self.assertTrue(any("float16" in note and "pooler.dense.weight" in note for note in trace.notes))
        self.assertEqual([cell["name"] for cell in trace.cells if cell["weights"]], ["weights_bfloat16"])

    def test_the_same_command_makes_the_same_bytes(self):
        for make in (bert, clip):
            texts = []
            for _ in range(2):
                self.record(make, signature=SIGNATURES[make], grid="quick")
                texts.append((self.folder / "trace.safetensors").read_bytes())
            self.assertEqual(*texts)


class Float64Test(RecorderTest):
    def test_what_a_model_computes_in_float32_on_purpose_is_exact_too(self):
        trace, model = self.trace(t5), self.checkpoint(t5)[1]
        x = trace.tensors["stage64.shared"]
        weight = model.encoder.block[0].layer[0].layer_norm.weight.detach().double()
        wanted = weight * x / (x.square().mean(-1, keepdim=True) + model.config.layer_norm_epsilon).sqrt()
        found = trace.tensors["stage64.encoder.block.0.layer.0.layer_norm"]
        self.assertLess(float((found - wanted).abs().max()), 1e-13)

    def test_masked_rows_are_as_finite_as_in_float32(self):
        for make, name in ((clip, "padding_left"), (t5, "masked_row"), (t5, "decoder_padding_left")):
            trace = self.trace(make, "full")
            number, _ = trace.cell(name)
            outputs = [n for n in trace.tensors if n.startswith(f"cell.{number}/output.")]
            for one in outputs:
                exact = trace.tensors[one.replace("/output.", "/output64.", 1)]
                self.assertTrue(torch.equal(trace.tensors[one].isnan(), exact.isnan()), f"{name}: {one}")


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


class MissingWeightsTest(RecorderTest):
    def without(self, make, *keys):
        """A copy of the checkpoint without some of its tensors."""
        folder = self.checkpoint(make)[0]
        copy = self.folder / f"{make.__name__}_without"
        copy.mkdir(exist_ok=True)
        (copy / "config.json").write_bytes((folder / "config.json").read_bytes())
        tensors = safetensors.torch.load_file(folder / "model.safetensors")
        for key in keys:
            del tensors[key]
        safetensors.torch.save_file(tensors, copy / "model.safetensors", {"format": "pt"})
        return copy

    def test_one_of_training_alone_is_a_note(self):
        trace = self.record(self.without(wav2vec2, "wav2vec2.masked_spec_embed"), signature=SOUNDS)
        self.assertEqual(len(trace.notes), 1)
        self.assertIn("masked_spec_embed", trace.notes[0])
        whole = self.trace(wav2vec2)
        self.assertTrue(all(torch.equal(trace.tensors[name], tensor) for name, tensor in whole.tensors.items()))

    def test_one_that_is_used_is_refused(self):
        with self.refused("lacks weights of BertModel: pooler.dense.bias;", "--model-class"):
            self.record(self.without(bert, "pooler.dense.bias"))
        with self.refused("lacks weights of Wav2Vec2ForCTC: lm_head.bias;"):  # the other one is not to blame
            self.record(self.without(wav2vec2, "wav2vec2.masked_spec_embed", "lm_head.bias"))
        with self.refused("encoder.layer.0.attention.self.key.weight"):
            self.record(self.without(bert, "encoder.layer.0.attention.self.key.weight"))


class ProgramTest(RecorderTest):
    def test_a_batch_goes_on_after_a_failure(self):
        lines = [
            {"model": str(self.folder / "nowhere"), "output": str(self.folder / "a.safetensors")},
            {
                "model": str(self.checkpoint(bert)[0]),
                "output": str(self.folder / "b.safetensors"),
                "signature": BERT_SIGNATURE,
                "grid": "quick",
                "seed": 3,
                "model_class": "BertModel",
            },
            {"model": str(self.checkpoint(bert)[0]), "output": str(self.folder / "c.safetensors"), "grid": "huge"},
        ]
        batch = self.folder / "batch.jsonl"
        batch.write_text("".join(json.dumps(line) + "\n" for line in lines))
        program = [sys.executable, str(SOURCE / "tools" / "record_reference.py"), "--batch", str(batch)]
        done = subprocess.run(program, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, messages.BAD_INPUT, done.stderr)
        self.assertIn("line 1: ", done.stderr)
        self.assertIn("line 3: grid huge: there are none, quick, full", done.stderr)
        self.assertIn("2 of 3 could not be recorded", done.stderr.splitlines()[-1])
        made = Trace(self.folder / "b.safetensors")
        self.assertEqual(made.metadata["seed"], "3")
        self.assertTrue(made.cell("masked_row"))
        job = dataclasses.asdict(Job(self.checkpoint(bert)[0], None, signature=BERT_SIGNATURE, grid="quick", seed=3))
        here = self.record(job.pop("model"), **{k: v for k, v in job.items() if k != "output"})
        self.assertTrue(all(torch.equal(here.tensors[name], tensor) for name, tensor in made.tensors.items()))
        self.assertFalse(list((SOURCE / "tools" / "reference").glob("__pycache__")))

    def test_goldens_are_made_again_bit_by_bit(self):
        golden, made = SOURCE / "tests" / "goldens" / "bert_small.safetensors", self.folder / "golden.safetensors"
        again = self.folder / "again.safetensors"
        for source, target in ((golden, made), (made, again)):
            program = [sys.executable, str(SOURCE / "tools" / "record_reference.py"), "--again", source, "--output", target]
            subprocess.run(program, check=True, timeout=120)
        self.assertEqual(made.read_bytes(), again.read_bytes())
        with safetensors.safe_open(golden, "pt") as old, safetensors.safe_open(made, "pt") as new:
            self.assertEqual(set(old.keys()), set(new.keys()))
            for name in old.keys():
                self.assert_as_on_another_processor(name, new.get_tensor(name), old.get_tensor(name))

    def test_a_recipe_with_another_seed_and_scale(self):
        made = self.folder / "golden.safetensors"
        recipes = [SOURCE / "tests" / "goldens" / "bert.json"]
        other = read_recipes(recipes, {"bert_one_token"}, seed_offset=7, weight_scale=0.05)[0]
        self.assertEqual((other["seed"], other["weight_scale"]), (8, 0.05))
        make_golden(other, None, made, threads=1)
        with safetensors.safe_open(made, "pt") as new:
            self.assertAlmostEqual(float(new.get_tensor("weight.encoder.layer.0.output.dense.weight").std()), 0.05, delta=0.01)
            self.assertEqual(json.loads(new.metadata()["recipe"])["weight_scale"], 0.05)
            self.assertNotIn("cells", new.metadata())

    def test_goldens_are_made_once(self):
        folder, recipes = self.folder / "goldens", self.folder / "recipes.json"
        folder.mkdir()
        one = {"class": "BertModel", "config": {**SMALL, "max_position_embeddings": 40}}
        inputs = {"input_ids": {"random": [2, 5]}}

        def make(*recipe):
            recipes.write_text(json.dumps({"config": {}, "inputs": inputs, "recipes": list(recipe)}))
            signatures = self.folder / "signatures.json"
            signatures.write_text(json.dumps({each["name"]: BERT_SIGNATURE for each in recipe}))
            program = [sys.executable, str(SOURCE / "tools" / "record_reference.py"), "--recipes", str(recipes),
                       "--signatures", str(signatures), "--output-dir", str(folder)]
            done = subprocess.run(program, capture_output=True, text=True, timeout=120)
            recorded = [line.split()[2].rstrip(",") for line in done.stdout.splitlines() if "recording" in line]
            return recorded, done

        first, second = {"name": "first", **one}, {"name": "second", **one}
        self.assertEqual(make(first, second)[0], ["first", "second"])
        before = (folder / "first.safetensors").stat().st_mtime_ns
        recorded, done = make(first, second)
        self.assertEqual((recorded, done.stdout), ([], ""))  # torch was not even imported
        self.assertEqual(make(first, {**second, "seed": 2})[0], ["second"])
        (folder / "second.safetensors").write_bytes(b"cut short")
        self.assertEqual(make(first, {**second, "seed": 2})[0], ["second"])
        self.assertEqual((folder / "first.safetensors").stat().st_mtime_ns, before)
        with safetensors.safe_open(folder / "first.safetensors", "pt") as file:
            cells = [cell["name"] for cell in json.loads(file.metadata()["cells"])]
            self.assertEqual(cells, ["call:" + "+".join(BERT_INPUTS), "call:input_ids+attention_mask"])
            self.assertNotIn("cell.0/stage.pooler", file.keys())
            self.assertEqual(file.get_tensor("cell.0/outputnoise.pooler_output").shape, (2, 16))
        recorded, done = make({**first, "class": "NoSuchModel"}, {**second, "seed": 3})
        self.assertEqual((recorded, done.returncode), (["first", "second"], messages.UNKNOWN_CLASS))
        self.assertIn("NoSuchModel", done.stderr)
        self.assertIn("1 of 2 goldens could not be made", done.stderr)
        recorded, done = make(first, first)
        self.assertEqual(done.returncode, messages.BAD_INPUT)
        self.assertIn("more than one recipe is named first", done.stderr)


class TrainingTest(RecorderTest):
    def test_whether_training_differs(self):
        def calm():
            return bert(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)

        def differs(trace):
            return json.loads(trace.metadata["training"])["differs"]

        self.assertTrue(differs(self.trace(bert)))
        self.assertFalse(differs(self.record(calm, signature=BERT_SIGNATURE)))

    def test_what_training_keeps_is_not_kept(self):
        from reference.training import differs_in_training

        model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3)).eval()
        state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            self.assertTrue(differs_in_training(model, 0, {"output": model(x)}, lambda: {"output": model(x)}))
        self.assertFalse(model.training)
        self.assertTrue(all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items()))

    def test_no_answer_where_it_cannot_be_run(self):
        from reference.training import differs_in_training

        def fails():
            raise Failure(messages.BAD_INPUT, "it cannot")

        self.assertIsNone(differs_in_training(torch.nn.Linear(1, 1).eval(), 0, {}, fails))


if __name__ == "__main__":
    unittest.main()

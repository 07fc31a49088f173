#!/usr/bin/env python3
"""Tests of the other calls that are recorded, the cells of the grid, and of float64."""

import unittest
from unittest import mock

from recorded_models import (  # first of all, as it finds the recorder
    BERT_SIGNATURE, SIGNATURES, Failure, RecorderTest, bart_classifier, bert, clip, hf, messages, roberta, t5,
    torch, wav2vec2, whisper,
)

from reference import cells  # isort: skip
from reference.cells import rounded  # isort: skip
from reference.inputs import InputMaker  # isort: skip


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


if __name__ == "__main__":
    unittest.main()

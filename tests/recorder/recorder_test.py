#!/usr/bin/env python3
"""Tests of tools/record_reference.py on tiny models of the real classes."""

import dataclasses
import inspect
import json
import subprocess
import sys
import unittest
from pathlib import Path

from recorded_models import (  # first of all, as it finds the recorder
    BERT_INPUTS, BERT_SIGNATURE, SIGNATURES, SMALL, SOUNDS, SOURCE, Failure, Job, RecorderTest, Trace, bert,
    messages, safetensors, torch, wav2vec2,
)

from reference.goldens import make_golden  # isort: skip
from reference.recipes import read_recipes  # isort: skip
from reference.recording import Run, options_for, shaken, with_or_without_attentions  # isort: skip


class OptionsTest(unittest.TestCase):
    def test_a_model_that_returns_no_hidden_states_is_run_without_them(self):
        def run(wanted):
            def forward(output_hidden_states=None, output_attentions=None, return_dict=None):
                if output_hidden_states is not None or output_attentions is not None:
                    raise Failure(3, f"with {wanted}")
                return "results"

            return forward(**options_for(forward, wanted))

        self.assertEqual(with_or_without_attentions(run), ("results", None))

    def test_the_first_failure_is_told(self):
        def run(wanted):
            raise Failure(3, f"with {wanted}")

        with self.assertRaisesRegex(Failure, "with True"):
            with_or_without_attentions(run)


class ShakenTest(unittest.TestCase):
    def shaken(self, x):
        return shaken(x, torch.Generator().manual_seed(0))

    def test_each_element_is_off_by_a_bit_of_its_row(self):
        x = torch.tensor([[1.0, 100.0], [1e-3, -1e-3]])
        off = (self.shaken(x) - x).abs()
        self.assertTrue(bool((off > 0).all()))
        self.assertTrue(bool((off <= 2.0**-23 * x.abs().amax(-1, keepdim=True) * 2).all()))

    def test_masks_stay_and_say_nothing_of_their_row(self):
        numbers = torch.randn(3, 16)
        least = torch.finfo(torch.float32).min
        for mask in (-torch.inf, torch.inf, least, torch.nan, -1e9):
            x = torch.cat([numbers, torch.full((3, 240), mask)], -1)
            found = self.shaken(x)
            torch.testing.assert_close(found[:, 16:], x[:, 16:], rtol=1e-6 if mask == -1e9 else 0, atol=0, equal_nan=True)
            off = (found - x)[:, :16].abs()
            self.assertGreater(off.amax(-1).min(), 1e-8)
            self.assertLess(off.max(), 1e-6)
        alone = torch.full((2, 3), -torch.inf)
        self.assertTrue(torch.equal(self.shaken(alone), alone))
        large = torch.full((1, 32), 3e6)
        large[0, 0] = 1e9  # without others these are numbers like any
        self.assertGreater((self.shaken(large) - large)[:, 1:].abs().max(), 4)


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

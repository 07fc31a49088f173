#!/usr/bin/env python3
"""Tests of tools/record_reference.py that need Transformers 5: the traces of 4.57 are what is expected.

    .venv5/bin/python tests/transformers5_test.py FOLDER     the folder of the goldens that 4.57 has made
"""

import io
import json
import os
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE / "tools"))
sys.dont_write_bytecode = True
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")

from reference import libraries, messages  # noqa: E402

messages.Terminal.out = io.StringIO()
libraries.load(threads=1)

import torch  # noqa: E402
import transformers  # noqa: E402
from reference.checkpoints import Job, record_checkpoint  # noqa: E402
from reference.messages import Failure  # noqa: E402
from safetensors import safe_open  # noqa: E402

# Attentions with groups, both sides, cross attention, towers, biases, a norm at the end, and what is mended.
NAMES = "albert_groups albert_untied bart_model bart_untied bert_cross_attention camembert_model clip_model "
NAMES += "clip_text_model clip_vision_model deberta_v2_model distilbert_model electra_model roberta_untied t5_model "
NAMES += "t5_for_conditional_generation t5_no_mask t5_untied wav2vec2_model wav2vec2_stable_layer_norm whisper_model "
NAMES += "xlm_roberta_model"


class Trace:
    def __init__(self, path):
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            self.tensors = {key: file.get_tensor(key) for key in file.keys() if key.startswith(("stage.", "output."))}
        self.versions = json.loads(metadata["versions"])
        self.stages = json.loads(metadata["stages"])
        self.masks = {one["path"]: one["mask"] for one in self.stages}
        self.output_masks = json.loads(metadata["output_masks"])
        self.not_comparable = json.loads(metadata.get("not_comparable", "[]"))
        self.notes = json.loads(metadata.get("notes", "[]"))

    def dropouts(self):
        return {name for one in self.stages if one["class"] == "Dropout" for name in one["tensors"]}


class Transformers5Test(unittest.TestCase):
    def record(self, name):
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "trace.safetensors"
            record_checkpoint(Job(GOLDENS / f"{name}.safetensors", output), threads=1)
            return Trace(output)

    def test_it_is_there(self):
        self.assertEqual(transformers.__version__.partition(".")[0], "5")

    def test_traces_have_the_tensors_of_4(self):
        for name in NAMES.split():
            with self.subTest(name):
                wanted, found = Trace(GOLDENS / f"{name}.safetensors"), self.record(name)
                self.assertTrue(wanted.versions["transformers"].startswith("4.57."))
                gone = {f"stage.{one}" for one in wanted.dropouts() - found.dropouts()}
                self.assertEqual(wanted.tensors.keys() - gone, found.tensors.keys())
                for key, tensor in found.tensors.items():
                    torch.testing.assert_close(tensor, wanted.tensors[key], rtol=1e-5, atol=1e-5, msg=f"{name} {key}")
                self.assertEqual({path: wanted.masks[path] for path in found.masks}, found.masks)
                self.assertEqual(wanted.output_masks, found.output_masks)
                self.assertEqual(found.not_comparable, [])

    def test_padding_that_only_padding_precedes_is_not_comparable(self):
        found = self.record("clip_text_left_padding")
        (entry,) = found.not_comparable
        self.assertEqual(entry["positions"], "excluded")
        self.assertIn("stage.text_model.encoder.0", entry["tensors"])
        self.assertNotIn("stage.text_model.embeddings", entry["tensors"])
        self.assertIn(entry["reason"], found.notes)

    def test_a_text_that_is_padding_alone_is_left_out(self):
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "trace.safetensors"
            record_checkpoint(Job(GOLDENS / "clip_text_model.safetensors", output, grid="full"), threads=1)
            with safe_open(output, "pt") as file:
                cells = {cell["name"] for cell in json.loads(file.metadata()["cells"])}
            (note,) = [note for note in Trace(output).notes if "masked_row" in note]
        self.assertNotIn("masked_row", cells)
        self.assertIn("padding_left", cells)
        self.assertIn("a text of which nothing is kept cannot be compared", note)

    def test_relative_positions_are_refused(self):
        with self.assertRaisesRegex(Failure, "no longer has position_embedding_type relative_key"):
            self.record("bert_relative_key")

    def test_a_sum_of_layers_before_the_last_norm_is_refused(self):
        with self.assertRaisesRegex(Failure, "adds up the encoder's layers otherwise than 4.57"):
            self.record("wav2vec2_stable_weighted_layer_sum")

    def test_what_4_shares_is_told(self):
        (note,) = self.record("bert_untied").notes
        self.assertIn("cls.predictions.decoder.bias", note)


if __name__ == "__main__":
    GOLDENS = Path(sys.argv.pop(1))
    unittest.main()

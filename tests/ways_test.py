#!/usr/bin/env python3
"""The two ways into TensorFlow, a class of ours and a trace, held against each other on tiny models that have both.

    tests/ways_test.py PROGRAM

Each model is converted by both; their SavedModels get the same inputs, and have to give the same outputs.
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from forked_case import run  # first of all, as it finds the recorder

import numpy as np
import tensorflow as tf
from tiny.build import build

PROGRAM = sys.argv.pop(1)

CLASSES = {
    "bert": "BertForMaskedLM",
    "distilbert": "DistilBertModel",
    "bart": "BartForConditionalGeneration",
    "t5": "T5ForConditionalGeneration",
    "clip": "CLIPModel",
    "wav2vec2": "Wav2Vec2ForCTC",
}


def convert(folder, way, class_name):
    output = folder / way
    words = [PROGRAM, "pt-to-tf", "--model-name", folder / "model", "--output", output, "--via", way, "--no-verify"]
    words += ["--formats", "saved_model", "--override-model-class", class_name, "--python", WaysTest.python]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"{class_name} by {way}: {done.stderr.strip().splitlines()[-1]}")
    return tf.saved_model.load(str(output / "saved_model"))


def call(served, inputs):
    function = served.signatures["serving_default"]
    specs = function.structured_input_signature[1]
    feeds = {name: tf.constant(inputs[name].numpy(), spec.dtype) for name, spec in specs.items() if name in inputs}
    return {name: value.numpy() for name, value in function(**feeds).items()}


class WaysTest(unittest.TestCase):
    python = None

    def check(self, model_type):
        class_name = CLASSES[model_type]
        model, inputs, why = build(model_type, class_name)
        self.assertIsNone(why)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            model.save_pretrained(folder / "model")
            by_class = call(convert(folder, "class", class_name), inputs)
            traced = call(convert(folder, "trace", class_name), inputs)
        shared = by_class.keys() & traced.keys()
        self.assertTrue(shared, f"{sorted(by_class)} and {sorted(traced)}")
        for output in shared:
            np.testing.assert_allclose(traced[output], by_class[output], rtol=1.3e-6, atol=1e-5, err_msg=output)

    def test_both_ways_agree(self):
        for model_type in CLASSES:
            with self.subTest(model_type):
                self.check(model_type)


if __name__ == "__main__":
    run(WaysTest)

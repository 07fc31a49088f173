"""model.tflite as people use it, by both of LiteRT's interpreters: what most often goes wrong in files of others.

    tests/litert_files_test.py build/crossload

Fixed shapes, int64 inputs, select ops, masks that are left out, and outputs without names. Expected values are those of
the SavedModel that was written beside, run by TensorFlow.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from safetensors import safe_open  # noqa: E402

from litert.conversion import make_converter  # noqa: E402
from litert.flatbuffer import LiteRTModel  # noqa: E402
from litert.interpreters import available  # noqa: E402

GOLDENS = ROOT / "tests" / "goldens"
MODELS = ("bert", "t5", "clip", "deberta_v2", "whisper")
PROGRAM = None  # set by main
MAX_ERROR = 1e-5
SIZES = ((1, 1), (1, 7), (3, 4))  # batch and length, none as in the golden


def golden_shapes(model):
    with safe_open(str(GOLDENS / f"{model}_small.safetensors"), "np") as golden:
        names = [name for name in golden.keys() if name.startswith("input.")]
        return {name.removeprefix("input."): golden.get_slice(name).get_shape() for name in names}


def input_values(model, details, batch, length):
    """Values for the inputs of a signature. Pictures and sounds keep the golden's sizes but for the batch."""
    random = np.random.default_rng(0)
    values = {}
    for name, detail in details.items():
        rank = len(detail["shape_signature"])
        shape = [batch, length] if rank == 2 else [batch, *golden_shapes(model)[name][1:]]
        if "mask" in name:
            values[name] = np.ones(shape, np.int32)
            values[name][-1, (length + 1) // 2 :] = 0
        elif detail["dtype"] is np.int32:
            values[name] = random.integers(3, 9, shape).astype(np.int32) if name.endswith("input_ids") else np.zeros(shape, np.int32)
        else:
            values[name] = random.standard_normal(shape).astype(np.float32)
    return values


class LitertFilesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="crossload-test-")
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.interpreters = available()
        for model in MODELS:
            done = subprocess.run(
                [PROGRAM, "pt-to-tf", "--model-name", GOLDENS / f"{model}_small.safetensors", "--no-verify",
                 "--formats", "saved_model,litert", "--output", cls.folder / model],
                capture_output=True, text=True, cwd=ROOT)
            assert done.returncode == 0, f"{model}: {done.stdout}{done.stderr}"

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def file_of(self, model):
        return self.folder / model / "model.tflite"

    def runners(self, model, signature="serving_default"):
        return [one.open(self.file_of(model), 1).get_signature_runner(signature) for one in self.interpreters]

    def test_both_interpreters_are_here(self):
        self.assertEqual([one.name for one in self.interpreters], ["ai_edge_litert", "tf.lite"])

    def test_every_size_can_change_and_outputs_are_the_saved_models(self):
        for model in MODELS:
            serving = tf.saved_model.load(str(self.folder / model / "saved_model")).signatures["serving_default"]
            for runner in self.runners(model):
                for batch, length in SIZES:
                    values = input_values(model, runner.get_input_details(), batch, length)
                    wanted = serving(**{name: tf.constant(value) for name, value in values.items()})
                    found = runner(**values)
                    self.assertEqual(found.keys(), wanted.keys())
                    for name, value in found.items():
                        self.assertEqual(value.shape, tuple(wanted[name].shape), (model, name, batch, length))
                        np.testing.assert_allclose(value, wanted[name].numpy(), rtol=0, atol=MAX_ERROR, err_msg=f"{model} {name}")

    def test_sizes_are_open_in_the_file(self):
        for model in MODELS:
            for name, tensor in LiteRTModel(self.file_of(model).read_bytes()).signatures["serving_default"].inputs.items():
                self.assertEqual(tensor.shape[0], -1, (model, name))
                if len(tensor.shape) == 2:
                    self.assertEqual(tensor.shape, [-1, -1], (model, name))

    def test_whole_numbers_are_int32(self):
        for model in MODELS:
            for name, tensor in LiteRTModel(self.file_of(model).read_bytes()).signatures["serving_default"].inputs.items():
                self.assertIn(tensor.dtype, ("int32", "float32"), (model, name))

    def test_int64_is_refused_and_not_misread(self):
        for runner in self.runners("bert"):
            values = input_values("bert", runner.get_input_details(), 2, 4)
            with self.assertRaises(ValueError):
                runner(**{name: value.astype(np.int64) for name, value in values.items()})

    def test_no_select_op_and_no_custom_op(self):
        for model in MODELS:
            self.assertEqual(LiteRTModel(self.file_of(model).read_bytes()).foreign_operators(), set(), model)

    def test_a_mask_is_heeded(self):
        """A row that is padded gives what it gives alone, and the mask is an input."""
        for runner in self.runners("bert"):
            values = input_values("bert", runner.get_input_details(), 2, 6)
            kept = int(values["attention_mask"][-1].sum())
            self.assertLess(kept, 6)
            alone = runner(**{name: value[-1:, :kept] for name, value in values.items()})
            padded = runner(**values)
            np.testing.assert_allclose(padded["last_hidden_state"][-1:, :kept], alone["last_hidden_state"], rtol=0, atol=MAX_ERROR)
            unmasked = runner(**{**values, "attention_mask": np.ones_like(values["attention_mask"])})
            self.assertGreater(np.abs(unmasked["last_hidden_state"] - padded["last_hidden_state"]).max(), 1e-3)

    def test_inputs_and_outputs_have_their_names(self):
        for model in MODELS:
            serving = tf.saved_model.load(str(self.folder / model / "saved_model")).signatures["serving_default"]
            for interpreter in self.interpreters:
                found = interpreter.open(self.file_of(model), 1).get_signature_list()
                self.assertEqual(set(found["serving_default"]["inputs"]), set(serving.structured_input_signature[1]), model)
                self.assertEqual(set(found["serving_default"]["outputs"]), set(serving.structured_outputs), model)


class ConverterTest(unittest.TestCase):
    """The converter's refusals, from a SavedModel that is none of ours."""

    def test_what_needs_select_ops_is_not_written(self):
        from litert import conversion
        from reference.messages import Failure

        class Model(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
            def serve(self, x):
                return {"y": tf.math.erf(x)}

        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            model = Model()
            tf.saved_model.save(model, str(folder / "model"), signatures=model.serve)
            with self.assertRaises(Failure) as refused:
                conversion.converted(tf, make_converter(tf, folder / "model", ["serving_default"], "float32"))
            self.assertEqual(refused.exception.code, 4)
            self.assertIn("LiteRT has no Erf", str(refused.exception))


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main()

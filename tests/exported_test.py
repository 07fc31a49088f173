#!/usr/bin/env python3
"""Programs of torch.export.save as people keep them: converted, compared again, loaded by TensorFlow's Python, and refused.

    tests/exported_test.py PROGRAM
"""

import contextlib
import hashlib
import importlib
import json
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

from forked_case import run  # first of all, as it finds the recorder

import numpy as np
import tensorflow as tf
import torch
from reference.exported import load_exported
from reference.messages import Failure
from torch import nn
from torch.export import Dim
from torch.utils import _pytree as pytree

PROGRAM = str(Path(sys.argv.pop(1)).resolve())


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(6, 6)

    def forward(self, x):
        return x + torch.relu(self.line(x))


class Rounded(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.line, self.kind = nn.Linear(6, 6).to(kind), kind

    def forward(self, x):
        return self.line(x.to(self.kind))


class Around(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()

    def forward(self, x):
        return self.block(x)


class Net(nn.Module):
    """With tied weights, a module that is called twice, a buffer that is not saved, inputs in containers, and a flag."""

    def __init__(self):
        super().__init__()
        self.table, self.project, self.block = nn.Embedding(13, 6), nn.Linear(6, 13, bias=False), Block()
        self.project.weight = self.table.weight
        self.register_buffer("places", torch.randn(20, 6), persistent=False)

    def forward(self, ids, more, scaled=False):
        x = self.block(self.block(self.table(ids) + self.places[: ids.shape[1]])) * more["weights"][:, None]
        return {"made": self.project(x) * (2 if scaled else 1), "states": (x, more["pair"][1] - 1)}


class Halves(nn.Module):
    def forward(self, x, y):
        return x[:, :, 0] + y[1::2], x.unflatten(2, (-1, 4)).sum(2)


class Keys(nn.Module):
    """Of names that torch.export.unflatten takes for calls of one module, and with integers of 8 bits, which wrap around."""

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleDict({"a": Block(), "a@1": Block()})

    def forward(self, x, marks):
        return self.parts["a@1"](self.parts["a"](x)), marks + 100


class Sum(nn.Module):
    def forward(self, x, y):
        return x + y


class Sizes(nn.Module):
    def forward(self, x):
        return x.shape[0]


class Called(nn.Module):
    def __init__(self, made):
        super().__init__()
        self.made = made

    def forward(self, x):
        return self.made(x)


class Returning(nn.Module):
    def __init__(self, made):
        super().__init__()
        self.made = made

    def forward(self, x):
        return self.made(last_hidden_state=x + 1)


OWN_TYPES = """
import dataclasses
import torch
from transformers.utils import ModelOutput

@dataclasses.dataclass
class BaseModelOutput(ModelOutput):
    last_hidden_state: torch.Tensor = None
"""


def export(path, **dynamic):
    torch.manual_seed(0)
    more = {"weights": torch.randn(2, 6), "pair": (torch.randn(2), torch.randn(2, 3))}
    batch = {0: dynamic["batch"]} if "batch" in dynamic else None
    length = {1: dynamic["length"]} if "length" in dynamic else {}
    shapes = {"ids": {**(batch or {}), **length}, "more": {"weights": batch, "pair": (batch, batch)}, "scaled": None}
    inputs = (torch.randint(0, 13, (2, 7)), more)
    net = Net().eval()
    torch.export.save(torch.export.export(net, inputs, {"scaled": True}, dynamic_shapes=shapes), path)
    return net


class ExportedTest(unittest.TestCase):
    python = None

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        cls.net = export(cls.folder / "net.pt2", batch=Dim("batch"), length=Dim("length", max=20))
        cls.done = cls.run_program("pt-to-tf", "--model-name", "net.pt2", "--trust-remote-code")
        if cls.done.returncode:
            raise AssertionError(cls.done.stdout + cls.done.stderr)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def run_program(cls, *words):
        return subprocess.run([PROGRAM, *words, "--python", cls.python], cwd=cls.folder, capture_output=True, text=True)

    def test_every_module_is_compared_under_its_name(self):
        certificate = json.loads((self.folder / "net-tf" / "crossload.json").read_text(encoding="utf-8"))
        self.assertEqual((certificate["model"], certificate["class"]), ("net.pt2", "Net"))
        stages = {(stage["path"], stage["class"]) for stage in certificate["stages"]}
        self.assertEqual(
            {(path.partition("#")[0], kind) for path, kind in stages},
            {("table", "Embedding"), ("block", "Block"), ("block.line", "Linear"), ("project", "Linear")},
        )
        self.assertIn("axis 1 of ids is 0 to 20 in the program", "".join(certificate["notes"]))

    def test_every_module_says_where_it_was_written_and_called(self):
        module = load_exported(self.folder / "net.pt2")[0]
        lines = Path(__file__).read_text(encoding="utf-8").splitlines()
        block, line = (type(module.get_submodule(path)) for path in ("block", "block.line"))
        said = (block.exported_from, "self.line(x)"), (block.called_from, "self.block("), (line.called_from, "self.line(x)")
        for place, code in said:
            self.assertEqual(place["file"], Path(__file__).name)
            self.assertIn(code, lines[place["line"] - 1])

    def test_the_file_is_named_with_its_hash(self):
        config = json.loads((self.folder / "net-tf" / "config.json").read_text(encoding="utf-8"))
        sha256 = hashlib.sha256((self.folder / "net.pt2").read_bytes()).hexdigest()
        self.assertEqual(config["exported_program"], {"file": "net.pt2", "sha256": sha256})

    def test_tensorflow_gives_what_was_exported_at_other_sizes(self):
        loaded = tf.saved_model.load(str(self.folder / "net-tf" / "saved_model"))
        for batch, length in ((2, 7), (1, 1), (3, 20)):
            ids, weights = torch.randint(0, 13, (batch, length)), torch.randn(batch, 6)
            pair = torch.randn(batch), torch.randn(batch, 3)
            with torch.no_grad():
                expected = self.net(ids, {"weights": weights, "pair": pair}, scaled=True)
            feeds = {"ids": ids.int(), "more_weights": weights, "more_pair_0": pair[0], "more_pair_1": pair[1]}
            served = loaded.signatures["serving_default"]
            found = served(**{name: tf.constant(tensor.numpy()) for name, tensor in feeds.items()})
            wanted = {"made": expected["made"], "states.0": expected["states"][0], "states.1": expected["states"][1]}
            self.assertEqual(found.keys(), wanted.keys())
            for name, tensor in wanted.items():
                np.testing.assert_allclose(found[name].numpy(), tensor.numpy(), rtol=0, atol=1e-5, err_msg=name)

    def test_it_is_compared_again(self):
        done = self.run_program("compare", "net-tf", "--model-name", "net.pt2", "--trust-remote-code")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_its_certificate_is_verified_again(self):
        words = ("verify-certificate", "net-tf", "--checkpoint", "net.pt2", "--replay")
        done = self.run_program(*words, "--trust-remote-code")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("replay", done.stdout)
        self.assertIn("--trust-remote-code", self.run_program(*words).stderr)

    def test_sizes_that_are_fixed_are_fixed(self):
        export(self.folder / "fixed.pt2", batch=Dim.AUTO)
        done = self.run_program("pt-to-tf", "--model-name", "fixed.pt2", "--trust-remote-code")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("axis 1 of ids is 7 alone in the program of torch.export", done.stdout)
        self.assertNotIn("axis 0 of ids", done.stdout)
        served = tf.saved_model.load(str(self.folder / "fixed-tf" / "saved_model")).signatures["serving_default"]
        self.assertEqual(served.structured_input_signature[1]["ids"].shape.as_list(), [None, 7])

    def test_a_batch_of_one_that_is_fixed_is_fixed(self):
        torch.export.save(torch.export.export(Block(), (torch.randn(1, 6),)), self.folder / "one.pt2")
        done = self.run_program("pt-to-tf", "--model-name", "one.pt2", "--trust-remote-code")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("axis 0 of x is 1 alone in the program of torch.export", done.stdout)
        served = tf.saved_model.load(str(self.folder / "one-tf" / "saved_model")).signatures["serving_default"]
        self.assertEqual(served.structured_input_signature[1]["x"].shape.as_list(), [1, 6])

    def test_other_sizes_are_such_as_the_program_takes(self):
        rows, few = Dim("rows", min=2, max=50), Dim("few", min=5, max=9)
        shapes = {"x": {0: rows, 1: few, 2: 4 * Dim("fours", max=64)}, "y": {0: 2 * rows + 1, 1: few}}
        tensors = torch.randn(3, 6, 8), torch.randn(7, 6)
        torch.export.save(torch.export.export(Halves(), tensors, dynamic_shapes=shapes), self.folder / "sizes.pt2")
        module, inputs, sizes, _ = load_exported(self.folder / "sizes.pt2")
        free = sizes.free(inputs)
        self.assertEqual(free, {"x": [0, 1, 2], "y": [0, 1]})
        cells = [*sizes.other(inputs, free), *sizes.near(inputs, free)]
        self.assertGreater(len(cells), 6)
        for cell in cells:
            module(**cell.inputs)
        for cell in sizes.other(inputs, {"x": [2], "y": []}):
            self.assertEqual((cell.inputs["x"].shape[:2], cell.inputs["y"].shape), ((3, 6), (7, 6)))
        self.assertIn("axis 0 of y is 2*(axis 0 of x) + 1, 5 to 101 in the program of torch.export", " ".join(sizes.notes()))

    def test_the_module_takes_sizes_that_were_exported_alone(self):
        module, inputs, *_ = load_exported(self.folder / "net.pt2")
        module(**inputs)
        for wrong in ({"ids": inputs["ids"][:1]}, {"ids": torch.zeros(2, 21, dtype=torch.int64)}):
            with self.assertRaises((ValueError, RuntimeError)):
                module(**{**inputs, **wrong})

    def test_a_program_without_modules_is_compared_as_a_whole(self):
        net, inputs = Keys().eval(), (torch.randn(2, 6), torch.tensor([7, 200], dtype=torch.uint8))
        torch.export.save(torch.export.export(net, inputs), self.folder / "keys.pt2")
        done = self.run_program("pt-to-tf", "--model-name", "keys.pt2", "--trust-remote-code")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("PyTorch makes no modules of the program", done.stdout)
        served = tf.saved_model.load(str(self.folder / "keys-tf" / "saved_model")).signatures["serving_default"]
        found = served(x=tf.constant(inputs[0].numpy()), marks=tf.constant([7, 200]))
        np.testing.assert_allclose(found["0"].numpy(), net(*inputs)[0].detach().numpy(), rtol=0, atol=1e-5)
        self.assertEqual(found["1"].numpy().tolist(), [107, 44])

    def test_modules_that_give_other_numbers_are_not_taken(self):
        unflatten = torch.export.unflatten

        def wrong(program):
            module = unflatten(program)
            module.block.line.bias.data += 1
            return module

        program = torch.export.export(Around(), (torch.randn(2, 6),))
        torch.export.save(program, self.folder / "around.pt2")
        with unittest.mock.patch.object(torch.export, "unflatten", wrong):
            module, inputs, _, notes = load_exported(self.folder / "around.pt2")
        self.assertIn("torch.export.unflatten gives other numbers", "".join(notes))
        self.assertTrue(torch.equal(module(**inputs), program.module()(*inputs.values())))

    def test_inputs_that_are_one_tensor_are_two(self):
        one = torch.randn(2, 6)
        torch.export.save(torch.export.export(Sum(), (one, one)), self.folder / "same.pt2")
        done = self.run_program("pt-to-tf", "--model-name", "same.pt2", "--trust-remote-code")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_what_takes_or_returns_no_tensors_is_refused(self):
        for net, arguments, what in ((Sum(), (1, 2), "takes"), (Sizes(), (torch.ones(2),), "returns")):
            torch.export.save(torch.export.export(net, arguments), self.folder / "without.pt2")
            with self.assertRaisesRegex(Failure, f"without.pt2: {what} no tensors"):
                load_exported(self.folder / "without.pt2")

    def test_a_program_of_another_width_is_refused(self):
        for kind in (torch.bfloat16, torch.float64):
            program = torch.export.export(Rounded(kind), (torch.randn(2, 6),))
            torch.export.save(program, self.folder / "width.pt2")
            with self.assertRaisesRegex(Failure, f"width.pt2: computes in {str(kind)[6:]}, .* after model.float()"):
                load_exported(self.folder / "width.pt2")

    def test_ways_and_results_that_have_no_counterpart_are_refused(self):
        both = lambda x: torch.cond(x.sum() > 0, torch.sin, torch.cos, (x,))  # noqa: E731
        for made, what in ((both, "uses cond of torch.ops"), (lambda x: {"a b": x + 1}, "the result 'a b' has no name")):
            torch.export.save(torch.export.export(Called(made), (torch.randn(2, 3),)), self.folder / "ways.pt2")
            with self.assertRaisesRegex(Failure, f"ways.pt2: {what}"):
                load_exported(self.folder / "ways.pt2")

    def test_a_number_that_could_be_any_is_said_to_be_fixed(self):
        program = torch.export.export(Sum(), (torch.ones(2), 5), dynamic_shapes={"x": None, "y": Dim.DYNAMIC})
        torch.export.save(program, self.folder / "number.pt2")
        module, inputs, _, notes = load_exported(self.folder / "number.pt2")
        self.assertEqual((list(inputs), module(**inputs).tolist()), (["x"], [6, 6]))
        self.assertIn("y is no tensor, and 5 in the SavedModel, as it was exported", notes)

    def test_types_of_results_are_imported(self):
        (self.folder / "own_types.py").write_text(OWN_TYPES, encoding="utf-8")
        sys.path.insert(0, str(self.folder))
        made = importlib.import_module("own_types").BaseModelOutput
        sys.path.pop(0)
        with contextlib.chdir(self.folder):
            torch.export.save(torch.export.export(Returning(made), (torch.randn(2, 3),)), "own.pt2")
            pytree._deregister_pytree_node(made)  # as in a process that has not imported it
            del sys.modules["own_types"]
            module, inputs, *_ = load_exported(Path("own.pt2"))
        self.assertEqual(list(module(**inputs)), ["last_hidden_state"])

    def test_inputs_may_be_called_as_the_arguments_of_a_saved_model(self):
        class Named(nn.Module):
            def forward(self, inputs, training):
                return {"made": inputs * 2 + training}

        inputs = torch.randn(2, 3), torch.randn(2, 3)
        torch.export.save(torch.export.export(Named(), inputs), self.folder / "named.pt2")
        done = self.run_program("pt-to-tf", "--model-name", "named.pt2", "--trust-remote-code")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        loaded = tf.saved_model.load(str(self.folder / "named-tf" / "saved_model"))
        feeds = {name: tensor.numpy() for name, tensor in zip(("inputs", "training"), inputs)}
        expected = 2 * feeds["inputs"] + feeds["training"]
        for found in (loaded(**feeds), loaded(feeds), loaded.signatures["serving_default"](**feeds)):
            np.testing.assert_allclose(found["made"].numpy(), expected, rtol=0, atol=1e-5)

    def test_inputs_that_are_changed_are_told(self):
        class Changing(nn.Module):
            def forward(self, x):
                return x.add_(1) * 2

        torch.export.save(torch.export.export(Changing(), (torch.randn(2, 3),)), self.folder / "changing.pt2")
        self.assertIn("changes its input x", "".join(load_exported(self.folder / "changing.pt2")[3]))

    def test_results_that_have_one_name_are_refused(self):
        class Twice(nn.Module):
            def forward(self, x):
                return {"a": (x + 1, x + 2), "a.0": x + 3}

        torch.export.save(torch.export.export(Twice(), (torch.randn(2, 3),)), self.folder / "twice.pt2")
        with self.assertRaisesRegex(Failure, "two of the model's results are called a.0"):
            load_exported(self.folder / "twice.pt2")

    def test_a_folder_of_that_name_is_a_checkpoint(self):
        (self.folder / "folder.pt2").mkdir()
        done = self.run_program("pt-to-tf", "--model-name", "folder.pt2", "--output", "none")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("config.json", done.stderr)

    def test_it_is_refused_without_trust_and_where_it_is_none(self):
        done = self.run_program("pt-to-tf", "--model-name", "net.pt2", "--output", "none")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("net.pt2: is read by torch.export.load", done.stderr)
        self.assertIn("--trust-remote-code", done.stderr)
        whole = (self.folder / "net.pt2").read_bytes()
        for name, data in {"cut": whole[: len(whole) // 2], "none": b"", "text": b"no program"}.items():
            path = self.folder / f"{name}.pt2"
            path.write_bytes(data)
            with self.assertRaisesRegex(Failure, f"{name}.pt2: cannot be loaded .BadZipFile.*torch.export.save"):
                load_exported(path)
        with self.assertRaisesRegex(Failure, "no such file"):
            load_exported(self.folder / "nothing.pt2")


if __name__ == "__main__":
    run(ExportedTest)

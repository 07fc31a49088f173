#!/usr/bin/env python3
"""Recurrent layers as people use them: converted, loaded by TensorFlow's Python, called at other lengths, and trained.

    tests/recurrent_test.py PROGRAM
"""

import importlib
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

from forked_case import run  # first of all, as it finds the recorder

import numpy as np
import tensorflow as tf
import torch

PROGRAM = str(Path(sys.argv.pop(1)).resolve())

# Some layers have the same sizes, and one is called twice: each loop has functions of its own all the same.
NET = """
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = nn.GRU(4, 4, batch_first=True)
            self.both = nn.GRU(4, 4, 2, bidirectional=True, batch_first=True)
            self.tanh = nn.RNN(8, 7, 2, batch_first=True)
            self.relu = nn.RNN(7, 6, nonlinearity="relu", bias=False, batch_first=True)
            self.projected = nn.LSTM(6, 8, 2, proj_size=3, bidirectional=True, batch_first=True)
            self.lstm = nn.LSTM(6, 4, batch_first=True)

        def forward(self, x):
            x, _ = self.gru(self.gru(x)[0] + 1)
            x, of_both = self.both(x)
            x, of_tanh = self.tanh(x)
            x, (of_projected, _) = self.projected(self.relu(x)[0])
            return {"made": self.lstm(x)[0], **{name: states.transpose(0, 1) for name, states in
                    {"of_both": of_both, "of_tanh": of_tanh, "of_projected": of_projected}.items()}}

    def make():
        torch.manual_seed(0)
        return Net(), {"x": torch.randn(2, 5, 4)}
"""


class RecurrentTest(unittest.TestCase):
    python = None

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        folder = Path(cls.temporary.name)
        (folder / "recurrent_net.py").write_text(textwrap.dedent(NET), encoding="utf-8")
        words = [PROGRAM, "pt-to-tf", "--python-class", "recurrent_net:make", "--output", "made", "--python", cls.python]
        cls.done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        if cls.done.returncode:
            raise AssertionError(cls.done.stdout + cls.done.stderr)
        sys.path.insert(0, str(folder))
        cls.net = importlib.import_module("recurrent_net").make()[0]
        cls.loaded = tf.saved_model.load(str(folder / "made" / "saved_model"))

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def test_batch_and_length_are_free(self):
        self.assertNotIn("alone", self.done.stdout + self.done.stderr)
        spec = self.loaded.signatures["serving_default"].structured_input_signature[1]["x"]
        self.assertEqual(spec.shape.as_list(), [None, None, 4])

    def test_it_gives_the_same_at_other_sizes(self):
        for batch, length in ((2, 5), (1, 1), (3, 1), (1, 40), (5, 12)):
            x = torch.randn(batch, length, 4)
            found = self.loaded(x=x.numpy())
            served = self.loaded.signatures["serving_default"](x=tf.constant(x.numpy()))
            for name, tensor in self.net(x).items():
                for one in (found[name], served[name]):
                    np.testing.assert_allclose(one.numpy(), tensor.detach().numpy(), rtol=0, atol=1e-5, err_msg=name)

    def test_gradients_are_those_of_pytorch(self):
        x = torch.randn(3, 9, 4)
        self.net.zero_grad()
        sum((one**2).sum() for one in self.net(x).values()).backward()
        variables = self.loaded.trainable_variables
        parameters = dict(self.net.named_parameters())
        self.assertEqual(len(variables), len(parameters))
        for training in (False, True):
            with tf.GradientTape() as tape:
                made = self.loaded(x=x.numpy(), training=training)
                loss = tf.add_n([tf.reduce_sum(one**2) for one in made.values()])
            for variable, gradient in zip(variables, tape.gradient(loss, variables)):
                name = variable.name.removeprefix("net/").removesuffix(":0").replace("/", ".")
                wanted = parameters[name].grad.numpy()
                close = 1e-5 * (1 + np.abs(wanted).max())
                np.testing.assert_allclose(gradient, wanted, rtol=0, atol=close, err_msg=name)


if __name__ == "__main__":
    run(RecurrentTest)

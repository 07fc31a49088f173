#!/usr/bin/env python3
"""Recurrent layers are whole in a program, of any length, where the reader knows them."""

import unittest

from traced_models import TracerTest

NET = """
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru, self.rnn = nn.GRU(4, 3, 2, bidirectional=True, batch_first=True), nn.RNN(6, 5, batch_first=True)
            self.relu = nn.RNN(5, 4, nonlinearity="relu", bias=False, batch_first=True)
            self.lstm, self.projected = nn.LSTM(4, 4, batch_first=True), nn.LSTM(4, 4, proj_size=2, batch_first=True)

        def forward(self, x):
            x, states = self.gru(x)
            x = self.lstm(self.relu(self.rnn(x)[0])[0])[0]
            return {"made": self.projected(x)[0], "states": states.transpose(0, 1), "one": self.gru(x[0])[0]}

    def make():
        torch.manual_seed(0)
        return Net(), {"x": torch.randn(2, 5, 4)}
"""
LAYERS = {f"aten.{name}.input" for name in ("gru", "rnn_tanh", "rnn_relu", "lstm")}


class RecurrentLayersTest(TracerTest):
    def test_they_are_whole_and_of_any_length(self):
        traced = self.python_class("recurrent_layers", NET, operations=())
        self.assertLessEqual(LAYERS, traced.program.operations())
        batch, length, features = traced.program["inputs"][0]["shape"]
        self.assertIsInstance(batch, str)
        self.assertIsInstance(length, str)
        self.assertEqual((features, traced.program["frozen"]), (4, []))
        self.assertEqual({one["path"] for one in traced.program["stages"]}, {"gru", "rnn", "relu", "lstm", "projected"})
        self.assert_agrees(traced)


if __name__ == "__main__":
    unittest.main()

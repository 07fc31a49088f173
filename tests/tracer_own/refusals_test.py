#!/usr/bin/env python3
"""Tests of what cannot be traced, and of what could and does not."""

import unittest

from traced_models import TracerTest, messages


class RefusalsTest(TracerTest):
    NET = """
        import torch
        class Inner(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.register_buffer("seen", torch.zeros(1))
                self.register_buffer("unit", torch.nn.Parameter(torch.ones(1), requires_grad=False), persistent=False)
                self.scale = torch.nn.Parameter(torch.full((1,), 0.5))
            def forward(self, x):
                {body}
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = Inner()
            def forward(self, x):
                return self.inner(x) + 1
        def make():
            return Net(), {{"x": torch.randn(2, 7)}}
    """

    def trace_body(self, name, body):
        return self.python_class(name, self.NET.format(body=body))

    def test_control_flow_that_depends_on_the_numbers(self):
        with self.refused("in inner at datas.py:9", "depends on the numbers in the inputs"):
            self.trace_body("datas", "return x[:, : x[0].argmax().item() + 1].sum(-1)")

    def test_random_numbers(self):
        with self.refused("in inner at randoms.py:9", "aten.rand", "draws random numbers"):
            self.trace_body("randoms", "return x + torch.rand_like(x)")

    def test_what_is_kept_between_calls(self):
        with self.refused("inner.seen", "a call depends on those before it"):
            self.trace_body("states", "self.seen.add_(1); return x * self.seen")

    def test_sequences_that_are_packed(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.layer = torch.nn.LSTM(3, 4, batch_first=True)
                def forward(self, x, lengths):
                    packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
                    return torch.nn.utils.rnn.pad_packed_sequence(self.layer(packed)[0], batch_first=True)[0]
            def make():
                return Net(), {"x": torch.randn(2, 7, 3), "lengths": torch.tensor([7, 4])}
        """
        with self.refused("packs sequences (pack_padded_sequence)", "let its recurrent layers run on the padded sequences"):
            self.python_class("packing", net)

    def test_what_could_and_does_not(self):
        bodies = {
            "undropped": "return torch.nn.functional.scaled_dot_product_attention(x[None], x[None], x[None])[0]",
            "evaluated": "return torch.nn.functional.dropout(x, 0.5, self.training)",
            "moved": "return x * self.to(x.dtype).scale",
            "a_buffer_that_is_a_parameter": "return x + self.unit",
            "filled": "y = x.expand(3, *x.shape).clone(); y[1].fill_diagonal_(4); return y[0] + y[1]",
            "unchanged": "self.seen = self.seen.to(x.device); return x + self.seen",
            "led_by_a_buffer": "return x if self.seen > 0 else -x",
            "measured": "return torch.distributions.Normal(x, self.scale.abs()).log_prob(x + 1)",
            "forgotten": "self.table = getattr(self, 'table', self.seen) + 1; return x * self.table",
        }
        for name, body in bodies.items():
            with self.subTest(name):
                self.assert_agrees(self.trace_body(name, body))

    def test_weights_that_belong_to_no_module(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.hidden = [torch.nn.Conv2d(1, 3, 1, device="meta")]
                def forward(self, x):
                    return self.hidden[0](x[None, None])
            def make():
                return Net(), {"x": torch.randn(2, 7)}
        """
        with self.refused("Net computes with [3, 1, 1, 1] numbers of a part that is neither a module nor a parameter of it"):
            self.python_class("hidden", net)

    def test_dropout_outside_of_training(self):
        with self.refused("in inner at dropped.py:9", "draws random numbers"):
            self.trace_body("dropped", "return torch.nn.functional.dropout(x, 0.5, True)")

    def test_what_does_not_exist(self):
        for name in ("no_such_module:make", "floats", "json:dumps"):
            code = messages.USAGE if ":" not in name else messages.BAD_INPUT
            with self.subTest(name), self.refused("--python-class", name, code=code):
                self.record(None, python_class=name)


if __name__ == "__main__":
    unittest.main()

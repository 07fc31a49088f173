#!/usr/bin/env python3
"""Tests of tracing models that take their way by truths: the way is that of the inputs, and the program checks it."""

import unittest
from types import SimpleNamespace
from unittest import mock

from traced_models import TracerTest, hf, torch

from reference import decided
from reference.traced_program import Tracing


def longformer():
    sizes = dict(vocab_size=60, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=20)
    return hf.LongformerModel(hf.LongformerConfig(**sizes, max_position_embeddings=40, attention_window=4, pad_token_id=1))


class DecidedTest(TracerTest):
    NET = """
        import torch
        class Inner(torch.nn.Module):
            def forward(self, x, mask):
                {body}
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = Inner()
            def forward(self, x, mask):
                return self.inner(x, mask) + 1
        def make():
            return Net(), {{"x": torch.randn(2, 7), "mask": torch.tensor([[2, 1, 1]] * 2)}}
    """

    def trace_body(self, name, body):
        return self.python_class(name, self.NET.format(body=body))

    def assert_fails(self, traced, inputs, *words):
        with self.assertRaises(ValueError) as caught:
            traced.program.run(inputs)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_a_truth_is_what_it_was(self):
        for name, way in {"boolean": "(mask == {n}).any()", "item": "(mask == {n}).any().item()"}.items():
            for n, truth in ((2, True), (5, False)):
                with self.subTest(f"{name} {truth}"):
                    traced = self.trace_body(f"{name}_{n}", f"return 2 * x if {way.format(n=n)} else -x")
                    self.assert_agrees(traced)
                    self.assertEqual(traced.program["frozen"], [])
                    other = {"x": torch.ones(3, 4), "mask": torch.full((3, 4), 1 if truth else 5)}
                    where = f"Net, in inner at {name}_{n}.py:4: `return 2 * x if {way.format(n=n)} else -x` is {truth}"
                    self.assert_fails(traced, other, where, "for which PyTorch takes another way", "--inputs")
                    (note,) = (note for note in traced.notes if "fails for others" in note)
                    self.assertIn(f"in inner at {name}_{n}.py:4", note)

    def test_one_line_that_asks_several_times(self):
        body = "return sum((-1 if (mask == n).any() else 2) * x for n in (2, 5, 1))"
        traced = self.trace_body("several", body)
        self.assert_agrees(traced)
        self.assertEqual([check["message"].count("is True") for check in traced.program["checks"]], [1, 0, 1])

    def test_a_truth_that_is_another_at_other_sizes_fixes_the_sizes(self):
        traced = self.trace_body("sized", "return 2 * x if (mask.sum() == 8).item() else -x")
        self.assertEqual({one["input"] for one in traced.program["frozen"]}, {"x", "mask"})
        self.assert_agrees(traced)

    def test_numbers_that_become_sizes_are_not_decided(self):
        with self.refused("in inner at sizes.py:4", "depends on the numbers in the inputs"):
            self.trace_body("sizes", "return x[:, : mask.sum().item()] if (mask == 2).any() else x")

    def test_too_many_truths_are_numbers(self):
        body = "return sum(x if one else -x for one in (mask == 2).flatten())"
        with mock.patch.object(decided, "MOST", 3), self.refused("in inner at many.py:4", "depends on the numbers in the inputs"):
            self.trace_body("many", body)

    def test_a_truth_that_is_known_is_not_checked(self):
        traced = self.trace_body("known", "return 2 * x if torch.tensor([1, 2]).any() else -x")
        self.assertEqual(traced.program["checks"], [])
        self.assert_agrees(traced)

    def test_a_mask_that_hides_nothing_may_be_left_out(self):
        body = "return x if attention_mask.all() else x * attention_mask[:, :, None]"
        traced = self.trace_masked("same", body)
        self.assert_agrees(traced)
        self.assertEqual((traced.program["frozen"], traced.program["checks"]), ([], []))
        (note,) = (note for note in traced.notes if "a mask that hides nothing" in note)
        self.assertIn(f"at same.py:4 `{body}`: PyTorch leaves out", note)

    def test_a_mask_that_is_asked_for_another_reason_may_not(self):
        traced = self.trace_masked("another", "return x if attention_mask.all() else 2 * x")
        self.assert_agrees(traced)
        self.assertEqual(len(traced.program["checks"]), 1)
        self.assertFalse([note for note in traced.notes if "a mask that hides nothing" in note])

    def trace_masked(self, name, body):
        net = self.NET.replace("mask", "attention_mask").replace("randn(2, 7)", "randn(2, 3, 4)")
        return self.python_class(name, net.replace("[[2, 1, 1]] * 2", "[[1, 1, 0], [1, 1, 1]]").format(body=body))

    def test_a_layer_of_pytorch_that_looks_at_its_mask(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.layers = torch.nn.Transformer(8, 2, 1, 1, 12, batch_first=True)
                def forward(self, source, target):
                    mask = torch.nn.Transformer.generate_square_subsequent_mask(target.shape[1])
                    return self.layers(source, target, tgt_mask=mask)
            def make():
                return Net().eval(), {"source": torch.randn(2, 5, 8), "target": torch.randn(2, 4, 8)}
        """
        traced = self.python_class("layers", net)
        self.assertEqual(traced.program["frozen"], [])
        self.assertEqual(len(traced.program["checks"]), 1)
        self.assert_agrees(traced)

    def test_cells_of_another_truth_are_left_out_with_a_note(self):
        def tracing_of(error):
            tracing = object.__new__(Tracing)
            tracing.decides, tracing.refusals = mock.Mock(side_effect=error), []
            return tracing

        cell = SimpleNamespace(name="lengths", inputs={"x": torch.ones(2)})
        for error in (None, RuntimeError("shapes do not fit")):
            tracing = tracing_of(error)
            self.assertTrue(tracing.takes_the_way_of(cell))
            self.assertEqual(tracing.refusals, [])
        tracing = tracing_of(RuntimeError(f"Assertion failed: {decided.MARK}`if x.any():` is False\nat ..."))
        self.assertFalse(tracing.takes_the_way_of(cell))
        (note,) = tracing.refusals
        self.assertIn("the cell lengths was left out: `if x.any():` is False for the inputs of the example", note)

    def test_longformer_without_global_attention(self):
        traced = self.record(self.save(longformer))
        self.assertEqual(traced.program["frozen"], [])
        self.assertEqual(len(traced.program["checks"]), 1)
        self.assert_agrees(traced)


if __name__ == "__main__":
    unittest.main()

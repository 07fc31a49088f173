#!/usr/bin/env python3
"""Tests of tracing windows that overlap, and of the sizes with which they are made."""

import unittest

from traced_models import TracerTest, torch

WAYS = {
    "rows": ("x.as_strided((a, b // 2 - 1, 4, c), (b * c, 2 * c, c, 1))", (2, 8, 3)),
    "columns": ("torch.as_strided(x.transpose(1, 2), (a, c, b - 1, 2), (b * c, 1, c, c))", (2, 6, 3)),
    "of_parts": ("(y := x.view(a, -1, 2, c)).as_strided((a, b - 1, 2, c), (y.stride(0), c, c, 1))", (2, 8, 3)),
    "fewer": ("x.as_strided((a, 2, 3, c), (b * c, 2 * c, c, 1))", (4, 12, 5)),
    "ones": ("x[:, :, :1].contiguous().as_strided((a, b - 3, 4, 1), (b, 1, 1, 1))", (2, 8, 3)),
}
NOT = {
    "diagonal": "x.as_strided((3,), (7,))",
    "apart": "x.as_strided((a, b - 1, 2), (b * c, c, c))",
    "across": "x.as_strided((a, b - 1, 5), (b * c, c, 1))",
}


class WindowsTest(TracerTest):
    NET = """
        import torch
        class Net(torch.nn.Module):
            def forward(self, x):
                a, b, c = x.shape
                return {made}
        def make():
            return Net(), {{"x": torch.randn({shape})}}
    """

    def traced_way(self, name, made, shape):
        return self.python_class(name, self.NET.format(made=made, shape=shape))

    def test_windows(self):
        for name, (made, shape) in WAYS.items():
            with self.subTest(name):
                traced = self.traced_way(name, made, shape)
                self.assertNotIn("aten.as_strided.default", traced.program.operations())
                self.assert_agrees(traced)

    def test_what_is_no_window_of_an_axis(self):
        for name, made in NOT.items():
            with self.subTest(name):
                traced = self.traced_way(name, made, (4, 6, 5))
                self.assertIn("aten.as_strided.default", traced.program.operations())

    def test_a_size_that_is_divided_is_a_size(self):
        traced = self.traced_way("divided", "x[:, : torch.div(b, 2, rounding_mode='trunc')] * 2", (3, 9, 5))
        self.assertEqual(traced.program["frozen"], [])
        self.assert_agrees(traced)

    def test_padding_that_is_cut_off(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def forward(self, ids):
                    more = (4 - ids.shape[1] % 4) % 4
                    if more > 0:
                        ids = torch.nn.functional.pad(ids, (0, more))
                    made = ids.unflatten(1, (-1, 4)).cumsum(1).flatten(1)
                    return made[:, :-more] if more > 0 else made
            def make():
                return Net(), {"ids": torch.randint(0, 9, (2, 11))}
        """
        traced = self.python_class("padded", net)
        self.assertEqual(traced.program["frozen"], [])
        self.assert_agrees(traced)
        ids = torch.arange(16).view(2, 8)
        made = ids.unflatten(1, (-1, 4)).cumsum(1).flatten(1)
        self.assertTrue(torch.equal(traced.program.run({"ids": ids})["output.output"], made))


if __name__ == "__main__":
    unittest.main()

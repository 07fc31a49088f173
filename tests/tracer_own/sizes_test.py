#!/usr/bin/env python3
"""Tests of which sizes of a traced model are free."""

import unittest

from traced_models import TracerTest, mamba


class SizesTest(TracerTest):
    def test_what_is_specialised_is_reported_and_not_varied(self):
        traced = self.traced(mamba)
        lengths = {one["input"]: (one["axis"], one["size"]) for one in traced.program["frozen"]}
        self.assertEqual(set(lengths.values()), {(1, 11)})
        self.assertEqual(traced.program["inputs"][0]["shape"][1], 11)
        self.assertEqual({cell["name"] for cell in traced.cells}, {"sizes:1x11", "sizes:3x11"})
        self.assert_agrees(traced)

    def test_a_size_at_which_the_graph_would_be_wrong_is_not_free(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def forward(self, image):
                    if image.shape[2] % 4 == 0:
                        return image.mean((2, 3))
                    return image.amax((2, 3))
            def make():
                return Net(), {"image": torch.randn(2, 3, HEIGHT, 10)}
        """
        for height in (8, 16):  # of which the half and the double can be divided, too
            with self.subTest(height):
                traced = self.python_class(f"branching_{height}", net.replace("HEIGHT", str(height)))
                frozen = {(one["input"], one["axis"], one["size"]) for one in traced.program["frozen"]}
                self.assertEqual(frozen, {("image", 2, height)})
                self.assert_agrees(traced)

    def test_axes_that_are_alike_are_fixed_together_and_the_batch_is_not(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def forward(self, image, mask):
                    made = image * torch.nn.functional.interpolate(mask[:, None], size=image.shape[2:])
                    rows = image.shape[0] * image.shape[2]
                    return made.mean((2, 3)) if rows % (4 * image.shape[0]) == 0 else made.amax((2, 3))
            def make():
                return Net(), {"image": torch.randn(2, 3, 8, 10), "mask": torch.rand(2, 8, 10)}
        """
        traced = self.python_class("alike", net)
        frozen = {(one["input"], one["axis"], one["size"]) for one in traced.program["frozen"]}
        self.assertEqual(frozen, {("image", 2, 8), ("mask", 1, 8)})
        self.assert_agrees(traced)

    def test_what_is_assumed_of_a_size_and_holds_for_others_fixes_none(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.scale = torch.nn.Parameter(torch.randn(6))
                def forward(self, x):
                    spectrum = torch.fft.rfft(x).abs()
                    out = torch.zeros_like(spectrum)
                    out[..., :6] = spectrum[..., :6] * self.scale
                    return out
            def make():
                return Net(), {"x": torch.randn(2, 32)}
        """
        traced = self.python_class("assuming", net)
        self.assertEqual(traced.program["frozen"], [])
        self.assert_agrees(traced)

    def test_another_batch_where_lengths_depend_on_each_other(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def forward(self, ids, pairs):
                    return ids.unsqueeze(1) * 0.5 + pairs.view(ids.shape[0], 6, 7)
            def make():
                return Net(), {"ids": torch.arange(14).view(2, 7), "pairs": torch.arange(84).view(2, 42)}
        """
        traced = self.python_class("lengths", net)
        self.assertEqual({cell["name"] for cell in traced.cells}, {"sizes:1x7+1x42", "sizes:3x7+3x42"})
        self.assert_agrees(traced)

    def test_an_input_that_leads_the_way_is_held(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def forward(self, patches, grids):
                    parts = patches.split(grids.prod(-1).tolist())
                    sides = zip(parts, grids.tolist())
                    made = [part.sum(0) if rows > columns else part.mean(0) for part, (rows, columns) in sides]
                    return {"made": torch.stack(made) * grids.sum()}
            def make():
                return Net(), {"patches": torch.randn(10, 3), "grids": torch.tensor([[2, 2], [3, 2]])}
        """
        traced = self.python_class("guided", net)
        self.assertEqual(traced.program["held"], [{"input": "grids", "value": [[2, 2], [3, 2]]}])
        self.assertEqual([one["name"] for one in traced.program["inputs"]], ["patches"])
        self.assertEqual([one["size"] for one in traced.program["frozen"]], [10])
        self.assertNotIn("input.grids", traced.tensors)
        self.assert_agrees(traced)

    def test_what_is_computed_of_a_held_input_leads_too(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def forward(self, patches, grids):
                    places = torch.cat([torch.arange(rows * columns) // columns for rows, columns in grids.tolist()])
                    rows, counts = torch.unique_consecutive(places, return_counts=True)
                    made = torch.stack([part.sum(0) for part in patches.split(counts.tolist())])
                    return {"made": made[rows > 0], "counted": made * counts.unsqueeze(-1)}
            def make():
                return Net(), {"patches": torch.randn(10, 3), "grids": torch.tensor([[2, 2], [3, 2]])}
        """
        traced = self.python_class("guided_far", net)
        self.assertEqual([one["name"] for one in traced.program["inputs"]], ["patches"])
        self.assertNotIn("unique", traced.program.text)
        self.assert_agrees(traced)

    def test_a_size_that_is_computed_with_a_buffer_is_not_free(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.register_buffer("stride", torch.tensor(4), persistent=False)
                def forward(self, sound):
                    more = torch.ceil(sound.shape[1] / self.stride).to(torch.int64) * self.stride - sound.shape[1]
                    return torch.nn.functional.pad(sound, (0, more)).unflatten(1, (-1, 4)) if more > 0 else sound
            def make():
                return Net(), {"sound": torch.randn(2, 11)}
        """
        traced = self.python_class("strided", net)
        self.assertEqual([(one["axis"], one["size"]) for one in traced.program["frozen"]], [(1, 11)])
        self.assert_agrees(traced)


if __name__ == "__main__":
    unittest.main()

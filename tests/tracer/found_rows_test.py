#!/usr/bin/env python3
"""Tests of tracing models that ask what their inputs hold: loops over experts, and masks that may hide nothing."""

import unittest
from unittest import mock

from traced_models import IS_5, TracerTest, mixtral, torch  # first of all, as it finds the recorder

from reference import found_rows  # isort: skip

OF_TRANSFORMERS = mock.patch.object(found_rows, "KNOWN", ("",))


class FoundRowsTest(TracerTest):
    NET = """
        import torch
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.experts = torch.nn.ModuleList(torch.nn.Linear(4, 4) for _ in range(5))
            def forward(self, x):
                chosen = x.argmax(-1)
                out = torch.zeros_like(x)
                {loop}:
                    (rows,) = torch.where(chosen == expert)
                    {skip}
                    out.index_add_(0, rows, self.experts.get_submodule(f"{{expert}}")(x[rows]))
                return out + 1
        def make():
            return Net(), {{"x": torch.randn(7, 4)}}
    """
    ALL = "for expert in range(4)"
    HIT = "for expert in torch.nn.functional.one_hot(chosen, 5).sum(0).nonzero()"

    def test_loops_over_experts(self):
        loops = {
            "skipping": (self.ALL, "if rows.shape[0] == 0: continue"),
            "counting": (self.ALL, "if not rows.numel() > 0: continue"),
            "hitting": (self.HIT + ".flatten()", "pass"),
            "listing": (self.HIT + ".flatten().tolist()", "pass"),
            "in_rows": (self.HIT, "expert = expert[0]"),
        }
        for name, (loop, skip) in loops.items():
            with self.subTest(name):
                traced = self.python_class(name, self.NET.format(loop=loop, skip=skip))
                self.assertEqual(traced.program["frozen"], [])
                self.assert_agrees(traced)

    def test_an_expert_that_there_is_not(self):
        loop = "for expert in torch.nn.functional.one_hot(chosen, 6).sum(0).nonzero().flatten()"
        self.assert_agrees(self.python_class("spare", self.NET.format(loop=loop, skip="pass")))

    def test_places_in_a_table(self):
        net = """
            import torch
            class Net(torch.nn.Module):
                def forward(self, x):
                    places = torch.nonzero(x > 0)
                    found = x[tuple(places.t())]
                    return x + found.sum() if found.numel() else x
            def make():
                return Net(), {"x": torch.randn(5, 4)}
        """
        self.assert_agrees(self.python_class("places", net))

    HIDING = """
        import torch
        class Net(torch.nn.Module):
            def forward(self, x, mask):
                return x if {question} else x * mask[:, :, None]
        def make():
            mask = torch.ones(2, 7, dtype=torch.int64)
            mask[0, 5:] = 0
            return Net(), {{"x": torch.randn(2, 7, 4), "mask": mask}}
    """

    @OF_TRANSFORMERS
    def test_a_mask_that_hides_nothing(self):
        for name, question in (("hiding_all", "torch.all(mask == 1)"), ("hiding_any", "not torch.any(mask == 0)")):
            with self.subTest(name):
                traced = self.python_class(name, self.HIDING.format(question=question))
                self.assert_agrees(traced)
                ones = torch.ones(3, 5, dtype=torch.int64)
                x = torch.randn(3, 5, 4)
                self.assertTrue(torch.equal(traced.program.run({"x": x, "mask": ones})["output.output"], x))

    PLACING = """
        import torch
        class Net(torch.nn.Module):
            def forward(self, ids, images):
                places = (ids == 9).unsqueeze(-1).expand(-1, -1, 4)
                x = ids.unsqueeze(-1).expand(-1, -1, 4) * 0.5
                if {question}:
                    raise ValueError("as many tokens as images are wanted")
                return x.masked_scatter(places, images)
        def make():
            ids = torch.arange(14).view(2, 7)
            ids[0, 3:5] = 9
            return Net(), {{"ids": ids, "images": torch.randn(3, 4)}}
    """

    def test_truths_of_other_models_are_not_found(self):
        for name, question in (("asking_all", "torch.all(mask == 1)"), ("asking_any", "not torch.any(mask == 0)")):
            with self.subTest(name):
                traced = self.python_class(name, self.HIDING.format(question=question))
                self.assertEqual([f"{question} else" in check["message"] for check in traced.program["checks"]], [True])

    @OF_TRANSFORMERS
    def test_as_many_tokens_as_images(self):
        questions = {"counted": "x[places].numel() != images.numel()", "summed": "(ids == 9).sum() != images.shape[0]"}
        for name, question in questions.items():
            with self.subTest(name):
                self.assert_agrees(self.python_class(name, self.PLACING.format(question=question)))

    if not IS_5:

        def test_a_loop_over_the_experts_that_are_hit(self):
            traced = self.record(self.save(mixtral))
            self.assertEqual(traced.program["frozen"], [])
            self.assert_agrees(traced)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""Operations that the reader of a program does not know are taken apart, and others are left whole."""

import subprocess
import sys
import unittest
from pathlib import Path

from traced_models import TracerTest

RECORDER = Path(__file__).resolve().parents[2] / "tools" / "record_reference.py"

NET = """
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)

        def forward(self, x):
            a, b = self.first(x), self.second(x)
            return {"apart": torch.nn.functional.cosine_similarity(a, b, dim=-1),
                    "back": torch.special.logit(torch.special.expit(a), 1e-5).absolute(),
                    "joined": torch.vstack([a[0], b[0]])}

    def make():
        torch.manual_seed(0)
        return Net(), {"x": torch.randn(2, 3, 4)}
"""
COMPOSED = {f"aten.{name}.default" for name in ("cosine_similarity", "special_logit", "special_expit", "absolute", "vstack")}
KNOWN = """linear.default sigmoid.default abs.default linalg_vector_norm.default mul.Tensor clone.default cat.default
scalar_tensor.default div.Tensor select.int logit.default clamp_min.Tensor sum.dim_IntList""".split()


class TakenApartTest(TracerTest):
    def operations_of(self, name, known):
        traced = self.python_class(name, NET, operations=known)
        self.assertEqual(traced.program["frozen"], [])
        return traced, set(traced.program.operations())

    def test_what_is_unknown_is_made_of_what_is_known(self):
        known = tuple(f"aten.{name}" for name in KNOWN)
        traced, operations = self.operations_of("taken_apart", known)
        self.assertLessEqual({one for one in operations if one.startswith("aten.")}, set(known))
        self.assertIn("aten.linear.default", operations)  # which could be taken apart, too
        self.assert_agrees(traced)

    def test_without_names_all_are_whole(self):
        self.assertLessEqual(COMPOSED, self.operations_of("left_whole", ())[1])

    def test_what_cannot_be_taken_apart_stays(self):
        net = NET.replace("torch.vstack([a[0], b[0]])", "torch.erfinv(a)")
        traced = self.python_class("stays_unknown", net, operations=("aten.linear.default",))
        self.assertIn("aten.erfinv.default", traced.program.operations())

    def test_a_file_that_is_no_list_of_names_is_refused(self):
        for text in ("{", "{}", "[1]"):
            with self.subTest(text):
                file = self.folder / "operations.json"
                file.write_text(text, encoding="utf-8")
                words = ["--python-class", "a:b", "--program-only", "--program", self.folder / "p", "--operations", file]
                done = subprocess.run(
                    [sys.executable, RECORDER, *words], capture_output=True, text=True, check=False
                )
                self.assertEqual(done.returncode, 3)
                self.assertIn("is no JSON list of names of operations", done.stderr)


if __name__ == "__main__":
    unittest.main()

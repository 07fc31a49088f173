#!/usr/bin/env python3
"""`--python-class`: a module that is no model of Transformers, converted, compared again, and refused.

    tests/python_class_test.py PROGRAM
"""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

PROGRAM = str(Path(sys.argv.pop(1)).resolve())
PYTHON = os.environ.get("CROSSLOAD_PYTHON", str(Path(__file__).resolve().parent.parent / ".venv" / "bin" / "python"))

# Every kind of parameter: one that is tied, kernels that TensorFlow keeps otherwise, a buffer that is saved and one that is not.
NET = """
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.project = torch.nn.Embedding(13, 6), torch.nn.Linear(6, 13, bias=False)
            self.project.weight = self.table.weight
            self.line, self.plane = torch.nn.Conv1d(6, 6, 3, padding=1), torch.nn.Conv2d(1, 2, 3, padding=1)
            self.square = torch.nn.Linear(6, 6)
            self.register_buffer("offset", torch.arange(6.0))
            self.register_buffer("scale", torch.full((6,), 0.5), persistent=False)

        def forward(self, ids, weights):
            x = self.line(self.table(ids).transpose(1, 2)).transpose(1, 2) + self.offset * self.scale
            x = x + self.plane(x[:, None]).sum(1)
            return {"made": self.project(self.square(x)) * weights[:, :, None]}

    def make():
        torch.manual_seed(SEED)
        return Net(), {"ids": torch.randint(0, 13, (2, 7)), "weights": torch.randn(2, 1)}

    def alone():
        return Net()
"""


class PythonClassTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        cls.write("net", seed=0)
        cls.first = cls.run_program("pt-to-tf", "--python-class", "net:make")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def write(cls, name, seed):
        (cls.folder / f"{name}.py").write_text(textwrap.dedent(NET).replace("SEED", str(seed)), encoding="utf-8")

    @classmethod
    def run_program(cls, *words):
        environment = {**os.environ, "CROSSLOAD_PYTHON": PYTHON}
        return subprocess.run([PROGRAM, *words], cwd=cls.folder, capture_output=True, text=True, env=environment)

    def refused(self, code, *said, words):
        done = self.run_program(*words)
        self.assertEqual(done.returncode, code, done.stderr)
        for one in said:
            self.assertIn(one, done.stderr)

    def assert_agrees(self, name, text):
        """Of a module that is converted."""
        (self.folder / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        done = self.run_program("pt-to-tf", "--python-class", f"{name}:make", "--output", f"{name}-tf")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_it_becomes_a_saved_model_that_agrees(self):
        self.assertEqual(self.first.returncode, 0, self.first.stderr)
        self.assertTrue((self.folder / "make-tf" / "saved_model" / "saved_model.pb").is_file())
        certificate = json.loads((self.folder / "make-tf" / "crossload.json").read_text(encoding="utf-8"))
        self.assertEqual(certificate["model"], "net:make")
        self.assertEqual({stage["path"] for stage in certificate["stages"]}, {"table", "project", "line", "plane", "square"})

    def test_what_was_written_is_compared_again(self):
        done = self.run_program("compare", "make-tf", "--python-class", "net:make")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_another_module_disagrees_by_its_weights(self):
        self.write("other", seed=1)
        done = self.run_program("compare", "make-tf", "--python-class", "other:make")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("binding: square/weight (PyTorch's square.weight): 36 of 36 elements differ", done.stdout)

    def test_an_option_that_is_not_supported_is_no_disagreement(self):
        text = """
            import torch

            class Net(torch.nn.Module):
                def forward(self, x):
                    places = torch.tensor([0, 1, 0, 1])
                    return {"made": torch.ones(2, 2).scatter_reduce(1, places.expand(2, 4), x, "prod")}

            def make():
                return Net(), {"x": torch.randn(2, 4)}
        """
        (self.folder / "reduced.py").write_text(textwrap.dedent(text), encoding="utf-8")
        said = ("aten.scatter_reduce.two", "reduce prod is not supported")
        self.refused(4, *said, words=("pt-to-tf", "--python-class", "reduced:make", "--output", "reduced"))

    def test_a_list_of_more_than_ten_sizes_keeps_its_order(self):
        text = """
            import torch

            class Net(torch.nn.Module):
                def forward(self, x):
                    return {"hidden_states": [x[:, :size] for size in range(1, 13)], "made": x * 2}

            def make():
                return Net(), {"x": torch.randn(2, 12)}
        """
        self.assert_agrees("sizes", text)

    def test_a_list_may_have_gaps(self):
        text = """
            import torch

            class Net(torch.nn.Module):
                def forward(self, x):
                    return {"hidden_states": (None, x + 1, None, x * 3), "made": x * 2}

            def make():
                return Net(), {"x": torch.randn(2, 12)}
        """
        self.assert_agrees("gaps", text)

    def test_what_is_composed_is_taken_apart(self):
        text = """
            import torch

            class Net(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.first, self.second = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)

                def forward(self, x):
                    a, b = self.first(x), self.second(x)
                    near = torch.nn.functional.cosine_similarity(a, b, dim=-1)
                    back = torch.special.logit(torch.special.expit(a), 1e-5).absolute()
                    solved = torch.linalg.solve(torch.matmul(a.mT, a) + 4 * torch.eye(4), b.mT)
                    return {"near": near, "back": back, "solved": solved, "traces": solved.diagonal(dim1=1, dim2=2)}

            def make():
                torch.manual_seed(0)
                return Net(), {"x": torch.randn(2, 3, 4)}
        """
        self.assert_agrees("composed", text)

    def test_whatever_names_there_are(self):
        """Inputs called like parameters and like the short names of variables; names that are one in TensorFlow."""
        text = """
            import torch

            class Net(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    line = lambda: torch.nn.Linear(4, 4)
                    self.scale, self.input = torch.nn.Parameter(torch.randn(4)), torch.nn.Module()
                    self.input.x = torch.nn.Parameter(torch.randn(4))
                    self.a, self.b, self._b = torch.nn.ModuleList(line() for _ in range(14)), line(), line()
                    self.named = torch.nn.ModuleDict({"α": line(), "β": line(), "a b": line(), "ab": line()})
                    self.register_parameter("β", torch.nn.Parameter(torch.randn(4)))

                def forward(self, x, scale, a):
                    for layer in [*self.a, *self.named.values(), self.b, self._b]:
                        x = layer(x).tanh()
                    return x * self.scale + scale * a + self.input.x + self.get_parameter("β")

            def make():
                torch.manual_seed(0)
                return Net(), {"x": torch.randn(2, 4), "scale": torch.randn(2, 4), "a": torch.randn(2, 4)}
        """
        self.assert_agrees("named", text)

    def test_complex_numbers_are_pairs(self):
        text = """
            import torch

            class Layer(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.weight = torch.nn.Parameter(torch.randn(4, 4, 6, dtype=torch.cfloat))
                    self.register_buffer("offset", torch.randn(6, dtype=torch.cfloat))

                def forward(self, spectrum):
                    return torch.einsum("bim,iom->bom", spectrum * (2 - 1j), self.weight.conj()) + self.offset

            class Net(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.layer = Layer()

                def forward(self, x):
                    spectrum = torch.fft.rfft(x, norm="ortho")
                    out = torch.zeros_like(spectrum)
                    out[..., :6] = self.layer(spectrum[..., :6])
                    made = torch.fft.irfft(out, n=x.shape[2], norm="ortho")
                    return {"spectrum": out, "made": made, "distances": torch.cdist(made.mT, made.mT + 3)}

            def make():
                torch.manual_seed(0)
                return Net(), {"x": torch.randn(2, 4, 32)}
        """
        self.assert_agrees("spectral", text)
        certificate = json.loads((self.folder / "spectral-tf" / "crossload.json").read_text(encoding="utf-8"))
        self.assertEqual([stage["path"] for stage in certificate["stages"]], ["layer"])
        self.assertEqual(self.program_of("spectral")["frozen"], [])

    def program_of(self, name):
        """The JSON of what was traced."""
        with open(self.folder / f"{name}-tf" / "program.safetensors", "rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        return json.loads(header["__metadata__"]["program"])

    def test_results_of_any_kind(self):
        text = """
            import collections
            import dataclasses
            import torch

            Pair = collections.namedtuple("Pair", "first second")

            @dataclasses.dataclass
            class Found:
                states: torch.Tensor
                scores: torch.Tensor = None

            class Part(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.line = torch.nn.Linear(4, 4)

                def forward(self, x):
                    return Found(self.line(x))

            class Net(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.part = Part()

                def forward(self, x):
                    found = self.part(x)
                    return Pair(found.states * 2, found)

            def make():
                return Net(), {"x": torch.randn(2, 4)}
        """
        self.assert_agrees("results", text)
        self.assertEqual([one["name"] for one in self.program_of("results")["outputs"]], ["first", "second.states"])

    def test_what_inputs_are_not(self):
        text = """
            import torch

            def make(value, key="x"):
                return torch.nn.Linear(4, 4), {key: value}

            of_list, of_number = lambda: make([torch.ones(4)]), lambda: make(3.0)
            of_complex, of_greek = lambda: make(torch.ones(4, dtype=torch.cfloat)), lambda: make(torch.ones(4), "α")
        """
        (self.folder / "inputs.py").write_text(textwrap.dedent(text), encoding="utf-8")
        said = {"of_list": "of type list", "of_number": "of type float", "of_complex": "complex numbers", "of_greek": "ASCII"}
        for function, words in said.items():
            self.refused(3, words, words=("pt-to-tf", "--python-class", f"inputs:{function}"))

    def test_what_makes_no_sense_is_refused(self):
        convert = ("pt-to-tf", "--python-class")
        self.refused(2, "net: is not package.module:function", words=(*convert, "net"))
        self.refused(3, "No module named 'nothing'", "current folder", words=(*convert, "nothing:make"))
        self.refused(3, "returns no (torch.nn.Module, {name: tensor})", words=(*convert, "net:alone"))
        self.refused(2, "--python-class", "--model-name", words=(*convert, "net:make", "--model-name", "my-bert"))
        self.refused(2, "--via class", words=(*convert, "net:make", "--via", "class"))
        self.refused(2, "--override-model-class", words=(*convert, "net:make", "--override-model-class", "BertModel"))
        self.refused(2, "--model-name", "--python-class", words=("pt-to-tf",))


if __name__ == "__main__":
    unittest.main()

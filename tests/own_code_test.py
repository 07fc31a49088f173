#!/usr/bin/env python3
"""`--trust-remote-code`: a checkpoint that brings its own code along is converted where that is trusted, and nowhere else.

    tests/own_code_test.py PROGRAM
"""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

import torch
from safetensors.torch import save_file

PROGRAM = str(Path(sys.argv.pop(1)).resolve())
PYTHON = os.environ.get("CROSSLOAD_PYTHON", str(Path(__file__).resolve().parent.parent / ".venv" / "bin" / "python"))
READ_IT = "read it, and give --trust-remote-code"

# As people's repositories have it: a configuration, layers and two classes, in files that import each other. That the code
# was run can be seen.
CODE = {
    "configuration_own.py": """
        from transformers import PretrainedConfig

        class OwnConfig(PretrainedConfig):
            model_type = "of_our_own"

            def __init__(self, size=8, **others):
                self.size = size
                super().__init__(**others)
    """,
    "layers_own.py": """
        import pathlib, torch

        pathlib.Path("seen").touch()

        class Layer(torch.nn.Module):
            def __init__(self, size):
                super().__init__()
                self.inner, self.norm = torch.nn.Linear(size, size), torch.nn.LayerNorm(size)

            def forward(self, x):
                return self.norm(x + torch.nn.functional.silu(self.inner(x)))
    """,
    "modeling_own.py": """
        import torch
        from transformers import PreTrainedModel
        from transformers.modeling_outputs import BaseModelOutput

        from .configuration_own import OwnConfig
        from .layers_own import Layer

        class OwnModel(PreTrainedModel):
            config_class, base_model_prefix = OwnConfig, "own"

            def __init__(self, config):
                super().__init__(config)
                self.table, self.layer = torch.nn.Embedding(20, config.size), Layer(config.size)
                self.post_init()

            def forward(self, input_ids, attention_mask=None):
                made = self.layer(self.table(input_ids))
                return BaseModelOutput(made if attention_mask is None else made * attention_mask[:, :, None])

        class BertModel(OwnModel):
            \"\"\"Called as one of Transformers.\"\"\"

        class OtherModel(OwnModel):
            \"\"\"Not in the map.\"\"\"
    """,
}
CONFIG = {"model_type": "of_our_own", "architectures": ["OwnModel"], "size": 8}
MAP = {"AutoConfig": "configuration_own.OwnConfig", "AutoModel": "modeling_own.OwnModel"}


class OwnCodeTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.seen = self.folder / "seen"

    def checkpoint(self, name="own", **fields):
        """A folder with random weights, code, and a configuration with these fields."""
        folder = self.folder / name
        folder.mkdir()
        for file, text in CODE.items():
            (folder / file).write_text(textwrap.dedent(text), encoding="utf-8")
        (folder / "config.json").write_text(json.dumps({**CONFIG, "auto_map": MAP, **fields}), encoding="utf-8")
        torch.manual_seed(0)
        shapes = {"table.weight": (20, 8), "layer.inner.weight": (8, 8)}
        shapes.update(dict.fromkeys(("layer.inner.bias", "layer.norm.weight", "layer.norm.bias"), (8,)))
        save_file({key: torch.randn(shape) for key, shape in shapes.items()}, folder / "model.safetensors", {"format": "pt"})

    def run_program(self, *words):
        environment = {**os.environ, "CROSSLOAD_PYTHON": PYTHON}
        return subprocess.run([PROGRAM, *words], cwd=self.folder, capture_output=True, text=True, env=environment)

    def convert(self, *words, name="own"):
        return self.run_program("pt-to-tf", "--model-name", name, "--output", "tf", "--formats", "saved_model", *words)

    def assert_agrees(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("AGREES", done.stdout)

    def assert_refused(self, done, *said, code):
        self.assertEqual(done.returncode, code, done.stderr)
        for one in said:
            self.assertIn(one, done.stderr)
        self.assertFalse((self.folder / "tf").exists())

    def test_it_is_converted_where_it_is_trusted(self):
        self.checkpoint()
        self.assert_agrees(self.convert("--trust-remote-code"))
        certificate = json.loads((self.folder / "tf" / "crossload.json").read_text(encoding="utf-8"))
        self.assertIn(f"PyTorch ran code of the checkpoint's own: {', '.join(CODE)}", certificate["notes"])
        self.assertEqual({stage["path"] for stage in certificate["stages"]}, {"table", "layer.inner", "layer.norm", "layer"})
        again = ("verify-certificate", "tf", "--checkpoint", "own", "--replay")
        self.assert_refused_again(again)
        done = self.run_program(*again, "--trust-remote-code")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("checkpoint's modeling_own.py", done.stdout)
        self.assert_agrees(self.run_program("compare", "tf", "--model-name", "own", "--trust-remote-code"))
        self.assert_code_that_changed_is_seen(again)

    def assert_refused_again(self, words):
        self.seen.unlink()
        done = self.run_program(*words)
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertIn(READ_IT, done.stderr)
        self.assertFalse(self.seen.exists(), "code that is not trusted was run")

    def assert_code_that_changed_is_seen(self, words):
        with open(self.folder / "own" / "layers_own.py", "a", encoding="utf-8") as file:
            file.write("# changed\n")
        done = self.run_program(*words, "--trust-remote-code")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertRegex(done.stdout, "DIFFERS +checkpoint's layers_own.py")

    def test_it_is_not_run_unasked(self):
        self.checkpoint()
        whose = "OwnModel is code of the checkpoint's own (modeling_own.OwnModel)"
        self.assert_refused(self.convert(), whose, READ_IT, code=4)
        self.assert_refused(self.convert("--override-model-class", "AutoModel"), READ_IT, code=4)
        self.assertFalse(self.seen.exists(), "code that is not trusted was run")

    def test_a_class_of_transformers_is_taken_unless_the_code_is_trusted(self):
        fields = dict(architectures=["BertModel"], auto_map={**MAP, "AutoModel": "modeling_own.BertModel"})
        self.checkpoint(**fields, model_type="bert", hidden_size=8, num_attention_heads=1)
        self.assert_refused(self.convert(), "embeddings.word_embeddings.weight", code=3)  # which these weights lack
        self.assertFalse(self.seen.exists(), "code that is not trusted was run")
        self.assert_agrees(self.convert("--trust-remote-code"))
        self.assertTrue(self.seen.exists())

    def test_a_class_that_is_not_in_the_map_is_what_the_automatic_one_is_or_is_in_its_file(self):
        self.checkpoint(architectures=["OwnClassOfThePast"])
        done = self.convert("--trust-remote-code", "--override-model-class", "NoModel")
        self.assert_refused(done, "NoModel: transformers", code=4)
        self.assert_agrees(self.convert("--trust-remote-code"))
        self.assertEqual(self.certified_class(), "OwnModel")
        self.assert_agrees(self.convert("--trust-remote-code", "--override-model-class", "OtherModel", "--new-weights"))
        self.assertEqual(self.certified_class(), "OtherModel")

    def certified_class(self):
        return json.loads((self.folder / "tf" / "crossload.json").read_text(encoding="utf-8"))["class"]

    def test_what_cannot_be_loaded_is_said(self):
        self.checkpoint("broken", auto_map={**MAP, "AutoModel": "modeling_gone.OwnModel"})
        done = self.convert("--trust-remote-code", name="broken")
        why = "may need another version of Transformers"
        self.assert_refused(done, "modeling_gone.OwnModel cannot be loaded", why, code=3)
        self.checkpoint("elsewhere", auto_map={**MAP, "AutoModel": "foo/bar--modeling_own.OwnModel"})
        done = self.convert("--trust-remote-code", name="elsewhere")
        self.assert_refused(done, "its code is in foo/bar: fetch that with `hf download foo/bar`", code=3)
        self.assert_refused(done, "or copy the files here, and take foo/bar-- out of auto_map", code=3)


if __name__ == "__main__":
    unittest.main()

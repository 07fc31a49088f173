"""What tests of tools/reference/ share: its libraries, loaded quietly and off the network, and tiny models of random weights."""

import atexit
import contextlib
import io
import os
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE / "tools"))
sys.dont_write_bytecode = True
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", USE_TORCH="1", USE_TF="0", USE_FLAX="0")

from reference import libraries, messages  # noqa: E402

messages.Terminal.out = io.StringIO()
libraries.load(threads=1)

import torch  # noqa: E402
from reference.messages import Failure  # noqa: E402

SPECIAL = dict(pad_token_id=1, bos_token_id=2, eos_token_id=3)
FOLDER = tempfile.TemporaryDirectory()
atexit.register(FOLDER.cleanup)


def with_random_weights(make):
    torch.manual_seed(0)
    model = make().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape))
    return model


class TinyModelsTest(unittest.TestCase):
    refusal = messages.BAD_INPUT  # the exit code

    @property
    def folder(self):
        return Path(FOLDER.name)

    @contextlib.contextmanager
    def refused(self, *words, code=None):
        with self.assertRaises(Failure) as caught:
            yield
        for word in words:
            self.assertIn(word, str(caught.exception))
        self.assertEqual(caught.exception.code, self.refusal if code is None else code)

"""For tests that run TensorFlow's Python, and start programs whose Python is forked from this process. Importing this before
all else finds the recorder, and imports PyTorch quietly."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from reference import libraries, messages  # noqa: E402

libraries.silence()
libraries.load(threads=1)

from tiny.fork_server import forked_python, run_tool  # noqa: E402


def run(case):
    """Runs the tests of a class, whose `python` is the forked one, and ends the process."""
    with forked_python(run_tool) as case.python:
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(case)
        result = unittest.TextTestRunner(stream=messages.Terminal.err, verbosity=2).run(suite)
    sys.exit(not result.wasSuccessful())

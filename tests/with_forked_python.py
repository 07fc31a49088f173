#!/usr/bin/env python3
"""Runs a test whose programs start Python again and again, with one that has imported PyTorch and TensorFlow already.

    tests/with_forked_python.py COMMAND...
"""

import os
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
OF_THE_COMMAND = dict(os.environ)
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", USE_TF="0", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")

from reference import libraries, messages  # noqa: E402
from tiny.fork_server import forked_python, run_tool  # noqa: E402

if __name__ == "__main__":
    with messages.without_progress():
        libraries.load(threads=1)
    import tensorflow  # noqa: F401

    with forked_python(run_tool) as python:
        done = subprocess.run(sys.argv[1:], env={**OF_THE_COMMAND, "CROSSLOAD_PYTHON": str(python)})
    sys.exit(done.returncode)

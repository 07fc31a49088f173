"""Importing torch, transformers and safetensors: quiet, off the network, reproducible.

The other modules that import them at their top are imported after this ran, so that mistakes which need no torch are
reported at once.
"""

import gc
import importlib
import os
import platform
import sys
import warnings

from reference.messages import ENVIRONMENT, Terminal, failing, progress


def silence():
    """Leaves the terminal to this program, also against C++ libraries, and keeps everything off the network."""
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
    os.environ.update(USE_TORCH="1", USE_TF="0", USE_FLAX="0", TOKENIZERS_PARALLELISM="false", CUDA_VISIBLE_DEVICES="")
    warnings.simplefilter("ignore")
    Terminal.out, Terminal.err = (os.fdopen(os.dup(number), "w") for number in (1, 2))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def load(threads):
    torch = import_library("torch")
    import_library("transformers")
    import_library("safetensors.torch")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    if hasattr(torch.backends, "mha") and hasattr(torch.backends.mha, "set_fastpath_enabled"):
        torch.backends.mha.set_fastpath_enabled(False)
    gc.freeze()  # what was imported stays: looking at it again and again takes a fifth of the time of a trace


def import_library(name, alone=None):
    """The module; `alone` says what can be done without it."""
    package = name.partition(".")[0]
    progress(f"importing {package}")
    hint = f"`pip install {package}` there, or run another Python" + (f"; {alone}" if alone else "")
    with failing(ENVIRONMENT, f"{package} cannot be imported by {sys.executable}", hint):
        return importlib.import_module(name)


def versions():
    names = ("torch", "transformers", "safetensors")
    return {"python": platform.python_version(), **{name: importlib.import_module(name).__version__ for name in names}}

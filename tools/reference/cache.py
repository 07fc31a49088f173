"""Which goldens need not be made again, told without importing torch.

A golden keeps in its metadata, as made_from, a digest of all that it follows from: its recipe, the signature, the
sources of the recorder and the versions of the libraries.
"""

import hashlib
import importlib.metadata
import json
import platform
from pathlib import Path

from reference.files import read_header
from reference.messages import ENVIRONMENT, Failure, failing

MADE_FROM = "made_from"
PACKAGES = ("torch", "transformers", "safetensors", "numpy")


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Origin:
    """What all goldens have in common."""

    def __init__(self, threads):
        tools = Path(__file__).resolve().parent.parent
        sources = sorted([tools / "record_reference.py", *tools.glob("reference/*.py")])
        texts = [source.read_text(encoding="utf-8") for source in sources]
        with failing(ENVIRONMENT, "the recorder's libraries are not all installed", "run `make setup`"):
            versions = [platform.python_version(), *map(importlib.metadata.version, PACKAGES)]
        self.common = [texts, versions, threads]

    def key(self, recipe, signature):
        return digest(json.dumps([self.common, recipe, signature], sort_keys=True))


def is_up_to_date(golden, key):
    """Whether the file is there, and was made from the same."""
    if not golden.is_file():
        return False
    try:
        return read_header(golden)[0]["__metadata__"].get(MADE_FROM) == key
    except Failure:
        return False

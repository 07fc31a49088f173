"""What Transformers 5 adds to a model's result: the hidden states and attentions that its own hooks collect.

A model collects them while it runs, its parts collect theirs, and each has its own place for them. While a model is
compiled there is one place for all, so that what a model collected before one of its parts ran is lost. torch.export as
it is used here runs the model's own Python, in which the places of a plain run work as ever.
"""

import contextlib
import importlib.util
from unittest import mock

CAPTURING = "transformers.utils.output_capturing"  # which Transformers 4 has not


@contextlib.contextmanager
def captured_as_in_a_run():
    """While a model is traced, it returns what it returns in a run."""
    if importlib.util.find_spec(CAPTURING) is None:
        yield
        return
    with mock.patch(f"{CAPTURING}.is_torchdynamo_compiling", lambda: False):
        yield

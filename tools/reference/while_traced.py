"""What Transformers 5 does otherwise while a model is compiled, and need not while it is traced: torch.export as it is used
here runs the model's own Python.

A model collects hidden states and attentions while it runs, its parts collect theirs, and each has its own place for them.
While compiled there is one place for all, so that what a model collected before one of its parts ran is lost. And a mask
that hides nothing is made nevertheless, even where none was given and the model has no place for one.
"""

import contextlib
import importlib
from unittest import mock

LEFT_OUT = {
    "transformers.utils.output_capturing": "is_torchdynamo_compiling",
    "transformers.masking_utils": "is_torchdynamo_exporting",
}
"""{module: the question that it is to answer with no}"""


@contextlib.contextmanager
def as_in_a_run():
    """While a model is traced, it does what it does in a run."""
    with contextlib.ExitStack() as stack:
        for name, question in LEFT_OUT.items():
            with contextlib.suppress(ImportError):  # Transformers 4 has not all of them
                module = importlib.import_module(name)
                if hasattr(module, question):
                    stack.enter_context(mock.patch.object(module, question, lambda: False))
        yield

"""LiteRT's interpreters: TensorFlow's, and that of the package ai-edge-litert."""

import contextlib
import importlib.metadata
import os
import sys

from reference.messages import ENVIRONMENT, Failure


class Interpreter:
    def __init__(self, name, version, kind, plain):
        self.name, self.version = name, version
        self._kind, self._plain = kind, plain

    def open(self, model, threads):
        """As an application opens it."""
        return self._kind(model_path=str(model), num_threads=threads)

    def open_inside(self, model, threads):
        """With every tensor kept, by LiteRT's own kernels: a delegate keeps none."""
        return self._kind(
            model_path=str(model),
            num_threads=threads,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=self._plain,
        )


def tensorflow_interpreter():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    import tensorflow as tf

    plain = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    return Interpreter("tf.lite", tf.__version__, tf.lite.Interpreter, plain)


def litert_interpreter():
    from ai_edge_litert.interpreter import Interpreter as Kind
    from ai_edge_litert.interpreter import OpResolverType

    version = importlib.metadata.version("ai-edge-litert")
    return Interpreter("ai_edge_litert", version, Kind, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)


def available():
    """Those that are installed; at least one."""
    found = []
    for make in (litert_interpreter, tensorflow_interpreter):
        with contextlib.suppress(ImportError, AttributeError):  # TensorFlow means to drop its own
            found.append(make())
    if not found:
        what = f"{sys.executable} has no interpreter of LiteRT"
        raise Failure(ENVIRONMENT, f"{what}; install the Python package ai-edge-litert there, or tensorflow-cpu")
    return found

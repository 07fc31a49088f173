"""SavedModel to LiteRT by TensorFlow's converter, with nothing but LiteRT's own operations."""

import os
import re
import sys

from reference.messages import BAD_INPUT, ENVIRONMENT, UNKNOWN_CLASS, Failure, failing, listing, progress, summary

from litert.flatbuffer import LiteRTModel
from litert.rewriting import rewritten

UNSUPPORTED = UNKNOWN_CLASS  # exit code 4
SELECT_OP = re.compile(r"^\s*tf\.(\w+)\(", re.MULTILINE)


def load_tensorflow():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    install = "install the Python package tensorflow-cpu there, or name a Python that has it by --python"
    with failing(ENVIRONMENT, f"{sys.executable} has no TensorFlow, whose converter writes model.tflite", install):
        import tensorflow as tf
    if not hasattr(getattr(tf, "lite", None), "TFLiteConverter"):
        what = f"TensorFlow {tf.__version__} in {sys.executable} has no tf.lite.TFLiteConverter"
        raise Failure(ENVIRONMENT, f"{what}; {install}")
    return tf


def make_converter(tf, saved_model, signatures, weights):
    with failing(BAD_INPUT, f"{saved_model}: TensorFlow cannot load it"):
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=signatures[:1])
    # Named afterwards: from_saved_model takes several for those of a Keras export when there is a method "serve", and
    # then leaves all out but one.
    converter._saved_model_exported_names = list(signatures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if weights != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if weights == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return converter


def converted(tf, converter):
    try:
        return converter.convert()
    except Exception as error:  # ConverterError, or one of MLIR's
        ops = sorted(set(SELECT_OP.findall(str(error))))
        if not ops:
            raise Failure(UNSUPPORTED, f"TensorFlow {tf.__version__}'s converter failed ({summary(error)})") from error
        what = f"LiteRT has no {', '.join(ops)}, which the model needs, and model.tflite is never written with select ops"
        raise Failure(UNSUPPORTED, f"{what}; leave litert out of --formats") from error


def check(model, tf, saved_model):
    """What people take a LiteRT file apart for: select ops, signatures, names, types and sizes that were fixed."""
    foreign = model.foreign_operators()
    if foreign:
        raise Failure(UNSUPPORTED, f"model.tflite: needs operations that LiteRT does not have: {listing(foreign)}")
    loaded = tf.saved_model.load(str(saved_model))
    for name, signature in model.signatures.items():
        function = loaded.signatures[name]
        wanted = {key: spec for key, spec in function.structured_input_signature[1].items()}
        for what, tensors, specs in (("input", signature.inputs, wanted), ("output", signature.outputs, function.structured_outputs)):
            if tensors.keys() != specs.keys():
                found = f"{what}s {listing(tensors)}, the SavedModel's has {listing(specs)}"
                raise Failure(UNSUPPORTED, f"model.tflite: the signature {name} has the {found}")
            for key, tensor in tensors.items():
                sizes = [-1 if size is None else size for size in specs[key].shape]
                fixed = [found for found, size in zip(tensor.shape, sizes) if size == -1 and found != -1]
                if what == "input" and (len(tensor.shape) != len(sizes) or fixed):
                    found = f"has the sizes {tensor.shape}, wanted {sizes}"
                    raise Failure(UNSUPPORTED, f"model.tflite: the {what} {key} of {name} {found}")
                if tensor.dtype != specs[key].dtype.name:
                    found = f"is of {tensor.dtype}, wanted {specs[key].dtype.name}"
                    raise Failure(UNSUPPORTED, f"model.tflite: the {what} {key} of {name} {found}")


def convert(saved_model, signatures, weights, output):
    progress("loading TensorFlow")
    tf = load_tensorflow()
    progress("converting")
    content = converted(tf, make_converter(tf, saved_model, signatures, weights))
    with failing(ENVIRONMENT, f"{output}: cannot be written", "is the disk full?"):
        output.write_bytes(content)
    model = LiteRTModel(content)
    if set(model.signatures) != set(signatures):
        found = f"the converter wrote the signatures {listing(model.signatures)}, wanted {listing(signatures)}"
        raise Failure(UNSUPPORTED, f"model.tflite: {found}")
    check(model, tf, saved_model)
    return {
        "converter": tf.__version__,
        "type": weights,
        "bytes": len(content),
        "signatures": sorted(model.signatures),
        "operators": model.operators(),
        "rewritten": rewritten(model, saved_model),
    }

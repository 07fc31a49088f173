"""What the model is to be called with: the inputs of the TensorFlow model's signature, or of PyTorch's forward.

A signature file is JSON:
  {"serving": [{"name": "input_ids", "dtype": "int32", "shape": [-1, -1]}, ...],   the default inputs, all of them
   "calls": [["input_ids"], ...],                                                  further sets that the model takes
   "inputs": [{"name": ..., "dtype": ..., "shape": ...}, ...]}                     everything that may be passed
"""

import dataclasses
import inspect
import json
from pathlib import Path

from reference.messages import BAD_INPUT, Failure, failing
from reference.models import field_of

MODALITIES = ("input_ids", "pixel_values", "input_features", "input_values")
MASKS = {"input_ids": "attention_mask", "input_values": "attention_mask", "input_features": "attention_mask"}


@dataclasses.dataclass(frozen=True)
class InputSpec:
    name: str
    is_floating: bool
    shape: tuple  # -1: any


@dataclasses.dataclass(frozen=True)
class Signature:
    serving: tuple  # of InputSpec
    calls: tuple = ()  # of tuples of names
    inputs: tuple = ()  # of InputSpec, those of serving too
    is_given: bool = False

    def find(self, name):
        return next((spec for spec in (*self.serving, *self.inputs) if spec.name == name), None)

    def names(self):
        return [spec.name for spec in self.serving]

    def optional(self):
        """Names of inputs that serving lacks."""
        return [spec.name for spec in self.inputs if spec.name not in self.names()]

    def has_choices(self):
        """Whether it is [batch, choices, length], of multiple choice."""
        ids = self.find("input_ids")
        return ids is not None and len(ids.shape) == 3

    def rank(self, name):
        """Of an input; None when it is not fixed. With choices, `inputs` tells the ranks without them."""
        spec = self.find(name)
        is_of_text = name in ("inputs_embeds", "position_ids")
        return len(spec.shape) + (is_of_text and self.has_choices() and name not in self.names()) if spec else None


def read_signature(source):
    """From a file, a JSON text in an object, or None."""
    if source is None:
        return None
    with failing(BAD_INPUT, f"{source if isinstance(source, Path) else 'signature'}: is no signature"):
        document = json.loads(source.read_text(encoding="utf-8")) if isinstance(source, Path) else source
        serving = tuple(map(read_spec, document["serving"]))
        inputs = tuple(map(read_spec, document.get("inputs") or document["serving"]))
        calls = tuple(tuple(str(name) for name in names) for names in document.get("calls", []))
        return Signature(serving, calls, inputs, is_given=True)


def read_spec(entry):
    return InputSpec(entry["name"], entry["dtype"].startswith(("float", "half", "bfloat")), tuple(entry["shape"]))


def signature_of(model, path):
    """By the parameters of PyTorch's forward, for inputs whose making is known."""
    signature = known_signature(model)
    if not signature.serving:
        raise Failure(BAD_INPUT, f"{path}: no inputs are known for {type(model).__name__}; give them with --inputs")
    return signature


def known_signature(model):
    """The same, empty where none are known."""
    accepted = inspect.signature(model.forward).parameters
    rank = 3 if type(model).__name__.endswith("ForMultipleChoice") else 2
    serving, optional = [], []

    def take(name, is_floating, shape, into=serving):
        if name in accepted and all(spec.name != name for spec in into):
            into.append(InputSpec(name, is_floating, tuple(shape)))

    for name in MODALITIES:
        if name not in accepted:
            continue
        take(name, name != "input_ids", [-1] * (rank if name == "input_ids" else default_rank(name, model.config)))
        if name in MASKS and not is_of_fixed_length(name, model.config):
            take(MASKS[name], name == "input_values", [-1] * (rank if name == "input_ids" else 2))
        if name == "input_ids" and field_of(model.config, "type_vocab_size", 0):
            take("token_type_ids", False, [-1] * rank)
    if getattr(model.config, "is_encoder_decoder", False):
        take("decoder_input_ids", False, [-1, -1])
        take("decoder_attention_mask", False, [-1, -1])
        take("decoder_inputs_embeds", True, [-1, -1, -1], optional)
    if "input_ids" in accepted:
        take("position_ids", False, [-1, -1], optional)
        take("inputs_embeds", True, [-1, -1, -1], optional)
    if getattr(model.config, "add_cross_attention", False):
        take("encoder_hidden_states", True, [-1, -1, -1], optional)
        take("encoder_attention_mask", False, [-1, -1], optional)
    return Signature(tuple(serving), (), (*serving, *optional))


def default_rank(name, config):
    if name == "input_values":
        return 3 if is_of_fixed_length(name, config) else 2
    return 4 if name == "pixel_values" else 3


def is_of_fixed_length(name, config):
    """Sounds as spectra of a fixed length: Whisper's input_features, the input_values of spectrogram transformers."""
    if name == "input_features":
        return hasattr(config, "num_mel_bins") and hasattr(config, "max_source_positions")
    return name == "input_values" and hasattr(config, "num_mel_bins") and not hasattr(config, "conv_stride")

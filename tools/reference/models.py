"""The PyTorch model of a checkpoint: its class, its weights, and a proof for weights that may be missing."""

import dataclasses
import difflib
import inspect
import json

import torch
import transformers

from reference import transformers5
from reference.files import WEIGHT, load_tensors, stored_tensors, without_prefix
from reference.messages import BAD_INPUT, UNKNOWN_CLASS, Failure, failing, listing
from reference.own_code import OLDER, notes_of, own_class
from reference.wrapped import unwrapped


@dataclasses.dataclass
class Loaded:
    """A model and what is known of its weights."""

    model: torch.nn.Module
    config: str  # described
    missing: set = dataclasses.field(default_factory=set)  # weights that the file lacks, see require_unused
    notes: list = dataclasses.field(default_factory=list)  # sentences for the user
    unexpected: set = dataclasses.field(default_factory=set)  # tensors of the file that the model does not read
    sizes: object = None  # exported_sizes.Sizes, where it is known which sizes the model takes


def find_class(name):
    found = getattr(transformers, name, None)
    is_model = inspect.isclass(found) and issubclass(found, transformers.PreTrainedModel)
    if not is_model and not (found and name.startswith("AutoModel")):
        models = (known for known in dir(transformers) if "For" in known or "Model" in known)
        names = [known for known in models if not known.startswith(("TF", "Flax"))]
        similar = difflib.get_close_matches(name, names, n=3)
        hint = f"did you mean {' or '.join(similar)}?" if similar else "upgrade it, or choose with --model-class"
        what = f"transformers {transformers.__version__} has no such PyTorch class"
        raise Failure(UNKNOWN_CLASS, f"{name}: {what}; {hint}")
    return found


def field_of(config, name, default=None):
    """A field of the configuration, or of its part for text, images or sounds."""
    parts = ("text_config", "vision_config", "audio_config", "encoder_config", "encoder")
    for part in (config, *(getattr(config, name, None) for name in parts)):
        value = part.get(name) if isinstance(part, dict) else getattr(part, name, None)
        if value is not None:
            return value
    return default


def json_of(config):
    try:
        return config.to_json_string(use_diff=False)
    except TypeError:  # some of Transformers 4 leave torch's types in, as DPT's
        return json.dumps(config.to_dict(), default=plain)


def plain(value):
    """What JSON has no kind for."""
    return value.to_dict() if hasattr(value, "to_dict") else str(value).removeprefix("torch.")


def describe_config(config, class_name):
    fields = json.loads(json_of(config))
    fields["_name_or_path"] = ""  # where the files were is not what they are
    fields["architectures"] = [class_name]
    return json.dumps(fields, sort_keys=True)


def build_model(model_class, config, seed):
    """A model with random weights."""
    torch.manual_seed(seed)
    config._attn_implementation = "eager"
    return model_class(config).float().eval()


def load_model(path, class_name, config_fields, seed, is_trusted=False):
    """The model of a folder or a golden, Loaded; require_unused must see its missing weights before it counts.
    `is_trusted`: code of the checkpoint's own may be run."""
    own = own_class(path, config_fields, class_name, is_trusted)
    model_class = own or find_class(class_name)
    config_class = getattr(model_class, "config_class", None) or transformers.AutoConfig
    transformers5.check_config(config_fields, class_name, path)
    check_type(model_class, config_fields, path)
    with failing(BAD_INPUT, f"{path}: cannot be loaded as {model_class.__name__}", OLDER if own else ""):
        if path.is_dir():
            config = config_class.from_pretrained(str(path), local_files_only=True)
            transformers5.adapt(config)
            model, info = load_folder(path, model_class, config)
        else:
            config = config_class.from_dict(config_fields)
            transformers5.adapt(config)
            model, info = load_golden(path, model_class, config)
        notes = transformers5.mend(model, info["missing_keys"], lambda: stored_tensors(path))
        described = describe_config(config, type(model).__name__)
        notes += notes_of(path, model)
        return Loaded(model, described, missing_weights(model, info, path), notes, set(info["unexpected_keys"]))


def check_type(model_class, config_fields, path):
    """An Auto class takes what Transformers knows."""
    name = config_fields.get("model_type")
    if model_class.__name__.startswith("AutoModel") and name not in transformers.models.auto.CONFIG_MAPPING:
        what = f"transformers {transformers.__version__} has no model_type {name}"
        raise Failure(UNKNOWN_CLASS, f"{path}: {what}; upgrade it, or choose a class with --model-class")


def load_folder(path, model_class, config):
    try:
        model, info = load_weights(model_class, config, str(path))
        state = unwrapped(path) if info["missing_keys"] else None
    except (ValueError, OSError, AttributeError):  # safetensors that do not say that they are PyTorch's
        if (state := unwrapped(path)) is None:
            raise
    source, given = (str(path), {}) if state is None else (None, {"state_dict": state})
    if state is not None:
        model, info = load_weights(model_class, config, source, **given)
    missing, pooler = info["missing_keys"], {name for name in model.state_dict() if name.startswith("pooler.")}
    if missing and missing == pooler and takes(type(model), "add_pooling_layer"):
        model, info = load_weights(model_class, config, source, add_pooling_layer=False, **given)
    return model, info


def takes(model_class, argument):
    return argument in inspect.signature(model_class.__init__).parameters


def load_weights(model_class, config, path, **given):
    """Loads a folder, or the tensors that are given as state_dict, exactly as Transformers does."""
    version = tuple(int(part) for part in transformers.__version__.split(".")[:2])
    model, info = model_class.from_pretrained(
        path,
        config=config,
        local_files_only=True,
        attn_implementation="eager",
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # they are in the loading info, and become an error that names them
        **{"dtype" if version >= (4, 56) else "torch_dtype": torch.float32},
        **transformers5.renaming(model_class),
        **given,
    )
    info["missing_keys"] = set(info["missing_keys"])
    return model.float().eval(), info


def load_golden(path, model_class, config):
    weights = without_prefix(load_tensors(path), WEIGHT)
    model, info = load_weights(model_class, config, None, state_dict=weights)
    if info["unexpected_keys"]:
        names = listing(info["unexpected_keys"])
        raise Failure(BAD_INPUT, f"{path}: {type(model).__name__} has no place for {names}")
    return model, info


def missing_weights(model, info, path):
    """What the model has and the checkpoint lacks; Transformers filled it with random numbers."""
    mismatched = [entry[0] if isinstance(entry, tuple) else str(entry) for entry in info["mismatched_keys"]]
    if mismatched:
        hint = "config.json and weights are of different models, or the class is another (--model-class)"
        what = f"has weights of a wrong shape for {type(model).__name__}: {listing(mismatched)}"
        raise Failure(BAD_INPUT, f"{path}: {what}; {hint}")
    state = model.state_dict()
    empty = [key for key, tensor in state.items() if tensor.is_meta]
    if empty:  # tied, and the file has them by the other name
        hint = "save the model again with save_pretrained"
        what = f"lacks weights of {type(model).__name__}: {listing(empty)}; Transformers leaves them empty"
        raise Failure(BAD_INPUT, f"{path}: {what}; {hint}")
    missing = {key for key in info["missing_keys"] if key in state}
    loaded = {tensor.data_ptr() for key, tensor in state.items() if key not in missing}
    return {key for key in missing if state[key].data_ptr() not in loaded}  # the others are tied to a loaded one


def require_unused(model, missing, path, results):
    """Sentences for the user about missing weights; a Failure unless it is seen that nothing the model returns depends
    on them: `results()`, its tensors by name, are the same bits with NaN in their place. NaN stays there, so that a
    later run that did read them would show it."""
    if not missing:
        return []
    state = model.state_dict()
    before = results()
    used = set()
    for key in sorted(missing):
        kept = state[key].clone()
        state[key].fill_(float("nan")) if kept.is_floating_point() else state[key].add_(1)
        after = results()
        if any(not same_bits(tensor, after.get(name)) for name, tensor in before.items()):
            used.add(key)
            state[key].copy_(kept)
    if used:
        hint = "choose with --model-class the class that was saved"
        raise Failure(BAD_INPUT, f"{path}: lacks weights of {type(model).__name__}: {listing(used)}; {hint}")
    how = "with NaN in its place" if len(missing) == 1 else "with NaN in their place"
    return [
        f"the checkpoint lacks {listing(missing)}, which changes nothing outside training: {how} all results "
        "are the same bits"
    ]


def same_bits(one, other):
    if other is None or one.shape != other.shape or one.dtype != other.dtype:
        return False
    return one.numpy().tobytes() == other.numpy().tobytes()

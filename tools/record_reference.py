#!/usr/bin/env python3
"""Record what PyTorch computes: run a Hugging Face model and write one safetensors file, the trace.

  input.<name>         what the model was called with
  stage.<path>         what the module at that path returned: floating tensors only, depth first. Several tensors are
                       stage.<path>.<i>, the k-th call after the first is stage.<path>#<k>
  output.<name>        the model's own results, members of a tuple are output.<name>.<i>
  stage64.*, output64.*  the same from a run in float64
  weight.<key>         only in goldens (traces of small random models): the checkpoint, as save_pretrained writes it
  metadata             crossload_trace, class, config, versions, seed, threads, inputs_from (where the inputs come from),
                       stages (every call of a module, in the order in which they returned), not_called (modules that
                       never ran), and in goldens recipe, from which the file can be made again

Exit codes: 2 wrong usage, 3 bad checkpoint or input, 4 unknown class, 5 environment.
"""

import argparse
import difflib
import functools
import importlib
import inspect
import json
import os
import platform
import signal
import struct
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

USAGE, BAD_INPUT, UNKNOWN_CLASS, ENVIRONMENT = 2, 3, 4, 5

TEXTS = ["Hi there!", "I am a batch with more than one row and different input lengths."]
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "*.model")
WEIGHT_FILES = ("model*.safetensors", "model.safetensors.index.json", "pytorch_model*.bin")
RECIPE_KEYS = {"name", "class", "config", "seed", "dtype", "inputs"}
ACTIVATIONS = "ACT2FN"  # in a recipe, stands in place of a class: all activation functions, no model
WEIGHT = "weight."
INPUT = "input."


class Failure(Exception):
    """Ends the program with one line on stderr and an exit code."""

    def __init__(self, code, message):
        super().__init__(" ".join(message.split()))
        self.code = code


def summary(error):
    """An exception of a library as a short part of one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:400]}" if lines else type(error).__name__


def listing(names, limit=8):
    names = sorted(names)
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")


def progress(text):
    print(f"progress: {text}", file=sys.stdout, flush=True)


# ---- Files, read without any library: mistakes are reported before torch is imported ----


def read_json(path):
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(BAD_INPUT, f"{path}: cannot be read as JSON ({summary(error)})") from error


def read_header(path):
    """The header of a safetensors file and its length in bytes: 8 bytes of length, then JSON."""
    try:
        with open(path, "rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            if length > os.path.getsize(path) - 8:
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length))
        header.setdefault("__metadata__", {})
        return header, length
    except (OSError, ValueError, AttributeError, struct.error) as error:
        raise Failure(BAD_INPUT, f"{path}: is no safetensors file ({summary(error)})") from error


def read_source(path):
    """The configuration of a checkpoint: a folder, or a golden that holds its own weights."""
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise Failure(BAD_INPUT, f"{path}: has no config.json; give the folder of a Transformers checkpoint")
        if not any(path.glob(pattern) for pattern in ()) and not any(any(path.glob(p)) for p in WEIGHT_FILES):
            raise Failure(BAD_INPUT, f"{path}: has no weights ({', '.join(WEIGHT_FILES)}); download the whole checkpoint")
        config = read_json(path / "config.json")
    elif path.is_file():
        header, _ = read_header(path)
        if not any(name.startswith(WEIGHT) for name in header):
            raise Failure(BAD_INPUT, f"{path}: holds no weights (weight.*); give a checkpoint's folder, or a golden")
        try:
            config = json.loads(header["__metadata__"]["config"])
        except (KeyError, ValueError) as error:
            raise Failure(BAD_INPUT, f"{path}: its metadata has no configuration ({summary(error)})") from error
    else:
        raise Failure(BAD_INPUT, f"{path}: no such folder or file; --model takes a checkpoint on this machine")
    if not isinstance(config, dict):
        raise Failure(BAD_INPUT, f"{path}: its configuration is not a JSON object")
    return config


def class_name_of(config, path):
    """The one class that the configuration names; AutoModel, the model without a head, when it names none."""
    architectures = config.get("architectures") or ["AutoModel"]
    if not isinstance(architectures, list) or len(architectures) != 1:
        raise Failure(BAD_INPUT, f"{path}: its configuration names {architectures} as architectures, one is wanted; choose with --model-class")
    return architectures[0]


def write_trace(path, tensors, metadata):
    """Writes beside the target and renames: a crash leaves the old file or none."""
    from safetensors.torch import save_file

    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    os.close(handle)
    try:
        save_file(tensors, temporary, metadata)
        sort_header(temporary)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except Exception as error:
        raise Failure(ENVIRONMENT, f"{path}: cannot be written ({summary(error)})") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def sort_header(path):
    """safetensors writes its metadata in random order: sorted, so that equal traces are equal bytes."""
    header, length = read_header(path)
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(length)
    if len(text) != length:
        raise ValueError("the sorted header does not fit")
    with open(path, "r+b") as file:
        file.seek(8)
        file.write(text)


# ---- Models ----


def import_libraries(threads):
    for name, package in (("torch", "torch"), ("transformers", "transformers"), ("safetensors.torch", "safetensors")):
        if name == package:
            progress(f"importing {name}")
        try:
            importlib.import_module(name)
        except Exception as error:
            raise Failure(ENVIRONMENT, f"{package} cannot be imported by {sys.executable} ({summary(error)}); `pip install {package}` there, or name another Python") from error
    import torch

    torch.set_num_threads(threads)
    if hasattr(torch.backends, "mha") and hasattr(torch.backends.mha, "set_fastpath_enabled"):
        torch.backends.mha.set_fastpath_enabled(False)


def find_class(name):
    import transformers

    try:
        found = getattr(transformers, name)
    except (AttributeError, ImportError, RuntimeError):
        found = None
    is_model = inspect.isclass(found) and issubclass(found, transformers.PreTrainedModel)
    if not is_model and not name.startswith("AutoModel"):
        similar = difflib.get_close_matches(name, dir(transformers), n=3)
        hint = f"did you mean {', '.join(similar)}?" if similar else "upgrade transformers, or choose a class with --model-class"
        raise Failure(UNKNOWN_CLASS, f"{name}: transformers {transformers.__version__} has no such PyTorch class; {hint}")
    return found


def describe_config(config, class_name):
    fields = json.loads(config.to_json_string(use_diff=False))
    fields.pop("_name_or_path", None)  # says where the files were, not what they are
    fields["architectures"] = [class_name]
    return json.dumps(fields, sort_keys=True)


def build_model(model_class, config, seed):
    """A model with random weights, eager attention, float32."""
    import torch

    torch.manual_seed(seed)
    config._attn_implementation = "eager"
    return model_class(config).float().eval()


def load_model(path, class_name, config_fields, seed):
    """The model of a folder or a golden, complete or not at all, and its configuration as JSON."""
    import transformers

    model_class = find_class(class_name)
    config_class = getattr(model_class, "config_class", None) or transformers.AutoConfig
    try:
        if path.is_dir():
            config = config_class.from_pretrained(str(path), local_files_only=True)
            model, info = load_folder(path, model_class, config)
        else:
            config = config_class.from_dict(config_fields)
            described = describe_config(config, class_name)
            model, info = load_golden(path, build_model(model_class, config, seed))
            return complete(model, info, path), described
    except (Failure, MemoryError):
        raise
    except ImportError as error:
        raise Failure(ENVIRONMENT, f"{path}: {class_name} needs another library ({summary(error)})") from error
    except Exception as error:
        raise Failure(BAD_INPUT, f"{path}: cannot be loaded as {class_name} ({summary(error)})") from error
    return complete(model, info, path), describe_config(config, type(model).__name__)


def load_folder(path, model_class, config):
    import torch
    import transformers

    version = tuple(int(part) for part in transformers.__version__.split(".")[:2])
    model, info = model_class.from_pretrained(
        str(path),
        config=config,
        local_files_only=True,
        attn_implementation="eager",
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # they are in the loading info, and become an error that names them
        **{"dtype" if version >= (4, 56) else "torch_dtype": torch.float32},
    )
    return model.float().eval(), info


def load_golden(path, model):
    tensors = load_tensors(path)
    state = {name[len(WEIGHT) :]: tensor for name, tensor in tensors.items() if name.startswith(WEIGHT)}
    result = model.load_state_dict(state, strict=False)
    if result.unexpected_keys:
        raise Failure(BAD_INPUT, f"{path}: {type(model).__name__} has no place for {listing(result.unexpected_keys)}")
    model.tie_weights()
    return model, {"missing_keys": result.missing_keys, "mismatched_keys": []}


def load_tensors(path):
    from safetensors.torch import load_file

    try:
        return load_file(str(path))
    except Exception as error:
        raise Failure(BAD_INPUT, f"{path}: is no safetensors file ({summary(error)})") from error


def complete(model, info, path):
    """Transformers fills what a checkpoint lacks with random numbers; here it is an error."""
    state = model.state_dict()
    missing = {key for key in info["missing_keys"] if key in state}
    loaded = {tensor.data_ptr() for key, tensor in state.items() if key not in missing}
    missing = {key for key in missing if state[key].data_ptr() not in loaded}  # the others are tied to a loaded one
    mismatched = [entry[0] if isinstance(entry, tuple) else str(entry) for entry in info["mismatched_keys"]]
    if missing:
        raise Failure(BAD_INPUT, f"{path}: lacks weights of {type(model).__name__}: {listing(missing)}; choose the class that was saved with --model-class")
    if mismatched:
        raise Failure(BAD_INPUT, f"{path}: has weights of another shape than its config.json gives {type(model).__name__}: {listing(mismatched)}")
    return model


# ---- Inputs ----


def make_input(name, spec, config, generator):
    """One tensor from its description in a recipe: values, grid, normal, lengths or random."""
    import torch

    if "values" in spec:
        return torch.tensor(spec["values"])
    if "grid" in spec:
        first, last, count = spec["grid"]
        return torch.cat([torch.linspace(first, last, count), torch.tensor(spec.get("also", []), dtype=torch.float32)])
    if "normal" in spec:
        return torch.randn(spec["normal"], generator=generator)
    if "lengths" in spec:  # a mask: ones on the side away from the padding
        lengths = torch.tensor(spec["lengths"]).unsqueeze(-1)
        length = spec.get("length", int(lengths.max()))
        positions = torch.arange(length)
        kept = positions < lengths if spec.get("side", "right") == "right" else positions >= length - lengths
        return kept.long()
    if "random" in spec:  # integers
        ids = name.endswith("input_ids")
        field = "vocab_size" if ids else "type_vocab_size" if name == "token_type_ids" else None
        below = spec.get("below", text_field(config, field, 2) if field else 2)
        drawn = torch.randint(below, spec["random"], generator=generator)
        if ids:  # a token is never the padding
            drawn[drawn == pad_id(config)] = (pad_id(config) + 1) % below
        if "diagonal" in spec:
            drawn.diagonal(dim1=-2, dim2=-1).fill_(spec["diagonal"])
        return drawn
    raise Failure(BAD_INPUT, f"recipe: the input {name} needs one of values, grid, normal, lengths, random")


def make_inputs(specs, config, generator):
    inputs = {name: make_input(name, spec, config, generator) for name, spec in specs.items()}
    for ids, mask in (("input_ids", "attention_mask"), ("decoder_input_ids", "decoder_attention_mask")):
        if ids in inputs and mask in inputs and inputs[ids].shape == inputs[mask].shape:
            inputs[ids] = inputs[ids].masked_fill(inputs[mask] == 0, pad_id(config))
    return inputs


def text_field(config, name, default=None):
    for part in (config, getattr(config, "text_config", None), getattr(config, "vision_config", None)):
        value = part.get(name) if isinstance(part, dict) else getattr(part, name, None)
        if value is not None:
            return value
    return default


def pad_id(config):
    pad = text_field(config, "pad_token_id", 0)
    return pad if isinstance(pad, int) and pad >= 0 else 0


def text_inputs(path, model, accepted, generator):
    limit = text_field(model.config, "max_position_embeddings", 512)
    limit = limit if isinstance(limit, int) and limit > 0 else 512
    if path.is_dir() and any(any(path.glob(pattern)) for pattern in TOKENIZER_FILES):
        inputs = tokenized(path, model.config, limit)
    else:
        lengths = [min(5, limit), min(18, limit)]
        specs = {"input_ids": {"random": [2, lengths[1]]}, "attention_mask": {"lengths": lengths}}
        if text_field(model.config, "type_vocab_size"):
            specs["token_type_ids"] = {"random": [2, lengths[1]]}
        inputs = make_inputs(specs, model.config, generator)
    inputs = {name: tensor for name, tensor in inputs.items() if name in accepted}
    if type(model).__name__.endswith("ForMultipleChoice"):
        inputs = {name: tensor.unsqueeze(1).repeat(1, 2, 1) for name, tensor in inputs.items()}
    return inputs


def tokenized(path, config, limit):
    import transformers

    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(path), local_files_only=True, trust_remote_code=False)
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        inputs = dict(tokenizer(TEXTS, padding=True, truncation=True, max_length=limit, return_tensors="pt"))
    except Exception as error:
        raise Failure(BAD_INPUT, f"{path}: its tokenizer cannot be used ({summary(error)}); give the inputs with --inputs") from error
    vocabulary = text_field(config, "vocab_size")
    if vocabulary and int(inputs["input_ids"].max()) >= vocabulary:
        raise Failure(BAD_INPUT, f"{path}: its tokenizer makes the id {int(inputs['input_ids'].max())}, its configuration has vocab_size {vocabulary}; give the inputs with --inputs")
    return inputs


def image_inputs(path, model, accepted, generator):
    import torch

    size = text_field(model.config, "image_size", 224)
    height, width = size if isinstance(size, (list, tuple)) else (size, size)
    return {"pixel_values": torch.randn(2, text_field(model.config, "num_channels", 3), height, width, generator=generator)}


def feature_inputs(path, model, accepted, generator):
    import torch

    config = model.config
    if hasattr(config, "num_mel_bins") and hasattr(config, "max_source_positions"):  # as Whisper has them
        return {"input_features": torch.randn(2, config.num_mel_bins, 2 * config.max_source_positions, generator=generator)}
    if hasattr(config, "input_feat_per_channel"):  # as Speech2Text has them
        return {"input_features": torch.randn(2, 64, config.input_feat_per_channel, generator=generator)}
    raise Failure(BAD_INPUT, f"{path}: {type(model).__name__} takes input_features of a shape that is not known here; give them with --inputs")


def sound_inputs(path, model, accepted, generator):
    import torch

    config = model.config
    spectrogram = hasattr(config, "num_mel_bins") and hasattr(config, "max_length") and hasattr(config, "patch_size")
    shape = (config.max_length, config.num_mel_bins) if spectrogram else (8000,)
    return {"input_values": torch.randn(2, *shape, generator=generator)}


MODALITIES = {"input_ids": text_inputs, "pixel_values": image_inputs, "input_features": feature_inputs, "input_values": sound_inputs}


def default_inputs(path, model, generator):
    import torch

    accepted = inspect.signature(model.forward).parameters
    inputs = {}
    for name, make in MODALITIES.items():
        if name in accepted:
            inputs.update(make(path, model, accepted, generator))
    if getattr(model.config, "is_encoder_decoder", False) and "decoder_input_ids" in accepted:
        start = getattr(model.config, "decoder_start_token_id", None) or 0
        inputs["decoder_input_ids"] = torch.full((2, 1), start)
    if not inputs:
        raise Failure(BAD_INPUT, f"{path}: no inputs are known for {type(model).__name__}; give them with --inputs")
    return inputs


def choose_inputs(args, model):
    """The inputs and where they come from: --inputs, the golden itself, or the defaults."""
    import torch

    for path in (args.inputs, args.model if args.model.is_file() else None):
        if path is None:
            continue
        tensors = load_tensors(path)
        named = {name[len(INPUT) :]: tensor for name, tensor in tensors.items() if name.startswith(INPUT)}
        named = named or (tensors if path == args.inputs else {})
        if named:
            accepted = inspect.signature(model.forward).parameters
            unknown = [name for name in named if name not in accepted]
            if unknown:
                raise Failure(BAD_INPUT, f"{path}: {type(model).__name__} has no inputs {listing(unknown)}")
            return named, "file"
    generator = torch.Generator().manual_seed(args.seed)
    return default_inputs(args.model, model, generator), "defaults"


# ---- Recording ----


def float_tensors(result):
    """The floating tensors of whatever a module returned, depth first."""
    import torch

    if isinstance(result, torch.Tensor):
        return [result] if result.is_floating_point() else []
    if isinstance(result, dict):
        result = tuple(result.values())
    if isinstance(result, (tuple, list)):
        return [tensor for member in result for tensor in float_tensors(member)]
    return []


def named_tensors(result, name=""):
    """All tensors of the model's result by their names."""
    import torch

    if isinstance(result, torch.Tensor):
        return {name or "output": result}
    if isinstance(result, dict):
        members = result.items()
    elif isinstance(result, (tuple, list)):
        members = enumerate(result)
    else:
        return {}
    found = {}
    for key, member in members:
        found.update(named_tensors(member, f"{name}.{key}" if name else str(key)))
    return found


def snapshot(tensor, dtype):
    """A copy of its own, which later changes in place do not reach."""
    import torch

    tensor = tensor.detach()
    tensor = tensor.to(dtype) if tensor.is_floating_point() else tensor
    return tensor.clone(memory_format=torch.contiguous_format)


@functools.lru_cache(maxsize=None)
def source_of(module_class):
    try:
        return os.path.basename(inspect.getsourcefile(module_class)), inspect.getsourcelines(module_class)[1]
    except (OSError, TypeError):
        return None, None


def accepted_options(forward):
    """Whatever shows more of the model, as far as its forward takes it."""
    parameters = inspect.signature(forward).parameters
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    wanted = {"output_hidden_states": True, "output_attentions": True, "use_cache": False, "return_dict": True}
    return {name: value for name, value in wanted.items() if takes_any or name in parameters}


def run_once(model, inputs, dtype, seed):
    """Calls the model; its stages and outputs as tensors, and the calls of its modules in the order of their return."""
    import torch

    tensors, calls, counts = {}, [], {}

    def record(path, module, _, result):
        call = counts[path] = counts.get(path, -1) + 1
        found = float_tensors(result)
        name = f"{path}#{call}" if call else path
        names = [name] if len(found) == 1 else [f"{name}.{i}" for i in range(len(found))]
        tensors.update({f"stage.{name}": snapshot(tensor, dtype) for name, tensor in zip(names, found)})
        file, line = source_of(type(module))
        calls.append({"path": path, "call": call, "class": type(module).__name__, "file": file, "line": line, "tensors": names})

    hooks = [module.register_forward_hook(functools.partial(record, path)) for path, module in model.named_modules() if path]
    cast = {name: tensor.to(dtype) if tensor.is_floating_point() else tensor.clone() for name, tensor in inputs.items()}
    torch.manual_seed(seed)
    try:
        with torch.no_grad():
            result = model(**cast, **accepted_options(model.forward))
    except Exception as error:
        shapes = ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in inputs.items())
        raise Failure(BAD_INPUT, f"{type(model).__name__} cannot be run in {dtype} with {shapes} ({summary(error)}); other inputs can be given with --inputs") from error
    finally:
        for hook in hooks:
            hook.remove()
    tensors.update({f"output.{name}": snapshot(tensor, dtype) for name, tensor in named_tensors(result).items()})
    return tensors, calls


def never_called(model, calls):
    """Modules that did not run, except containers, which are not made to be called."""
    import torch

    called = {call["path"] for call in calls}
    unused = []
    for path, module in model.named_modules():
        is_list = type(module).forward is torch.nn.Module.forward
        unrolled = isinstance(module, torch.nn.Sequential) and any(name.startswith(f"{path}.") for name in called)
        if path and path not in called and not is_list and not unrolled:
            unused.append(path)
    return unused


def record_model(model, inputs, config, seed, threads):
    """The tensors and the metadata of a trace. Leaves the model in float64."""
    import torch

    inputs = {name: tensor.float() if tensor.is_floating_point() else tensor.long() for name, tensor in inputs.items()}
    progress("running float32")
    tensors, calls = run_once(model, inputs, torch.float32, seed)
    progress("running float64")
    exact, _ = run_once(model.double(), inputs, torch.float64, seed)
    if exact.keys() != tensors.keys():
        raise Failure(BAD_INPUT, f"{type(model).__name__} returns other tensors in float64 than in float32: {listing(exact.keys() ^ tensors.keys())}")
    for name, tensor in exact.items():
        kind, _, rest = name.partition(".")
        tensors[f"{kind}64.{rest}"] = tensor
    tensors.update({f"{INPUT}{name}": tensor.contiguous() for name, tensor in inputs.items()})
    return tensors, describe_run(type(model).__name__, config, seed, threads, calls, never_called(model, calls))


def describe_run(class_name, config, seed, threads, calls, not_called):
    versions = {name: importlib.import_module(name).__version__ for name in ("torch", "transformers", "safetensors")}
    return {
        "crossload_trace": "1",
        "class": class_name,
        "config": config,
        "versions": json.dumps({"python": platform.python_version(), **versions}),
        "seed": str(seed),
        "threads": str(threads),
        "stages": json.dumps(calls),
        "not_called": json.dumps(not_called),
    }


# ---- Goldens ----


def read_recipes(path, only):
    """The recipes of a file, each completed from its defaults so that it stands alone."""
    document = read_json(path)
    try:
        defaults = document.get("defaults", {})
        recipes = [{**defaults, **recipe} for recipe in document["recipes"]]
        for recipe in recipes:
            recipe["config"] = {**defaults.get("config", {}), **recipe.get("config", {})}
            if recipe["config"] and recipe.keys() != RECIPE_KEYS:
                raise Failure(BAD_INPUT, f"{path}: the recipe {recipe.get('name')} must have {listing(RECIPE_KEYS)}, and has {listing(recipe)}")
    except (KeyError, TypeError, AttributeError) as error:
        raise Failure(BAD_INPUT, f"{path}: is no file of recipes ({summary(error)})") from error
    if only is not None:
        recipes = [recipe for recipe in recipes if recipe["name"] == only]
        if not recipes:
            raise Failure(USAGE, f"--only {only}: {path} has no recipe of that name")
    return recipes


def make_golden(recipe, output, threads):
    progress(f"recording {recipe['name']}")
    try:
        make = record_activations if recipe["class"] == ACTIVATIONS else record_recipe
        tensors, metadata = make(recipe, threads)
    except (Failure, MemoryError):
        raise
    except Exception as error:
        raise Failure(BAD_INPUT, f"recipe {recipe['name']}: cannot be made ({summary(error)})") from error
    write_trace(output, tensors, {**metadata, "inputs_from": "recipe", "recipe": json.dumps(recipe)})


def record_recipe(recipe, threads):
    import torch

    model_class = find_class(recipe["class"])
    model = build_model(model_class, model_class.config_class(**recipe["config"]), recipe["seed"])
    generator = torch.Generator().manual_seed(recipe["seed"])
    randomize(model, generator)
    weights = as_saved(model.to(getattr(torch, recipe["dtype"])))
    config = describe_config(model.config, recipe["class"])
    inputs = make_inputs(recipe["inputs"], model.config, generator)
    tensors, metadata = record_model(model.float(), inputs, config, recipe["seed"], threads)
    tensors.update({f"{WEIGHT}{key}": tensor for key, tensor in weights.items()})
    return tensors, metadata


def randomize(model, generator):
    """Gives every parameter a value that shows: biases are not zero, norms are not one."""
    import torch

    with torch.no_grad():
        for path, parameter in model.named_parameters():
            owner, _, name = path.rpartition(".")
            noise = torch.randn(parameter.shape, generator=generator)
            is_scale = name == "weight" and "norm" in type(model.get_submodule(owner)).__name__.lower()
            parameter.copy_(1 + 0.1 * noise if is_scale else 0.25 * noise)
        for path, buffer in model.named_buffers():  # of batch normalization
            if path.endswith("running_mean"):
                buffer.copy_(0.1 * torch.randn(buffer.shape, generator=generator))
            elif path.endswith("running_var"):
                buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))


def as_saved(model):
    """The tensors of a checkpoint, which holds tied ones once."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return load_tensors(Path(folder) / "model.safetensors")


def record_activations(recipe, threads):
    """Every activation function of Transformers on one grid; those with weights of their own are named as skipped."""
    import torch
    from transformers.activations import ACT2FN

    x = make_inputs(recipe["inputs"], None, None)["x"]
    tensors, skipped = {"input.x": x}, {}
    for name in sorted(ACT2FN):
        try:
            function = ACT2FN[name]
        except Exception as error:
            skipped[name] = f"cannot be made without arguments ({summary(error)})"
            continue
        if any(True for _ in function.parameters()):
            skipped[name] = "has weights of its own"
            continue
        with torch.no_grad():
            tensors[f"output.{name}"] = snapshot(function.float()(x.clone()), torch.float32)
            tensors[f"output64.{name}"] = snapshot(function.double()(x.double()), torch.float64)
    metadata = describe_run(ACTIVATIONS, "{}", recipe["seed"], threads, [], [])
    return tensors, {**metadata, "skipped": json.dumps(skipped)}


# ---- The program ----


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Failure(USAGE, f"{message}; see --help")


def parse_arguments():
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--model", type=Path, help="record the checkpoint in this folder, or of this golden")
    task.add_argument("--recipes", type=Path, help="make the goldens of this file of recipes")
    task.add_argument("--again", type=Path, help="make this golden again, from the recipe that it holds")
    parser.add_argument("--output", type=Path, help="the trace to write (with --model, --again)")
    parser.add_argument("--output-dir", type=Path, help="the folder for the goldens (with --recipes)")
    parser.add_argument("--only", metavar="NAME", help="of the recipes, make this one only")
    parser.add_argument("--model-class", metavar="CLASS", help="PyTorch class; default: the one that config.json names, or AutoModel")
    parser.add_argument("--inputs", type=Path, help="safetensors file with the inputs by name, a trace for instance; default: two texts, images or sounds")
    parser.add_argument("--seed", type=int, default=0, help="of random inputs, default 0")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch, default 1")
    parser.add_argument("--traceback", action="store_true", help="on failure, show where it came from")
    args = parser.parse_args()
    target, word = (args.output_dir, "--output-dir") if args.recipes else (args.output, "--output")
    if target is None:
        parser.error(f"{word} is needed: where to write")
    folder = target if args.recipes else target.parent
    if not folder.is_dir():
        parser.error(f"{word} {target}: {folder} is no folder; make it first")
    if not args.recipes and target.is_dir():
        parser.error(f"{word} {target}: is a folder; name a file")
    if args.threads < 1 or args.seed < 0:
        parser.error("--threads must be at least 1 and --seed at least 0")
    return args


def run(args):
    if args.model:
        config = read_source(args.model)
        class_name = args.model_class or class_name_of(config, args.model)
        if args.inputs:
            read_header(args.inputs)
        import_libraries(args.threads)
        progress(f"loading {args.model}")
        model, described = load_model(args.model, class_name, config, args.seed)
        inputs, inputs_from = choose_inputs(args, model)
        tensors, metadata = record_model(model, inputs, described, args.seed, args.threads)
        progress("writing")
        write_trace(args.output, tensors, {**metadata, "inputs_from": inputs_from})
        return
    if args.recipes:
        recipes = [(recipe, args.output_dir / f"{recipe['name']}.safetensors") for recipe in read_recipes(args.recipes, args.only)]
    else:
        header, _ = read_header(args.again)
        if "recipe" not in header["__metadata__"]:
            raise Failure(BAD_INPUT, f"{args.again}: holds no recipe, so it is no golden; record its checkpoint with --model")
        recipes = [(json.loads(header["__metadata__"]["recipe"]), args.output)]
    import_libraries(args.threads)
    for recipe, output in recipes:
        make_golden(recipe, output, args.threads)


def silence_libraries():
    """Leaves the terminal to this program, also against C++ libraries, and keeps everything off the network."""
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
    os.environ.update(USE_TORCH="1", USE_TF="0", USE_FLAX="0", TOKENIZERS_PARALLELISM="false", CUDA_VISIBLE_DEVICES="")
    warnings.simplefilter("ignore")
    sys.stdout, sys.stderr = (os.fdopen(os.dup(stream.fileno()), "w") for stream in (sys.stdout, sys.stderr))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that temporary files are removed
    show_traceback = "--traceback" in sys.argv
    try:
        args = parse_arguments()
        silence_libraries()
        run(args)
        return 0
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:
        if show_traceback:
            traceback.print_exc()
        failure = error if isinstance(error, Failure) else Failure(ENVIRONMENT, f"{summary(error)}; --traceback shows where")
        print(f"record_reference: {failure}", file=sys.stderr, flush=True)
        return failure.code


if __name__ == "__main__":
    sys.exit(main())

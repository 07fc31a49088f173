#!/usr/bin/env python3
"""Record what PyTorch computes: run a Hugging Face model and write one safetensors file, the trace.

  input.<name>    what the model was called with
  stage.<path>    what the module at that path returned: its floating tensors, depth first; several are
                  stage.<path>.<i>, those of the k-th call after the first are stage.<path>#<k>
  output.<name>   the model's own results; members of a tuple are output.<name>.<i>
  stage64.*, output64.*     the same from a run in float64
  noise.*, outputnoise.*    how far float32 runs whose last bits were shaken are from float64, element by element: what
                            rounding alone does to this model
  weight.<key>    only in goldens (traces of small random models): the checkpoint, as save_pretrained writes it
  metadata        crossload_trace, class, config, versions, seed, threads; stages: every call of a module, in the order
                  in which they returned; not_called: modules that never ran; in goldens recipe, to make them again

Exit codes: 2 wrong usage, 3 bad checkpoint or input, 4 unknown class, 5 environment.
"""

import argparse
import contextlib
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

torch = transformers = safetensors = None  # see import_libraries: mistakes that need no torch are reported at once

USAGE, BAD_INPUT, UNKNOWN_CLASS, ENVIRONMENT = 2, 3, 4, 5
TEXTS = ["Hi there!", "I am a batch with more than one row and different input lengths."]
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "*.model")
WEIGHT_FILES = ("model*.safetensors", "pytorch_model*.bin")
NOISE_RUNS = 4
WEIGHT, INPUT = "weight.", "input."


class Failure(Exception):
    """Ends the program with one line on stderr and an exit code."""

    def __init__(self, code, message):
        super().__init__(" ".join(message.split()))
        self.code = code


class Terminal:
    """This program's own streams; those of the libraries lead nowhere."""

    out, err = sys.stdout, sys.stderr


def progress(text):
    print(f"progress: {text}", file=Terminal.out, flush=True)


def summary(error):
    """An exception of a library as a part of one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:400]}" if lines else type(error).__name__


@contextlib.contextmanager
def failing(code, what, hint=""):
    """Turns the exceptions of libraries into a Failure that says what could not be done."""
    try:
        yield
    except (Failure, MemoryError):
        raise
    except Exception as error:
        raise Failure(code, f"{what} ({summary(error)}){hint and '; ' + hint}") from error


def listing(names, limit=8):
    names = sorted(names)
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")


def without_prefix(tensors, prefix):
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


# ---- Files ----


def read_json(path):
    with failing(BAD_INPUT, f"{path}: cannot be read as JSON"):
        return json.loads(path.read_text(encoding="utf-8"))


def read_header(path):
    """The header of a safetensors file and its length: 8 bytes of length, then that many of JSON."""
    with failing(BAD_INPUT, f"{path}: is no safetensors file"), open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        if length > os.path.getsize(path) - 8:
            raise ValueError("its header is longer than the file")
        header = json.loads(file.read(length))
        header.setdefault("__metadata__", {})
        return header, length


def load_tensors(path):
    with failing(BAD_INPUT, f"{path}: is no safetensors file"):
        return safetensors.load_file(str(path))


def holds_any(folder, patterns):
    return any(any(folder.glob(pattern)) for pattern in patterns)


def read_config(path):
    """The configuration of a checkpoint that has weights: a folder, or a golden."""
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise Failure(BAD_INPUT, f"{path}: has no config.json; give the folder of a Transformers checkpoint")
        if not holds_any(path, WEIGHT_FILES):
            wanted = " or ".join(WEIGHT_FILES)
            raise Failure(BAD_INPUT, f"{path}: has no weights ({wanted}); download the whole checkpoint")
        config = read_json(path / "config.json")
    elif path.is_file():
        header, _ = read_header(path)
        if not any(name.startswith(WEIGHT) for name in header):
            raise Failure(BAD_INPUT, f"{path}: holds no weights (weight.*); give a checkpoint's folder, or a golden")
        with failing(BAD_INPUT, f"{path}: its metadata has no configuration"):
            config = json.loads(header["__metadata__"]["config"])
    else:
        raise Failure(BAD_INPUT, f"{path}: no such folder or file; --model takes a checkpoint on this machine")
    if not isinstance(config, dict):
        raise Failure(BAD_INPUT, f"{path}: its configuration is no JSON object")
    return config


def class_of(config, path):
    """The name of the one class that the configuration names; AutoModel when it names none."""
    named = config.get("architectures") or ["AutoModel"]
    if not isinstance(named, list) or len(named) != 1 or not isinstance(named[0], str):
        what = f"its configuration names {named} as architectures, one is wanted"
        raise Failure(BAD_INPUT, f"{path}: {what}; choose with --model-class")
    return named[0]


def write_trace(path, tensors, metadata):
    """Writes beside the target and renames: a crash leaves the old file or none."""
    with failing(ENVIRONMENT, f"{path}: cannot be written", "is the disk full, the folder writable?"):
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        os.close(handle)
        try:
            safetensors.save_file(tensors, temporary, metadata)
            sort_metadata(temporary)
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)
            os.replace(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)


def sort_metadata(path):
    """safetensors writes the metadata in random order; sorted, equal traces are equal bytes."""
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
    """Makes the libraries global, quiet and reproducible."""
    global torch, transformers, safetensors
    torch = import_library("torch")
    transformers = import_library("transformers")
    safetensors = import_library("safetensors.torch")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    if hasattr(torch.backends, "mha") and hasattr(torch.backends.mha, "set_fastpath_enabled"):
        torch.backends.mha.set_fastpath_enabled(False)


def import_library(name):
    package = name.partition(".")[0]
    progress(f"importing {package}")
    hint = f"`pip install {package}` there, or run another Python"
    with failing(ENVIRONMENT, f"{package} cannot be imported by {sys.executable}", hint):
        return importlib.import_module(name)


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


def describe_config(config, class_name):
    fields = json.loads(config.to_json_string(use_diff=False))
    fields["_name_or_path"] = ""  # where the files were is not what they are
    fields["architectures"] = [class_name]
    return json.dumps(fields, sort_keys=True)


def build_model(model_class, config, seed):
    """A model with random weights."""
    torch.manual_seed(seed)
    config._attn_implementation = "eager"
    return model_class(config).float().eval()


def load_model(path, class_name, config_fields, seed):
    """The model of a folder or a golden, with all its weights or not at all; and its configuration, described."""
    model_class = find_class(class_name)
    config_class = getattr(model_class, "config_class", None) or transformers.AutoConfig
    with failing(BAD_INPUT, f"{path}: cannot be loaded as {class_name}"):
        if path.is_dir():
            config = config_class.from_pretrained(str(path), local_files_only=True)
            model, info = load_folder(path, model_class, config)
        else:
            config = config_class.from_dict(config_fields)
            model, info = load_golden(path, build_model(model_class, config, seed))
        require_complete(model, info, path)
        return model, describe_config(config, type(model).__name__)


def load_folder(path, model_class, config):
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
    result = model.load_state_dict(without_prefix(load_tensors(path), WEIGHT), strict=False)
    if result.unexpected_keys:
        raise Failure(BAD_INPUT, f"{path}: {type(model).__name__} has no place for {listing(result.unexpected_keys)}")
    model.tie_weights()
    return model, {"missing_keys": result.missing_keys, "mismatched_keys": []}


def require_complete(model, info, path):
    """Transformers fills what a checkpoint lacks with random numbers; here it is an error."""
    name, state = type(model).__name__, model.state_dict()
    missing = {key for key in info["missing_keys"] if key in state}
    loaded = {tensor.data_ptr() for key, tensor in state.items() if key not in missing}
    missing = {key for key in missing if state[key].data_ptr() not in loaded}  # the others are tied to a loaded one
    if missing:
        hint = "choose with --model-class the class that was saved"
        raise Failure(BAD_INPUT, f"{path}: lacks weights of {name}: {listing(missing)}; {hint}")
    mismatched = [entry[0] if isinstance(entry, tuple) else str(entry) for entry in info["mismatched_keys"]]
    if mismatched:
        hint = "config.json and weights are of different models, or the class is another (--model-class)"
        raise Failure(BAD_INPUT, f"{path}: has weights of a wrong shape for {name}: {listing(mismatched)}; {hint}")


# ---- Inputs ----


def make_inputs(specs, config, generator):
    inputs = {name: make_input(name, spec, config, generator) for name, spec in specs.items()}
    for ids, mask in (("input_ids", "attention_mask"), ("decoder_input_ids", "decoder_attention_mask")):
        if ids in inputs and mask in inputs and inputs[ids].shape == inputs[mask].shape:
            inputs[ids] = inputs[ids].masked_fill(inputs[mask] == 0, pad_id(config))
    return inputs


def make_input(name, spec, config, generator):
    """One tensor by its description: {"values": list}, {"normal": shape}, {"random": shape, "high": n} (integers),
    {"mask": shape, "diagonal": true} (random zeros and ones) or {"lengths": list, "length": n, "side": "left", "shape":
    shape, "float": true} (ones for so many positions, padding after them, or before them; integers, or floats)."""
    if "values" in spec:
        return torch.tensor(spec["values"])
    if "normal" in spec:
        return torch.randn(spec["normal"], generator=generator)
    if "random" in spec:
        high = spec.get("high", field_of(config, "vocab_size", 2))
        return torch.randint(0, high, spec["random"], generator=generator)
    if "mask" in spec:
        mask = torch.randint(0, 2, spec["mask"], generator=generator)
        if spec.get("diagonal"):
            mask.diagonal(dim1=-2, dim2=-1).fill_(1)
        return mask
    if "lengths" in spec:
        lengths = torch.tensor(spec["lengths"]).unsqueeze(-1)
        positions = torch.arange(spec.get("length", int(lengths.max())))
        kept = positions >= len(positions) - lengths if spec.get("side") == "left" else positions < lengths
        return (kept.float() if spec.get("float") else kept.long()).reshape(spec.get("shape", kept.shape))
    raise Failure(BAD_INPUT, f"recipe: the input {name} needs one of random, normal, mask, lengths, values")


def field_of(config, name, default=None):
    """A field of the configuration, or of its part for text or images."""
    for part in (config, getattr(config, "text_config", None), getattr(config, "vision_config", None)):
        value = part.get(name) if isinstance(part, dict) else getattr(part, name, None)
        if value is not None:
            return value
    return default


def pad_id(config):
    pad = field_of(config, "pad_token_id", 0)
    return pad if isinstance(pad, int) and pad >= 0 else 0


def text_inputs(path, model, generator):
    limit = field_of(model.config, "max_position_embeddings", 512)
    if path.is_dir() and holds_any(path, TOKENIZER_FILES):
        inputs = tokenize(path, model.config, limit)
    else:
        lengths = [min(5, limit), min(18, limit)]
        specs = {"input_ids": {"random": [2, lengths[1]]}, "attention_mask": {"lengths": lengths}}
        if getattr(model.config, "type_vocab_size", None):
            specs["token_type_ids"] = {"random": [2, lengths[1]], "high": model.config.type_vocab_size}
        inputs = make_inputs(specs, model.config, generator)
    if type(model).__name__.endswith("ForMultipleChoice"):
        inputs = {name: tensor.unsqueeze(1).repeat(1, 2, 1) for name, tensor in inputs.items()}
    return inputs


def tokenize(path, config, limit):
    with failing(BAD_INPUT, f"{path}: its tokenizer cannot be used", "give the inputs with --inputs"):
        load = transformers.AutoTokenizer.from_pretrained
        tokenizer = load(str(path), local_files_only=True, trust_remote_code=False)
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        inputs = dict(tokenizer(TEXTS, padding=True, truncation=True, max_length=limit, return_tensors="pt"))
        largest, vocabulary = int(inputs["input_ids"].max()), field_of(config, "vocab_size")
        if vocabulary and largest >= vocabulary:
            raise ValueError(f"it makes the id {largest}, and vocab_size is {vocabulary}")
        return inputs


def image_inputs(path, model, generator):
    size = field_of(model.config, "image_size", 224)
    height_width = list(size) if isinstance(size, (list, tuple)) else [size, size]
    shape = [2, field_of(model.config, "num_channels", 3), *height_width]
    return {"pixel_values": torch.randn(shape, generator=generator)}


def sound_feature_inputs(path, model, generator):
    config = model.config
    if hasattr(config, "num_mel_bins") and hasattr(config, "max_source_positions"):  # as Whisper has them
        shape = [2, config.num_mel_bins, 2 * config.max_source_positions]
    elif hasattr(config, "input_feat_per_channel"):  # as Speech2Text has them
        shape = [2, 64, config.input_feat_per_channel]
    else:
        what = f"the shape of input_features is not known for {type(model).__name__}"
        raise Failure(BAD_INPUT, f"{path}: {what}; give the inputs with --inputs")
    return {"input_features": torch.randn(shape, generator=generator)}


def sound_inputs(path, model, generator):
    return {"input_values": torch.randn(2, 8000, generator=generator)}


MODALITIES = {
    "input_ids": text_inputs,
    "pixel_values": image_inputs,
    "input_features": sound_feature_inputs,
    "input_values": sound_inputs,
}


def default_inputs(path, model, generator):
    accepted = inspect.signature(model.forward).parameters
    inputs = {}
    for name, make in MODALITIES.items():
        if name in accepted:
            inputs.update(make(path, model, generator))
    if getattr(model.config, "is_encoder_decoder", False):
        inputs["decoder_input_ids"] = torch.full((2, 1), getattr(model.config, "decoder_start_token_id", None) or 0)
    inputs = {name: tensor for name, tensor in inputs.items() if name in accepted}
    if not inputs:
        raise Failure(BAD_INPUT, f"{path}: no inputs are known for {type(model).__name__}; give them with --inputs")
    return inputs


def choose_inputs(args, model):
    """Those of --inputs, else those that a golden holds, else the defaults."""
    source = args.inputs or (args.model if args.model.is_file() else None)
    tensors = load_tensors(source) if source else {}
    inputs = without_prefix(tensors, INPUT) or (tensors if args.inputs else {})
    unknown = inputs.keys() - inspect.signature(model.forward).parameters.keys()
    if unknown:
        raise Failure(BAD_INPUT, f"{source}: {type(model).__name__} has no inputs {listing(unknown)}")
    return inputs or default_inputs(args.model, model, torch.Generator().manual_seed(args.seed))


# ---- Recording ----


def float_tensors(result):
    """The floating tensors of whatever a module returned, depth first."""
    if isinstance(result, torch.Tensor):
        return [result] if result.is_floating_point() else []
    members = result.values() if isinstance(result, dict) else result
    return [t for m in members for t in float_tensors(m)] if isinstance(result, (dict, tuple, list)) else []


def named_tensors(result, name=""):
    """The tensors of the model's result by name."""
    if isinstance(result, torch.Tensor):
        return {name or "output": result}
    members, found = (), {}
    if isinstance(result, (dict, tuple, list)):
        members = result.items() if isinstance(result, dict) else enumerate(result)
    for key, member in members:
        found.update(named_tensors(member, f"{name}.{key}" if name else str(key)))
    return found


def cast(tensor, dtype):
    """A copy, which later changes in place do not reach; integers become int64."""
    kept = torch.bool if tensor.dtype == torch.bool else torch.int64
    tensor = tensor.detach().to(dtype if tensor.is_floating_point() else kept)
    return tensor.clone(memory_format=torch.contiguous_format)


@functools.lru_cache(maxsize=None)
def source_of(module_class):
    try:
        file = os.path.basename(inspect.getsourcefile(module_class))
        return {"file": file, "line": inspect.getsourcelines(module_class)[1]}
    except (OSError, TypeError):
        return {"file": None, "line": None}


def options_for(forward):
    """What makes the model return all that it computes, as far as its forward takes it."""
    parameters = inspect.signature(forward).parameters
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    wanted = {"output_hidden_states": True, "output_attentions": True, "use_cache": False, "return_dict": True}
    return {name: value for name, value in wanted.items() if takes_any or name in parameters}


def shaken(x, generator):
    """The tensor with about its last bit changed at random: one unit in the last place of the element, or of the
    typical size of its row, as a sum of a row's products is off by."""
    size = torch.maximum(x.abs(), x.square().mean(-1, keepdim=True).sqrt()) if x.dim() else x.abs()
    return x + 2.0**-23 * size * (2 * torch.rand(x.shape, generator=generator) - 1)


def run_once(model, inputs, dtype, seed, shake=None):
    """Calls the model; its stages and outputs, and the calls of its modules in the order in which they returned. With
    the generator `shake`, what the innermost modules return goes on shaken."""
    tensors, calls, counts = {}, [], {}

    def record(path, module, _, result):
        call = counts[path] = counts.get(path, -1) + 1
        found = float_tensors(result)
        name = f"{path}#{call}" if call else path
        names = [name] if len(found) == 1 else [f"{name}.{i}" for i in range(len(found))]
        tensors.update({f"stage.{name}": cast(tensor, dtype) for name, tensor in zip(names, found)})
        described = {"path": path, "call": call, "class": type(module).__name__, **source_of(type(module))}
        calls.append({**described, "tensors": names})
        is_leaf = next(module.children(), None) is None
        return shaken(result, shake) if shake and is_leaf and found and found[0] is result else None

    modules = [(path, module) for path, module in model.named_modules() if path]
    hooks = [module.register_forward_hook(functools.partial(record, path)) for path, module in modules]
    torch.manual_seed(seed)
    torch.set_default_dtype(dtype)  # some models make masks without naming a type
    shapes = ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in inputs.items())
    what = f"{type(model).__name__} cannot be run in {dtype} with {shapes}"
    with failing(BAD_INPUT, what, "other inputs can be given with --inputs"), torch.no_grad():
        arguments = {name: cast(tensor, dtype) for name, tensor in inputs.items()}
        result = model(**arguments, **options_for(model.forward))
    torch.set_default_dtype(torch.float32)
    for hook in hooks:
        hook.remove()
    tensors.update({f"output.{name}": cast(tensor, dtype) for name, tensor in named_tensors(result).items()})
    return tensors, calls


def never_called(model, calls):
    """Modules that did not run, except containers, which are not made to be called."""
    called = {call["path"] for call in calls}

    def is_container(path, module):
        unrolled = isinstance(module, torch.nn.Sequential) and any(name.startswith(f"{path}.") for name in called)
        return unrolled or type(module).forward is torch.nn.Module.forward

    unused = [(path, module) for path, module in model.named_modules() if path and path not in called]
    return [path for path, module in unused if not is_container(path, module)]


def record_model(model, inputs, config, seed, threads):
    """The tensors and the metadata of a trace. One model, converted back and forth: never two are in memory."""
    inputs = {name: cast(tensor, torch.float32) for name, tensor in inputs.items()}
    progress("running float32")
    tensors, calls = run_once(model, inputs, torch.float32, seed)
    progress("running float64")
    exact, _ = run_once(model.double(), inputs, torch.float64, seed)
    if exact.keys() != tensors.keys():
        what = f"returns other tensors in float64 than in float32: {listing(exact.keys() ^ tensors.keys())}"
        raise Failure(BAD_INPUT, f"{type(model).__name__} {what}")
    progress("shaking the last bits")
    tensors.update(measure_noise(model.float(), inputs, exact, seed))
    tensors.update({name.replace(".", "64.", 1): tensor for name, tensor in exact.items()})
    tensors.update({INPUT + name: tensor for name, tensor in inputs.items()})
    metadata = {"stages": json.dumps(calls), "not_called": json.dumps(never_called(model, calls))}
    return tensors, {**describe_run(seed, threads), **metadata, "class": type(model).__name__, "config": config}


def measure_noise(model, inputs, exact, seed):
    """The largest distance of shaken float32 runs from the exact tensors, for each of their elements."""
    noise = {}
    for i in range(NOISE_RUNS):
        tensors, _ = run_once(model, inputs, torch.float32, seed, torch.Generator().manual_seed(seed + i))
        for name in (name for name in tensors if name in exact and exact[name].is_floating_point()):
            distance = (tensors[name].double() - exact[name]).abs().float().nan_to_num()
            key = name.replace("stage.", "noise.", 1) if name.startswith("stage.") else name.replace(".", "noise.", 1)
            noise[key] = torch.maximum(noise[key], distance) if key in noise else distance
    return noise


def describe_run(seed, threads):
    versions = {name: importlib.import_module(name).__version__ for name in ("torch", "transformers", "safetensors")}
    versions = json.dumps({"python": platform.python_version(), **versions})
    return {"crossload_trace": "1", "versions": versions, "seed": str(seed), "threads": str(threads), "stages": "[]"}


# ---- Goldens ----


def read_recipes(path, only):
    """The recipes of a file, each completed from the file's config and inputs so that it stands alone."""
    document = read_json(path)
    with failing(BAD_INPUT, f"{path}: is no file of recipes"):
        recipes = [{"seed": 1, **recipe} for recipe in document["recipes"]]
        for recipe in (recipe for recipe in recipes if not recipe.get("activations")):
            recipe["config"] = {**document["config"], **recipe.get("config", {})}
            recipe.setdefault("inputs", document["inputs"])
        names = [recipe["name"] for recipe in recipes]
    unknown = (only or set()) - set(names)
    if unknown:
        raise Failure(USAGE, f"--only: {path} has no recipe {listing(unknown)}")
    return [recipe for recipe in recipes if not only or recipe["name"] in only]


def make_golden(recipe, output, threads):
    with failing(BAD_INPUT, f"the recipe of {output}: cannot be made"):
        progress(f"recording {recipe['name']}")
        record = record_activations if recipe.get("activations") else record_recipe
        tensors, metadata = record(recipe, threads)
    write_trace(output, tensors, {**metadata, "recipe": json.dumps(recipe, sort_keys=True)})


def record_recipe(recipe, threads):
    model_class = find_class(recipe["class"])
    fields = {name: value for name, value in recipe["config"].items() if name != "model_type"}
    model = build_model(model_class, model_class.config_class(**fields), recipe["seed"])
    generator = torch.Generator().manual_seed(recipe["seed"])
    with torch.no_grad():
        randomize(model, generator)
    with tempfile.TemporaryDirectory() as folder:  # as a checkpoint, which holds tied weights once
        model.to(getattr(torch, recipe.get("dtype", "float32"))).save_pretrained(folder)
        weights = load_tensors(Path(folder) / "model.safetensors")
    config = describe_config(model.config, recipe["class"])
    inputs = make_inputs(recipe["inputs"], model.config, generator)
    tensors, metadata = record_model(model.float(), inputs, config, recipe["seed"], threads)
    return {**tensors, **{WEIGHT + key: tensor for key, tensor in weights.items()}}, metadata


def randomize(model, generator):
    """Gives every parameter a value that shows when it is misused: no bias is zero, no norm is one."""
    for path, parameter in model.named_parameters():
        owner, _, name = path.rpartition(".")
        noise = torch.randn(parameter.shape, generator=generator)
        is_scale = name == "weight" and "norm" in type(model.get_submodule(owner)).__name__.lower()
        parameter.copy_(1 + 0.1 * noise if is_scale else 0.25 * noise)
    for path, buffer in model.named_buffers():
        if path.endswith("running_mean"):  # of batch normalization
            buffer.copy_(0.1 * torch.randn(buffer.shape, generator=generator))
        elif path.endswith("running_var"):
            buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))
        elif path.endswith("final_logits_bias"):  # of BART and its kin
            buffer.copy_(0.25 * torch.randn(buffer.shape, generator=generator))


def record_activations(recipe, threads):
    """Every activation function of Transformers on one grid, except those with weights of their own."""
    from transformers.activations import ACT2FN

    x = torch.cat([torch.linspace(-12, 12, 257), torch.tensor([0.0, -0.0, 1e-8, -1e-8, 1e-3, -1e-3])])
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
        tensors[f"output.{name}"] = cast(function(x.clone()), torch.float32)
        tensors[f"output64.{name}"] = cast(function(x.double()), torch.float64)
    return tensors, {**describe_run(recipe["seed"], threads), "skipped": json.dumps(skipped)}


# ---- The program ----


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Failure(USAGE, f"{message}; see --help")


def parse_arguments():
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--model", type=Path, help="record the checkpoint in this folder, or the one in this golden")
    task.add_argument("--recipes", type=Path, help="make the goldens of this file of recipes")
    task.add_argument("--again", type=Path, help="make this golden again, from the recipe that it holds")
    add = parser.add_argument
    add("--output", type=Path, help="the trace to write (with --model, --again)")
    add("--output-dir", type=Path, help="the folder for the goldens (with --recipes)")
    add("--only", metavar="NAME,NAME", help="of the recipes, make these only")
    add("--model-class", metavar="CLASS", help="PyTorch class; default: the one that config.json names, or AutoModel")
    add("--inputs", type=Path, help="safetensors file with all inputs, a trace for instance; default: two texts, ...")
    add("--seed", type=int, default=0, help="of random inputs (default 0)")
    add("--threads", type=int, default=1, help="of PyTorch (default 1)")
    add("--traceback", action="store_true", help="on failure, also show where it came from")
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
        record_checkpoint(args)
        return
    if args.recipes:
        recipes = read_recipes(args.recipes, set(filter(None, args.only.split(","))) if args.only else None)
        goldens = [(recipe, args.output_dir / f"{recipe['name']}.safetensors") for recipe in recipes]
    else:
        text = read_header(args.again)[0]["__metadata__"].get("recipe")
        if text is None:
            raise Failure(BAD_INPUT, f"{args.again}: holds no recipe, so it is no golden; record a model with --model")
        with failing(BAD_INPUT, f"{args.again}: its recipe is no JSON"):
            goldens = [(json.loads(text), args.output)]
    import_libraries(args.threads)
    for recipe, output in goldens:
        make_golden(recipe, output, args.threads)


def record_checkpoint(args):
    config = read_config(args.model)
    class_name = args.model_class or class_of(config, args.model)
    if args.inputs:
        read_header(args.inputs)
    import_libraries(args.threads)
    progress(f"loading {args.model}")
    model, described = load_model(args.model, class_name, config, args.seed)
    tensors, metadata = record_model(model, choose_inputs(args, model), described, args.seed, args.threads)
    progress("writing")
    write_trace(args.output, tensors, metadata)


def silence_libraries():
    """Leaves the terminal to this program, also against C++ libraries, and keeps everything off the network."""
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
    os.environ.update(USE_TORCH="1", USE_TF="0", USE_FLAX="0", TOKENIZERS_PARALLELISM="false", CUDA_VISIBLE_DEVICES="")
    warnings.simplefilter("ignore")
    Terminal.out, Terminal.err = (os.fdopen(os.dup(number), "w") for number in (1, 2))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that temporary files are removed
    try:
        args = parse_arguments()
        silence_libraries()
        run(args)
        return 0
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:
        if "--traceback" in sys.argv:
            traceback.print_exc(file=Terminal.err)
        failure = error if isinstance(error, Failure) else Failure(ENVIRONMENT, f"{summary(error)}; see --traceback")
        print(f"record_reference: {failure}", file=Terminal.err, flush=True)
        return failure.code


if __name__ == "__main__":
    sys.exit(main())

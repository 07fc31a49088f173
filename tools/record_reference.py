"""Records what a PyTorch model of Transformers computes, at every module, into one safetensors file: the trace.

    record_reference.py --model FOLDER --output TRACE [--model-class BertForMaskedLM] [--inputs FILE]
    record_reference.py --recipes tests/goldens/bert.json --output-dir tests/goldens [--only NAME,NAME]
    record_reference.py --again GOLDEN --output FILE

Tensors of a trace:
    input.<name>        what the model was called with
    stage.<path>        what the module at <path> returned; .<i> when it returned several tensors, and #<k> after the path
                        for the k-th call after the first
    output.<name>       the model's own results; .<i> for the members of a tuple
    stage64.*, output64.*   the same of a run in float64
    noise.*, outputnoise.*  how far float32 runs whose last bits were shaken are from float64, element by element: what
                        rounding alone does to this model
    weight.<key>        in goldens: the checkpoint

Metadata: crossload_trace, class, config, versions, seed, threads, stages (a JSON list in the order of completion),
not_called (modules that did not run), and in goldens recipe.

Needs torch, transformers (4.40 or newer) and safetensors. Exit codes: 2 wrong usage, 3 bad checkpoint, 4 unknown class,
5 a package is missing.
"""
import argparse
import functools
import json
import os
import sys
import tempfile

NOISE_RUNS = 4
TEXTS = ["Hi there!", "I am a batch with more than one row and different input lengths."]  # those of v4's pt-to-tf


class Failure(Exception):
    """Ends the program with one line and an exit code."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def progress(what):
    print(f"progress: {what}", flush=True)


def import_frameworks(threads):
    """Imports torch and transformers, made quiet and reproducible. They become globals: --help must not wait for them."""
    global torch, transformers, safetensors
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("USE_TF", "0")
    try:
        progress("importing torch")
        import torch
        progress("importing transformers")
        import safetensors
        import safetensors.torch
        import transformers
    except ImportError as error:
        raise Failure(5, f"{error.name or error} cannot be imported by {sys.executable}; pip install torch transformers safetensors")
    import warnings

    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    if hasattr(torch.backends, "mha"):
        torch.backends.mha.set_fastpath_enabled(False)


# The model


def find_class(name):
    model_class = getattr(transformers, name, None)
    if model_class is None or not hasattr(model_class, "from_pretrained"):
        raise Failure(4, f"transformers {transformers.__version__} has no model class {name}")
    return model_class


def class_of(config, wanted):
    if wanted:
        return find_class(wanted)
    names = config.architectures or []
    if len(names) > 1:
        raise Failure(3, f"config.json names {len(names)} architectures ({', '.join(names)}); choose one with --model-class")
    return find_class(names[0]) if names else type(transformers.AutoModel.from_config(config))


def load_folder(folder, wanted):
    """A model in float32 from a local checkpoint; every weight must come from it."""
    if not os.path.isfile(os.path.join(folder, "config.json")):
        raise Failure(3, f"{folder}: has no config.json; give the folder of a checkpoint")
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        model_class = class_of(config, wanted)
        options = {"local_files_only": True, "attn_implementation": "eager", "output_loading_info": True}
        options["torch_dtype" if transformers.__version__ < "4.56" else "dtype"] = torch.float32
        model, info = model_class.from_pretrained(folder, **options)
    except Failure:
        raise
    except Exception as error:  # whatever Transformers raises for a bad checkpoint
        raise Failure(3, f"{folder}: {type(error).__name__}: {' '.join(str(error).split())[:400]}")
    for kind in ("missing_keys", "mismatched_keys"):
        names = sorted(map(str, info.get(kind, [])))
        if names:
            raise Failure(3, f"{folder}: the checkpoint has {kind.replace('_', ' ')} for {model_class.__name__}: {', '.join(names[:10])}")
    return model


def config_from(text):
    fields = json.loads(text)
    config_class = transformers.CONFIG_MAPPING[fields["model_type"]]
    config = config_class.from_dict(fields)
    config._attn_implementation = "eager"
    return config


def load_golden(path, wanted):
    """A model from the weights in a golden."""
    with safetensors.safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        weights = {k[len("weight."):]: file.get_tensor(k) for k in file.keys() if k.startswith("weight.")}
    if not weights or "config" not in metadata:
        raise Failure(3, f"{path}: is no golden; it holds no weights or no configuration")
    model = find_class(wanted or metadata["class"])(config_from(metadata["config"]))
    load_weights(model, weights, path)
    return model


def load_weights(model, weights, where):
    result = model.load_state_dict({k: v.float() for k, v in weights.items()}, strict=False)
    model.tie_weights()
    tied = set(getattr(model, "_tied_weights_keys", None) or [])
    missing = [k for k in result.missing_keys if k not in tied and not any(k.endswith(t) for t in tied)]
    if missing or result.unexpected_keys:
        raise Failure(3, f"{where}: missing {missing[:5]}, unexpected {result.unexpected_keys[:5]}")


# The inputs


def accepted(model):
    import inspect

    return set(inspect.signature(model.forward).parameters)


def text_inputs(model, folder, generator):
    config = model.config
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True) if os.path.isdir(folder) else None
    except Exception:  # no tokenizer files, or files of another library
        tokenizer = None
    if tokenizer is not None:
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        encoded = tokenizer(TEXTS, padding=True, truncation=True, return_tensors="pt")
        return {k: v for k, v in encoded.items() if k in accepted(model)}
    longest = min(18, getattr(config, "max_position_embeddings", 18) or 18)
    recipe = {"input_ids": {"random": [2, longest]}, "attention_mask": {"lengths": [min(5, longest), longest]}}
    if "token_type_ids" in accepted(model) and getattr(config, "type_vocab_size", 0):
        recipe["token_type_ids"] = {"random": [2, longest], "high": config.type_vocab_size}
    return make_inputs(recipe, config, generator)


def image_inputs(model, generator):
    size = getattr(model.config, "image_size", 224)
    height, width = size if isinstance(size, (list, tuple)) else (size, size)
    return {"pixel_values": torch.randn(2, getattr(model.config, "num_channels", 3), height, width, generator=generator)}


def default_inputs(model, folder, generator):
    """Two texts of different length, or two images; what the model's forward takes."""
    names = accepted(model)
    if "input_ids" in names:
        inputs = text_inputs(model, folder, generator)
    elif "pixel_values" in names:
        inputs = image_inputs(model, generator)
    else:
        raise Failure(4, f"{type(model).__name__}: takes neither input_ids nor pixel_values; give its inputs with --inputs")
    if type(model).__name__.endswith("ForMultipleChoice"):
        inputs = {k: v.unsqueeze(1).repeat(1, 2, *[1] * (v.dim() - 1)) for k, v in inputs.items()}
    if getattr(model.config, "is_encoder_decoder", False):
        start = getattr(model.config, "decoder_start_token_id", None) or 0
        inputs["decoder_input_ids"] = torch.full((2, 1), start, dtype=torch.long)
    return inputs


def make_input(spec, config, generator):
    """One tensor from its recipe: {"random": shape, "high": n}, {"normal": shape}, {"mask": shape}, {"lengths": [...]} with
    "side", or {"values": [...]}."""
    if "values" in spec:
        return torch.tensor(spec["values"])
    if "normal" in spec:
        return torch.randn(*spec["normal"], generator=generator)
    if "random" in spec:
        return torch.randint(0, spec.get("high", getattr(config, "vocab_size", 2)), spec["random"], generator=generator)
    if "mask" in spec:
        mask = torch.randint(0, 2, spec["mask"], generator=generator)
        if spec.get("diagonal"):
            mask.diagonal(dim1=-2, dim2=-1).fill_(1)
        return mask
    longest = spec.get("length", max(spec["lengths"]))
    rows = [[1] * n + [0] * (longest - n) for n in spec["lengths"]]
    if spec.get("side") == "left":
        rows = [row[::-1] for row in rows]
    return torch.tensor(rows).reshape(spec.get("shape", [len(rows), longest]))


def make_inputs(recipe, config, generator):
    inputs = {name: make_input(spec, config, generator) for name, spec in recipe.items()}
    mask, ids = inputs.get("attention_mask"), inputs.get("input_ids")
    if ids is not None and mask is not None and mask.shape == ids.shape:
        ids[mask == 0] = getattr(config, "pad_token_id", 0) or 0
    return inputs


# Running


def tensors_in(value):
    """The floating tensors of whatever a module returns, depth first."""
    if isinstance(value, torch.Tensor):
        return [value] if value.is_floating_point() else []
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [tensor for item in value for tensor in tensors_in(item)]
    return []


def named_outputs(value, name=""):
    """The tensors of a ModelOutput by name; members of a tuple by number."""
    if isinstance(value, torch.Tensor):
        return {name: value}
    found = {}
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, (tuple, list)):
        items = enumerate(value)
    else:
        items = ()
    for key, item in items:
        found.update(named_outputs(item, f"{name}.{key}" if name else str(key)))
    return found


@functools.cache
def where_defined(module_class):
    import inspect

    try:
        return os.path.basename(inspect.getsourcefile(module_class)), inspect.getsourcelines(module_class)[1]
    except (OSError, TypeError):
        return None, None


def shaken(x, generator):
    """The tensor with about its last bit changed at random: one unit in the last place of the element, or of the typical
    size of its row, as a sum of a row's products is off by."""
    size = torch.maximum(x.abs(), x.square().mean(-1, keepdim=True).sqrt()) if x.dim() else x.abs()
    return x + 2.0**-23 * size * (2 * torch.rand(x.shape, generator=generator) - 1)


class Recorder:
    """Hooks every module of a model but itself. With a generator, it also shakes what the innermost modules return."""

    def __init__(self, model, generator=None):
        self.model = model
        self.generator = generator
        self.tensors, self.stages, self.calls = {}, [], {}

    def hook(self, path):
        def record(module, _, result):
            call = self.calls.get(path, 0)
            self.calls[path] = call + 1
            name = path if call == 0 else f"{path}#{call}"
            found = tensors_in(result)
            names = [name] if len(found) == 1 else [f"{name}.{i}" for i in range(len(found))]
            # Copies: a later operation may change the tensor in place.
            self.tensors.update({n: t.detach().clone().contiguous() for n, t in zip(names, found)})
            file, line = where_defined(type(module))
            self.stages.append({"path": path, "call": call, "class": type(module).__name__, "file": file, "line": line, "tensors": names})
            is_leaf = next(module.children(), None) is None
            if self.generator is not None and is_leaf and isinstance(result, torch.Tensor) and result.is_floating_point():
                return shaken(result, self.generator)
            return None

        return record

    def run(self, inputs):
        handles = [m.register_forward_hook(self.hook(p)) for p, m in self.model.named_modules() if p]
        try:
            with torch.no_grad():
                result = self.model(**inputs)
        finally:
            for handle in handles:
                handle.remove()
        return {n: t.detach().clone().contiguous() for n, t in named_outputs(result).items()}

    def not_called(self):
        containers = (torch.nn.ModuleList, torch.nn.ModuleDict)
        return [p for p, m in self.model.named_modules() if p and p not in self.calls and not isinstance(m, containers)]


def call_options(model):
    wanted = {"output_hidden_states": True, "output_attentions": True, "use_cache": False, "return_dict": True}
    names = accepted(model)
    return {k: v for k, v in wanted.items() if k in names}


def as_float64(inputs):
    return {k: v.double() if isinstance(v, torch.Tensor) and v.is_floating_point() else v for k, v in inputs.items()}


def noise_of(model, inputs, exact, seed):
    """The largest distance of shaken float32 runs from the exact tensors, for each of them."""
    noise = {}
    for i in range(NOISE_RUNS):
        recorder = Recorder(model, torch.Generator().manual_seed(seed + i))
        found = {"output64." + n: t for n, t in recorder.run(inputs).items()}
        found.update({"stage64." + n: t for n, t in recorder.tensors.items()})
        for name, tensor in found.items():
            if name in exact and exact[name].is_floating_point():
                distance = (tensor.double() - exact[name]).abs().float().nan_to_num()
                kind, rest = name.split("64.", 1)
                key = ("noise." if kind == "stage" else "outputnoise.") + rest
                noise[key] = torch.maximum(noise[key], distance) if key in noise else distance
    return noise


def trace_of(model, inputs, seed, threads):
    """The tensors and metadata of a trace. The one model is converted to float64 and back, so that never two are in memory."""
    model.eval()
    options = call_options(model)
    config = model.config.to_dict()
    config["architectures"] = [type(model).__name__]
    config.pop("_attn_implementation_autoset", None)
    progress("running float32")
    single = Recorder(model)
    outputs = single.run({**inputs, **options})
    progress("running float64")
    model.double()
    double = Recorder(model)
    outputs64 = double.run({**as_float64(inputs), **options})
    tensors = {f"input.{n}": t.contiguous() for n, t in inputs.items()}
    tensors.update({f"stage.{n}": t for n, t in single.tensors.items()})
    tensors.update({f"output.{n}": t for n, t in outputs.items()})
    tensors.update({f"stage64.{n}": t for n, t in double.tensors.items()})
    tensors.update({f"output64.{n}": t for n, t in outputs64.items()})
    progress("shaking the last bits")
    model.float()
    tensors.update(noise_of(model, {**inputs, **options}, tensors, seed))
    versions = {"python": sys.version.split()[0], "torch": torch.__version__, "transformers": transformers.__version__,
                "safetensors": safetensors.__version__}
    metadata = {"crossload_trace": "1", "class": type(model).__name__, "config": json.dumps(config, sort_keys=True),
                "versions": json.dumps(versions), "seed": str(seed), "threads": str(threads),
                "stages": json.dumps(single.stages), "not_called": json.dumps(single.not_called())}
    return tensors, metadata


def write(tensors, metadata, output):
    """One file, in its place at once; its bytes depend on the tensors alone."""
    progress(f"writing {os.path.basename(output)}")
    data = safetensors.torch.save({name: tensors[name] for name in sorted(tensors)}, metadata=metadata)
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))  # the library writes it in no fixed order
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    folder = os.path.dirname(os.path.abspath(output))
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        file.write(len(text).to_bytes(8, "little") + text + data[8 + size:])
    os.chmod(file.name, 0o644)
    os.replace(file.name, output)


# Goldens


def fill_weights(model, generator):
    """Every parameter from the generator, none at its initial value, so that a swapped or missing one shows."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            is_norm = parameter.dim() == 1 and name.endswith("weight")
            parameter.copy_(1.0 + 0.1 * noise if is_norm else 0.25 * noise)


def saved_weights(model):
    """The state dictionary as save_pretrained writes it: one name for each tied tensor."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, safe_serialization=True)
        return safetensors.torch.load_file(os.path.join(folder, "model.safetensors"))


def golden(recipe, threads):
    config_class = transformers.CONFIG_MAPPING[recipe["config"]["model_type"]]
    config = config_class(**{k: v for k, v in recipe["config"].items() if k != "model_type"})
    config._attn_implementation = "eager"
    generator = torch.Generator().manual_seed(recipe["seed"])
    torch.manual_seed(recipe["seed"])
    model = find_class(recipe["class"])(config)
    fill_weights(model, generator)
    model.to(getattr(torch, recipe.get("dtype", "float32")))
    weights = saved_weights(model)
    model.float()
    inputs = make_inputs(recipe["inputs"], config, generator)
    tensors, metadata = trace_of(model, inputs, recipe["seed"], threads)
    tensors.update({f"weight.{k}": v for k, v in weights.items()})
    return tensors, {**metadata, "recipe": json.dumps(recipe, sort_keys=True)}


def activations(recipe):
    """Every activation function that takes no parameters, over a grid."""
    grid = torch.cat([torch.linspace(-12, 12, 257), torch.tensor([0.0, -0.0, 1e-8, -1e-8, 1e-3, -1e-3])])
    tensors = {"input.x": grid}
    for name in sorted(transformers.activations.ACT2FN):
        function = transformers.activations.ACT2FN[name]
        if list(function.parameters()):
            continue
        tensors[f"output.{name}"] = function(grid).clone()
        tensors[f"output64.{name}"] = function(grid.double()).clone()
    return tensors, {"crossload_trace": "1", "stages": "[]", "recipe": json.dumps(recipe, sort_keys=True)}


def write_golden(recipe, output, threads):
    if recipe.get("activations"):
        tensors, metadata = activations(recipe)
    else:
        tensors, metadata = golden(recipe, threads)
    write(tensors, metadata, output)


def write_recipes(path, folder, only, threads):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    for entry in document["recipes"]:
        if only and entry["name"] not in only:
            continue
        recipe = dict(entry)
        recipe.setdefault("seed", 1)
        if not recipe.get("activations"):
            recipe["config"] = {**document["config"], **recipe.get("config", {})}
            recipe.setdefault("inputs", document["inputs"])
        progress(recipe["name"])
        write_golden(recipe, os.path.join(folder, recipe["name"] + ".safetensors"), threads)


def record_model(args):
    if os.path.isdir(args.model):
        progress(f"loading {args.model}")
        model = load_folder(args.model, args.model_class)
    elif os.path.isfile(args.model):
        model = load_golden(args.model, args.model_class)
    else:
        raise Failure(3, f"{args.model}: no such folder; give the folder of a checkpoint")
    generator = torch.Generator().manual_seed(args.seed)
    if args.inputs:
        with safetensors.safe_open(args.inputs, framework="pt") as file:
            inputs = {k.removeprefix("input."): file.get_tensor(k) for k in file.keys() if k.startswith("input.") or "." not in k}
    else:
        inputs = default_inputs(model, args.model, generator)
    write(*trace_of(model, inputs, args.seed, args.threads), args.output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a checkpoint's folder, or a golden")
    parser.add_argument("--recipes", help="a JSON file of recipes for goldens")
    parser.add_argument("--again", help="a golden to be made again from the recipe in it")
    parser.add_argument("--output", help="the trace to write")
    parser.add_argument("--output-dir", help="where goldens go")
    parser.add_argument("--only", default="", help="the names of the recipes to make, separated by commas")
    parser.add_argument("--model-class", default="", help="the class instead of config.json's")
    parser.add_argument("--inputs", help="a safetensors file with the inputs instead of the default ones")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    if sum(map(bool, (args.model, args.recipes, args.again))) != 1 or not (args.output_dir if args.recipes else args.output):
        parser.error("give --model, --again (both with --output) or --recipes (with --output-dir)")
    try:
        for path in filter(None, (args.model, args.recipes, args.again, args.inputs)):
            if not os.path.exists(path):  # said before the minute that importing torch may take
                raise Failure(3, f"{path}: no such file or folder")
        import_frameworks(args.threads)
        if args.recipes:
            write_recipes(args.recipes, args.output_dir, set(filter(None, args.only.split(","))), args.threads)
        elif args.again:
            with safetensors.safe_open(args.again, framework="pt") as file:
                write_golden(json.loads(file.metadata()["recipe"]), args.output, args.threads)
        else:
            record_model(args)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return failure.code
    return 0


if __name__ == "__main__":
    sys.exit(main())

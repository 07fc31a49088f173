"""Running a model and writing down what each of its modules returned: in float32, in float64, with shaken last bits."""

import functools
import inspect
import json

import torch
import transformers

from reference.calls import Watch, float_tensors, members_of, source_of
from reference.complex_numbers import as_pairs, to_float32, to_float64
from reference.files import INPUT
from reference.kept import nothing_kept
from reference.libraries import versions
from reference.limited import never_limited
from reference.messages import BAD_INPUT, Failure, failing, listing, progress
from reference.rows import without_rows
from reference.stable import StableSorts
from reference.training import differs_in_training
from reference.transformers5 import Meaning, check_inputs, not_comparable
from reference.transformers5 import is_needed as is_transformers_5
from reference.wide import Widened

HINT = "other inputs can be given with --inputs"
NOISE_RUNS = 4
NOISE_RUNS_OF_CELLS = 2
MASK = 2.0**20  # numbers as large stand for infinity in masks; the program's comparison has the same


def named_tensors(result, name=""):
    """The tensors of the model's result by name."""
    if isinstance(result, torch.Tensor):
        return {name or "output": result}
    found = {}
    for key, member in members_of(result):
        more = named_tensors(member, f"{name}.{key}" if name else str(key))
        if twice := found.keys() & more.keys():
            raise Failure(BAD_INPUT, f"two of the model's results are called {listing(twice)}; give one another name")
        found.update(more)
    return found


def cast(tensor, dtype):
    """A copy, which later changes in place do not reach; integers become int64, and complex numbers pairs."""
    tensor = as_pairs(tensor)
    kept = torch.bool if tensor.dtype == torch.bool else torch.int64
    tensor = tensor.detach().to(dtype if tensor.is_floating_point() else kept)
    return tensor.clone(memory_format=torch.contiguous_format)


def needs_cache(model):
    """Whether it cannot be run without: ImageGPT of Transformers 4 counts its positions from the length of its cache."""
    return type(model).__name__.startswith("ImageGPT") and not is_transformers_5()


def options_for(forward, attentions=True):
    """What makes the model return all that it computes, as far as its forward takes it. attentions: None where hidden
    states are not wanted either."""
    parameters = inspect.signature(forward).parameters
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    model = getattr(forward, "__self__", None)
    takes_any = takes_any and isinstance(model, transformers.PreTrainedModel)
    wanted = {"return_dict": True}
    if attentions is not None:
        wanted.update(output_hidden_states=True, output_attentions=attentions)
    wanted["use_cache"] = needs_cache(model)  # which is among the results, and no tensor
    if getattr(getattr(model, "config", None), "use_cache", None) is False and "use_cache" not in parameters:
        del wanted["use_cache"]  # it is so anyway, and parts that have no cache do not take it
    return {name: value for name, value in wanted.items() if takes_any or name in parameters}


def shaken(x, generator):
    """The tensor with about its last bit changed at random: one unit in the last place of the element, or of the
    typical size of its row, as a sum of a row's products is off by. Numbers of masks say nothing of their row; infinities,
    and numbers that might become infinite, stay."""
    if x.is_complex():
        return torch.view_as_complex(shaken(as_pairs(x), generator))
    size = x.abs()
    is_known = size.square().isfinite()
    if x.dim():
        is_number = is_known & (size < MASK)
        is_number = torch.where(is_number.any(-1, keepdim=True), is_number, is_known)
        share = is_number.double().mean(-1, keepdim=True).clamp(min=1e-30).to(x.dtype)
        squares = torch.where(is_number, x, 0).square().mean(-1, keepdim=True)
        size = torch.maximum(size, (squares / share).sqrt())
    size = torch.where(is_known, size, 0)
    return x + 2.0**-23 * size * (2 * torch.rand(x.shape, generator=generator) - 1)


def as_passed(inputs):
    """As PyTorch takes them: the outputs of an encoder are a tuple, of which the last hidden states are the first."""
    return {name: (tensor,) if name == "encoder_outputs" else tensor for name, tensor in inputs.items()}


def call_model(model, inputs, dtype, seed, attentions=True):
    """What the model returns, as it returns it."""
    torch.manual_seed(seed)
    torch.set_default_dtype(dtype)  # some models make masks without naming a type
    shapes = ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in inputs.items())
    what = f"{type(model).__name__} cannot be run in {dtype} with {shapes}"
    try:
        with failing(BAD_INPUT, what, HINT), torch.no_grad(), StableSorts(), nothing_kept(model), never_limited(model):
            return model(**as_passed(inputs), **options_for(model.forward, attentions))
    finally:
        torch.set_default_dtype(torch.float32)


def outputs_of(model, inputs, seed):
    """The tensors that the model returns in float32, by name."""
    arguments = {name: cast(tensor, torch.float32) for name, tensor in inputs.items()}
    result, _ = with_or_without_attentions(lambda wanted: call_model(model, arguments, torch.float32, seed, wanted))
    return {f"output.{name}": cast(tensor, torch.float32) for name, tensor in named_tensors(result).items()}


def with_or_without_attentions(run):
    """What run(True) gives, and True; else what run(False) gives, and False: some decoders can return attentions only
    when they have an encoder's states. Else what run(None) gives, and None: backbones of timm take neither option."""
    failures = []
    for attentions in (True, False, None):
        try:
            return run(attentions), attentions
        except Failure as failure:
            failures.append(failure)
    raise failures[0]


class Run:
    """Calls the model once. `tensors`: its stages and outputs; `calls`: those of its modules in the order in which they
    returned, with `watched` also who called and which mask counts, and `output_masks`. With the generator `shake`, what
    the innermost modules return goes on shaken. Without `stages`, outputs are all that is kept. `as_installed`: names
    are those of the installed Transformers."""

    def __init__(
        self, model, inputs, dtype, seed, shake=None, watched=False, stages=True, attentions=True, as_installed=False
    ):
        self.tensors, self.calls, self.output_masks, self.counts = {}, [], {}, {}
        self.dtype, self.shake, self.stages = dtype, shake, stages
        arguments = {name: cast(tensor, dtype) for name, tensor in inputs.items()}
        self.meaning = Meaning(model, as_installed)
        self.watch = Watch(model, arguments, self.meaning.path) if watched else None
        hooks = self.meaning.hooks() + (self.watch.hooks() if watched else [])
        self.paths = {self.meaning.path(path) for path, _ in model.named_modules()}
        for path, module in model.named_modules():
            hooks.append(module.register_forward_hook(functools.partial(self.record, self.meaning.path(path))))
        try:
            result = call_model(model, arguments, dtype, seed, attentions)
        finally:
            for hook in hooks:
                hook.remove()
        outputs = named_tensors(self.meaning.outputs(result))
        if watched:
            self.output_masks = self.watch.output_masks(outputs)
        self.tensors.update({f"output.{name}": cast(tensor, dtype) for name, tensor in outputs.items()})
        self.watch = self.meaning = None

    def record(self, path, module, _, result):
        meant = self.meaning.leave(result)
        mask, caller, masks = self.watch.leave(meant) if self.watch else (None, None, [])
        if not path:
            return None
        call = self.counts[path] = self.counts.get(path, -1) + 1
        found = float_tensors(meant)
        names = self.names_of(path, call, len(found))
        if self.stages:
            self.tensors.update({f"stage.{name}": cast(tensor, self.dtype) for name, tensor in zip(names, found)})
        described = {"path": path, "call": call, "class": type(module).__name__, **source_of(type(module))}
        self.calls.append({**described, "tensors": names, "caller": caller, "mask": mask, "tensor_masks": masks})
        is_leaf = next(module.children(), None) is None
        return shaken(result, self.shake) if self.shake and is_leaf and found and found[0] is result else None

    def names_of(self, path, call, count):
        """One for each tensor that a module returned. A list's first one is no module's that is called 0, as in one of
        modules that returns what each of them made."""
        name = f"{path}#{call}" if call else path
        if count == 1:
            return [name]
        if any(f"{name}.{i}" in self.paths for i in range(count)):
            name = f"{path}#{call}"
        return [f"{name}.{i}" for i in range(count)]


def never_called(model, calls, as_installed=False):
    """Modules that did not run, except containers, which are not made to be called."""
    called = {call["path"] for call in calls}
    path_of = Meaning(model, as_installed).path

    def is_container(path, module):
        unrolled = isinstance(module, torch.nn.Sequential) and any(name.startswith(f"{path}.") for name in called)
        return unrolled or type(module).forward is torch.nn.Module.forward

    named = [(path_of(path), module) for path, module in model.named_modules()]
    unused = [(path, module) for path, module in named if path and path not in called]
    return [path for path, module in unused if not is_container(path, module)]


class Recording:
    """One set of inputs and what the model makes of it. First in_float32, then, with the model in float64, in_float64,
    then, back in float32, noise; so that several recordings share the conversions of the one model in memory."""

    def __init__(self, model, inputs, seed, stages=True, as_installed=False):
        self.model, self.seed, self.stages, self.as_installed = model, seed, stages, as_installed
        self.inputs = {name: cast(tensor, torch.float32) for name, tensor in inputs.items()}
        self.tensors, self.exact, self.calls, self.output_masks = {}, {}, [], {}
        self.attentions, self.not_comparable = True, []

    def run(self, dtype, shake=None, inputs=None, watched=False, stages=None):
        inputs = self.inputs if inputs is None else inputs
        stages = self.stages if stages is None else stages
        return Run(self.model, inputs, dtype, self.seed, shake, watched, stages, self.attentions, self.as_installed)

    def in_float32(self):
        if not self.as_installed:
            check_inputs(self.model, self.inputs)

        def watched(attentions):
            self.attentions = attentions
            return self.run(torch.float32, watched=True)

        run, _ = with_or_without_attentions(watched)
        self.tensors, self.calls, self.output_masks = run.tensors, run.calls, run.output_masks
        self.drop_masks_without_rows()
        if not self.as_installed:
            self.not_comparable = not_comparable(self.model, self.inputs, self.calls, self.output_masks)

    def drop_masks_without_rows(self):
        """A tensor that has no rows, as a pooled one, has no mask."""
        names = without_rows(self.model, self.inputs, self.tensors, self.shapes_of)
        for call in self.calls:
            masks = [None if f"stage.{n}" in names else m for n, m in zip(call["tensors"], call.pop("tensor_masks"))]
            if masks and all(mask is None for mask in masks):
                call["mask"] = None
            if any(mask != call["mask"] for mask in masks):
                call["tensor_masks"] = masks
        self.output_masks = {n: None if f"output.{n}" in names else m for n, m in self.output_masks.items()}

    def shapes_of(self, inputs):
        """The shapes of all tensors for other inputs."""
        run = self.run(torch.float32, inputs=inputs, stages=True)
        return {name: tensor.shape for name, tensor in run.tensors.items()}

    def in_float64(self):
        with Widened():
            self.exact = self.run(torch.float64).tensors
        if self.exact.keys() != self.tensors.keys():
            what = (
                f"returns other tensors in float64 than in float32: {listing(self.exact.keys() ^ self.tensors.keys())}"
            )
            raise Failure(BAD_INPUT, f"{type(self.model).__name__} {what}")

    def noise(self, runs):
        """The largest distance of shaken float32 runs from the exact tensors, for each of their elements."""
        noise, exact = {}, self.exact
        for i in range(runs):
            generator = torch.Generator().manual_seed(self.seed + i)
            tensors = self.run(torch.float32, generator).tensors
            for name in (name for name in tensors if name in exact and exact[name].is_floating_point()):
                distance = (tensors[name].double() - exact[name]).abs().float().nan_to_num()
                key = name.replace(".", "noise.", 1).replace("stagenoise.", "noise.", 1)
                noise[key] = torch.maximum(noise[key], distance) if key in noise else distance
        self.tensors.update(noise)

    def differs_in_training(self):
        outputs = {name: tensor for name, tensor in self.tensors.items() if name.startswith("output.")}

        def run():
            return self.run(torch.float32, stages=False).tensors

        return differs_in_training(self.model, self.seed, outputs, run)

    def all_tensors(self, prefix=""):
        """Under their names in the trace."""
        tensors = {**self.tensors, **{name.replace(".", "64.", 1): tensor for name, tensor in self.exact.items()}}
        tensors.update({INPUT + name: tensor for name, tensor in self.inputs.items()})
        return {prefix + name: tensor for name, tensor in tensors.items()}


def record_model(model, inputs, config, seed, threads, as_installed=False):
    """The recording and the metadata of its trace. One model, converted back and forth: never two are in memory."""
    recording = Recording(model, inputs, seed, as_installed=as_installed)
    progress("running float32")
    recording.in_float32()
    progress("running float64")
    to_float64(model)
    recording.in_float64()
    progress("shaking the last bits")
    to_float32(model)
    recording.noise(NOISE_RUNS)
    metadata = describe_recording(recording, config, threads)
    differs = None if as_installed else recording.differs_in_training()  # a traced graph has no dropout
    if differs is not None:
        metadata["training"] = json.dumps({"differs": differs})
    return recording, metadata


def describe_recording(recording, config, threads):
    metadata = {
        "stages": json.dumps(recording.calls),
        "output_masks": json.dumps(recording.output_masks),
        "not_comparable": json.dumps(recording.not_comparable),
        "not_called": json.dumps(never_called(recording.model, recording.calls, recording.as_installed)),
    }
    described = {"class": type(recording.model).__name__, "config": config}
    return {**describe_run(recording.seed, threads), **metadata, **described}


def describe_run(seed, threads):
    about = {"versions": json.dumps(versions()), "seed": str(seed), "threads": str(threads)}
    return {"crossload_trace": "1", **about, "stages": "[]"}

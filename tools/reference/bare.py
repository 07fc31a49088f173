"""A model without weights, from its configuration alone: parameters have shapes and no numbers, buffers are real.

Everything that runs it runs on torch's fake tensors, which compute shapes. So a model of any size is traced in little
memory; which numbers it would compute, nothing here can tell.
"""

import contextlib
import functools
import types

import torch
import transformers
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv

from reference import transformers5
from reference.messages import BAD_INPUT, UNKNOWN_CLASS, failing
from reference.models import Loaded, describe_config, find_class
from reference.own_code import own_class
from reference.traced_checkpoint import StoredTensors, files_of


def load_bare(path, class_name, config_fields, is_trusted=False):
    """(the Loaded model, its Fakes). `is_trusted`: code of the checkpoint's own may be run."""
    model_class = own_class(path, config_fields, class_name, is_trusted) or find_class(class_name)
    config_class = getattr(model_class, "config_class", None) or transformers.AutoConfig
    transformers5.check_config(config_fields, class_name, path)
    with failing(BAD_INPUT, f"{path}: cannot be made as {class_name}"):
        config = config_class.from_pretrained(str(path), local_files_only=True)
        config._attn_implementation = "eager"
        if class_name.startswith("AutoModel"):
            model_class = model_class._model_mapping[type(config)]
        with without_numbers():
            model = model_class(config).eval()
        fakes = Fakes(model)
    return Loaded(model, describe_config(config, type(model).__name__)), fakes


@contextlib.contextmanager
def without_numbers():
    """Modules that are made have parameters on the meta device, and do not fill them."""
    register = torch.nn.Module.register_parameter

    def on_meta(module, name, parameter):
        register(module, name, parameter)
        if parameter is not None and not parameter.is_meta:  # else it is tied to another
            made = parameter.detach().to("meta", torch.float32 if parameter.is_floating_point() else None)
            module._parameters[name] = torch.nn.Parameter(made, parameter.requires_grad)

    names = [name for name in dir(torch.nn.init) if name.endswith("_") and not name.startswith("_")]
    kept = {name: getattr(torch.nn.init, name) for name in names}
    torch.nn.Module.register_parameter = on_meta
    for name in names:
        setattr(torch.nn.init, name, lambda tensor, *_, **__: tensor)
    try:
        yield
    finally:
        torch.nn.Module.register_parameter = register
        for name, function in kept.items():
            setattr(torch.nn.init, name, function)


class Fakes:
    """Gives a model fake parameters and buffers. `buffers`: the real ones by name."""

    def __init__(self, model):
        self.mode = FakeTensorMode(shape_env=ShapeEnv(), allow_non_fake_inputs=True)
        self.buffers = dict(model.named_buffers(remove_duplicate=False))
        made = {}
        for module in model.modules():
            for kept in (module._parameters, module._buffers):
                for name, tensor in kept.items():
                    if tensor is not None:
                        kept[name] = made.setdefault(id(tensor), self.fake_of(tensor))
        forward = type(model).forward

        @functools.wraps(forward)
        def on_fakes(this, **keywords):
            if not any(map(is_real, keywords.values())):
                return forward(this, **keywords)  # torch.export has a mode of its own
            with self.mode:
                return forward(this, **self.inputs(keywords))

        model.forward = types.MethodType(on_fakes, model)

    def fake_of(self, tensor):
        with self.mode:
            made = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu")
        return torch.nn.Parameter(made, tensor.requires_grad) if isinstance(tensor, torch.nn.Parameter) else made

    def inputs(self, inputs):
        return {n: self.fake_of(t) if is_real(t) else t for n, t in inputs.items()}

    def real(self, name, tensor):
        """The value of a buffer or a constant of a traced program; a parameter's is fake."""
        if not isinstance(tensor, FakeTensor):
            return tensor
        known = self.buffers.get(name, tensor.constant)
        return tensor if known is None else known


def is_real(tensor):
    return isinstance(tensor, torch.Tensor) and not isinstance(tensor, FakeTensor)


class StoredShapes(StoredTensors):
    """The names and shapes of a checkpoint's tensors, or, where there is none, those that save_pretrained would write.
    What they hold is not looked at."""

    has_contents = False

    def __init__(self, path, model):
        if files_of(path):
            super().__init__(path)
            return
        self.readers, self.shapes, seen = {}, {}, set()
        for name, tensor in model.state_dict(keep_vars=True).items():
            if id(tensor) not in seen:
                seen.add(id(tensor))
                self.shapes[name] = tuple(tensor.shape)

    def holds(self, name, tensor):
        return self.shapes.get(name) == tuple(tensor.shape)


def check_has_keys(parameters, path):
    """Failure for parameters whose values only the weights can tell."""
    made = [one["name"] for one in parameters.described if one["value"] and one["value"].startswith("weight.")]
    if made:
        what = f"{made[0]} is no tensor of the checkpoint, but made of several"
        with failing(UNKNOWN_CLASS, f"{path}: cannot be traced without weights", "leave --no-weights out"):
            raise ValueError(what)

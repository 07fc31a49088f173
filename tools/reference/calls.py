"""Watching a run: which module called which, from which line, and which mask counts for what each returned.

The mask of a tensor is found by where the tensor comes from, never by its shape. A call belongs to the side of the
innermost module on the stack of calls that was handed one of the model's inputs that make rows (input_ids,
decoder_input_ids, pixel_values, ...), and the side's mask is the input that masks those rows, if it was given.
"""

import dataclasses
import functools
import inspect
import os
import sys
import weakref

import torch

from reference.complex_numbers import has_digits

MASK_OF = {
    "input_ids": "attention_mask",
    "inputs_embeds": "attention_mask",
    "input_values": "attention_mask",
    "input_features": "attention_mask",
    "decoder_input_ids": "decoder_attention_mask",
    "decoder_inputs_embeds": "decoder_attention_mask",
    "pixel_values": "pixel_mask",
}
NOWHERE = {"file": None, "line": None}
DECODER_ROWS = ("decoder_input_ids", "decoder_inputs_embeds")
# Inputs whose rows are keys: only what is made of them alone has those rows.
MASK_OF_KEYS = {"encoder_hidden_states": "encoder_attention_mask", "encoder_outputs": "attention_mask"}


def members_of(result):
    """(name or number, member) of what a module returned, that is no tensor: of a dictionary, a dataclass, a tuple with
    names or without, or a list; nothing of anything else."""
    if isinstance(result, dict):
        return list(result.items())
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return [(field.name, getattr(result, field.name, None)) for field in dataclasses.fields(result)]
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return list(zip(result._fields, result))
    return list(enumerate(result)) if isinstance(result, (tuple, list)) else []


def float_tensors(result):
    """The tensors of floating and of complex numbers in whatever a module returned, depth first."""
    if isinstance(result, torch.Tensor):
        return [result] if has_digits(result) else []
    return [tensor for _, member in members_of(result) for tensor in float_tensors(member)]


def tensors_in(arguments):
    """The tensors among the arguments of a call, and in lists and tuples among them."""
    found = []
    for argument in arguments:
        members = argument if isinstance(argument, (tuple, list)) else (argument,)
        found.extend(member for member in members if isinstance(member, torch.Tensor))
    return found


def storage_of(tensor):
    return tensor.untyped_storage().data_ptr()


@functools.lru_cache(maxsize=None)
def source_of(module_class):
    """Where it is written; of an exported module, where the class says that it was."""
    if hasattr(module_class, "exported_from"):
        return module_class.exported_from or NOWHERE
    try:
        file = os.path.basename(inspect.getsourcefile(module_class))
        return {"file": file, "line": inspect.getsourcelines(module_class)[1]}
    except (OSError, TypeError):
        return NOWHERE


@functools.lru_cache(maxsize=None)
def parameters_of(module_class):
    try:
        return tuple(inspect.signature(module_class.forward).parameters)[1:]  # without self
    except (ValueError, TypeError):
        return ()


class Origins:
    """Which mask a tensor's rows have, for the model's inputs and for what modules returned, by storage."""

    def __init__(self, inputs):
        self.inputs = {storage_of(tensor): name for name, tensor in inputs.items() if tensor.numel()}
        self.returned = {}  # storage: (weak reference to the tensor, mask); a storage may be freed and given again

    def input_name(self, tensor):
        return self.inputs.get(storage_of(tensor))

    def remember(self, tensor, mask):
        if tensor.numel():
            self.returned[storage_of(tensor)] = (weakref.ref(tensor), mask)

    def find(self, tensor):
        """(mask,) of a tensor that shares its storage with a living one that a module returned; () if there is none."""
        reference, mask = self.returned.get(storage_of(tensor), (lambda: None, None))
        return (mask,) if reference() is not None else ()


class Watch:
    """Hooks for one run of a model: the mask and the caller of every call, then those of its outputs. `path_of` gives
    the path in the trace of a module's path."""

    def __init__(self, model, inputs, path_of):
        self.model, self.given, self.path_of = model, inputs.keys(), path_of
        self.origins = Origins(inputs)
        self.stack = []  # of the calls that have not returned: (path, module, mask, caller)

    def hooks(self):
        modules = [(self.path_of(path), module) for path, module in self.model.named_modules()]
        return [m.register_forward_pre_hook(functools.partial(self.enter, p), with_kwargs=True) for p, m in modules]

    def enter(self, path, module, args, kwargs):
        mask = self.mask_of_call(module, args, kwargs)
        self.stack.append((path, module, mask, self.caller_of(module)))

    def leave(self, result):
        """The mask of the call that returned now, its caller, and the masks of the floating tensors in its result."""
        path, module, mask, caller = self.stack.pop()
        masks = []
        for tensor in float_tensors(result):
            known = self.origins.find(tensor)
            masks.append(known[0] if known else mask)
            if not known:
                self.origins.remember(tensor, mask)
        return mask, caller, masks

    def if_given(self, mask):
        return mask if mask in self.given else None

    def mask_of_call(self, module, args, kwargs):
        inherited = self.stack[-1][2] if self.stack else None
        parameters = parameters_of(type(module))
        tensors = tensors_in([*args, *kwargs.values()])
        names = [name for name in map(self.origins.input_name, tensors) if name]
        rows = [name for name in names if name in MASK_OF]
        if any(name in parameters for name in DECODER_ROWS) and (rows or not self.stack):
            own = [name for name in DECODER_ROWS if name in rows]  # an encoder and a decoder: it returns the decoder's
            return self.if_given(MASK_OF[own[0]]) if own else None
        if rows:
            masks = {self.if_given(MASK_OF[name]) for name in rows}
            return masks.pop() if len(masks) == 1 else None  # texts and images at once: of neither
        if len(tensors) == 1:
            if names and names[0] in MASK_OF_KEYS:
                return self.if_given(MASK_OF_KEYS[names[0]])
            known = self.origins.find(tensors[0])
            if known:
                return known[0]
        return inherited

    def caller_of(self, module):
        """The module whose forward made this call, and the line of the call."""
        if not self.stack:
            return None
        path, caller = self.stack[-1][:2]
        described = {"path": path, "class": type(caller).__name__}
        if hasattr(module, "called_from"):  # of an exported one, which an interpreter calls
            return {**described, **(module.called_from or NOWHERE)}
        frame = sys._getframe(1)
        while frame is not None and self.is_between(frame, module):
            frame = frame.f_back
        if frame is None:
            return {**described, **NOWHERE}
        return {**described, "file": os.path.basename(frame.f_code.co_filename), "line": frame.f_lineno}

    @staticmethod
    def is_between(frame, module):
        """Frames between the call in the caller's source and this hook: torch's, ours, and __call__ of the module."""
        file = frame.f_code.co_filename
        in_torch = file.endswith(("torch/nn/modules/module.py", "torch/utils/hooks.py"))
        return in_torch or file == __file__ or frame.f_locals.get("self") is module

    def output_masks(self, outputs):
        """By name: the mask of the module's result that the output is, else by its name, else of the main side."""
        return {name: self.mask_of_output(name, tensor) for name, tensor in outputs.items()}

    def mask_of_output(self, name, tensor):
        known = self.origins.find(tensor) if tensor.is_floating_point() else ()
        if known:
            return known[0]
        if name.startswith("encoder_"):
            sides = ("encoder_outputs", "input_ids", "inputs_embeds", "input_values", "input_features", "pixel_values")
            return self.side(*sides)
        is_pair = getattr(getattr(self.model, "config", None), "is_encoder_decoder", False)
        if is_pair or name.startswith(("decoder_", "cross_")):
            return self.side(*DECODER_ROWS) or (None if self.is_pair() else self.main_side())
        return self.main_side()

    def is_pair(self):
        return any(name in parameters_of(type(self.model)) for name in DECODER_ROWS)

    def main_side(self):
        masks = {self.if_given(mask) for name, mask in MASK_OF.items() if name in self.given}
        return masks.pop() if len(masks) == 1 else None

    def side(self, *names):
        masks = {**MASK_OF_KEYS, **MASK_OF}
        return next((self.if_given(masks[name]) for name in names if name in self.given), None)

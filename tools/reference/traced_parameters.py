"""The parameters of a traced model, each with the tensor of the checkpoint that it is read from.

That a parameter is read from a tensor is proved by its bits, not believed by its name: Transformers renames, ties, fuses
and splits on the way. What no one tensor holds travels with the program.
"""

import difflib
import re

import transformers

from reference.complex_numbers import PAIRS, as_pairs, described_parameter, has_digits
from reference.messages import BAD_INPUT, UNKNOWN_CLASS, Failure
from reference.traced_graph import dtype_name

KINDS = {"PARAMETER": "parameter", "BUFFER": "buffer", "CONSTANT_TENSOR": "constant"}
OLD_WORDS = (
    (r"weight$", "gamma"),
    (r"bias$", "beta"),
    (r"parametrizations\.weight\.original0$", "weight_g"),
    (r"parametrizations\.weight\.original1$", "weight_v"),
)


def storage(tensor):
    return tensor.untyped_storage()._cdata, tensor.storage_offset(), tuple(tensor.shape), tensor.stride()


class Names:
    """Which names of a checkpoint may stand for which of the model's, before any tensor is read."""

    def __init__(self, model, keys):
        self.state = model.state_dict(keep_vars=True) if keys else {}
        self.prefix = getattr(model, "base_model_prefix", "")
        self.keys = keys
        self.tied = {}
        for name, tensor in self.state.items():
            self.tied.setdefault(storage(tensor), []).append(name)
        self.renamed, self.made = renamings(model, keys, self.state)  # {key: name}
        self.of_key = {}
        for name in self.state:
            for key in self.spellings(name):
                if key in keys:
                    self.of_key.setdefault(key, name)
        self.of_key.update({key: name for key, name in self.renamed.items() if name in self.state})

    def spellings(self, name):
        """Of one name in files, the likeliest first."""
        found = [name]
        if self.prefix:
            start = f"{self.prefix}."
            found.append(name.removeprefix(start) if name.startswith(start) else start + name)
        return found + [old for one in found for pattern, word in OLD_WORDS if (old := re.sub(pattern, word, one)) != one]

    def all_names(self, name):
        """The name, and those of the parameters that are tied to it."""
        tensor = self.state.get(name)
        others = [] if tensor is None else self.tied[storage(tensor)]
        return [name, *(other for other in others if other != name)]

    def candidates(self, name):
        """Keys to look at first."""
        found = []
        for one in self.all_names(name):
            found += [key for key in self.spellings(one) if key in self.keys]
            found += [key for key, target in self.renamed.items() if target == one]
        return list(dict.fromkeys(found))

    def similar(self, name, shape):
        """All keys of this shape, those with the most similar names first."""
        keys = [key for key, of in self.keys.items() if of == shape]
        return sorted(keys, key=lambda key: -difflib.SequenceMatcher(None, name, key, autojunk=False).ratio())


def renamings(model, keys, state):
    """What Transformers 5 says of a checkpoint's keys: ({key: name} where it renames, the same where it makes the
    parameter of several or of a part)."""
    renamed, made = {}, {}
    if not isinstance(model, transformers.PreTrainedModel):  # whose keys are its own
        return renamed, made
    try:
        from transformers.conversion_mapping import get_model_conversion_mapping
        from transformers.core_model_loading import WeightConverter, rename_source_key

        transforms = get_model_conversion_mapping(model)
    except (ImportError, AttributeError):
        return renamed, made
    converters = [one for one in transforms if isinstance(one, WeightConverter)]
    renaming = [one for one in transforms if not isinstance(one, WeightConverter)]
    for key in keys:
        name, converted = rename_source_key(key, renaming, converters, model.base_model_prefix, state)
        (made if converted else renamed)[key] = name
    return renamed, made


class Parameters:
    """`described`: the program's parameters, `aside`: tensors of the checkpoint that none is read from, `tensors`: what
    travels with the program. `stored`: the checkpoint, None where its tensors all travel. `fakes`: of a model that has no
    weights, see bare.py."""

    def __init__(self, model, traced, needed, stored, unexpected, fakes=None):
        self.fakes = fakes
        self.model, self.program, self.stored, self.unexpected = model, traced.program, stored, unexpected
        self.names = Names(model, stored.shapes if stored else {})
        self.described, self.tensors, self.left_out = [], {}, set()
        self.nodes = []  # of the program, that make complex parameters of pairs
        self.key_of = {}  # by storage
        self.constant_of = {}  # by key
        for spec in self.program.graph_signature.input_specs:
            if spec.kind.name in KINDS:
                if spec.arg.name in needed:
                    self.described.append(self.describe(spec))
                else:
                    self.left_out.add(spec.target)
        self.aside = self.describe_others() if stored else []

    def value(self, name):
        found = self.program.state_dict.get(name)
        return (found if found is not None else self.program.constants[name]).detach()

    def describe(self, spec):
        name, kind, tensor = spec.target, KINDS[spec.kind.name], self.value(spec.target)
        is_stored = kind == "parameter" or (kind == "buffer" and spec.persistent)
        key = self.find_key(name, tensor) if is_stored and self.stored else None
        value = None
        if key is not None and not has_digits(tensor):  # no variable, which holds floating numbers alone
            self.constant_of[key], key = name, None
        if key is None:
            value = f"{'weight' if is_stored and has_digits(tensor) else 'constant'}.{name}"
            real = self.fakes.real(name, tensor) if self.fakes else tensor
            if real.is_meta:
                what = "a part that is neither a module nor a parameter of it, so that no checkpoint holds its weights"
                raise Failure(UNKNOWN_CLASS, f"{type(self.model).__name__} computes with {list(tensor.shape)} numbers of {what}")
            self.tensors[value] = as_pairs(real.detach()).contiguous().clone()
        node, pairs = spec.arg.name, as_pairs(tensor)
        if tensor.is_complex():
            self.nodes.append(described_parameter(node, tensor.shape))
            node += PAIRS
        about = {"node": node, "name": name, "kind": kind, "dtype": dtype_name(pairs.dtype)}
        is_trainable = kind == "parameter" and has_digits(tensor)
        return {**about, "shape": list(pairs.shape), "key": key, "value": value, "trainable": is_trainable}

    def find_key(self, name, tensor):
        if storage(tensor) not in self.key_of:
            keys = self.likely_keys(name, tuple(tensor.shape))
            self.key_of[storage(tensor)] = next((key for key in keys if self.stored.holds(key, tensor)), None)
        return self.key_of[storage(tensor)]

    def likely_keys(self, name, shape):
        """Those whose names say so, then, where contents can tell, all others."""
        yield from self.names.candidates(name)
        if self.stored.has_contents:
            yield from self.names.similar(name, shape)

    def describe_others(self):
        used = {one["key"] for one in self.described}
        found = [(key, self.reason(key)) for key in sorted(self.stored.shapes) if key not in used]
        return [{"key": key, "reason": reason} for key, reason in found if reason]

    def reason(self, key):
        """Why no parameter is read from a tensor; None where that is not known."""
        kind = type(self.model).__name__
        if key in self.constant_of:
            return f"{self.constant_of[key]} holds no floating numbers: it is a constant of the graph"
        makes = self.names.made.get(key)
        if makes:
            return f"Transformers makes {makes} of it"
        name = self.names.of_key.get(key)
        if name is not None:
            read = self.key_of.get(storage(self.names.state[name]))
            if read is not None:
                return f"PyTorch's {kind} ties it to {read}"
            if any(other in self.left_out for other in self.names.all_names(name)):
                return f"nothing that PyTorch's {kind} returns depends on it"
            if f"weight.{name}" in self.tensors:
                return f"Transformers makes {name} of it"
        if self.is_computed(key):
            return f"PyTorch's {kind} computes it itself"
        if self.is_not_read(key):
            return f"PyTorch's {kind} does not read it"
        if self.is_left_out(key):
            return f"nothing that PyTorch's {kind} returns depends on it"
        return None

    def is_left_out(self, key):
        """Whether a parameter that the graph does not need has this tensor, whatever it is called."""
        values = {name: self.value(name) for name in self.left_out}
        names = [name for name, value in values.items() if tuple(value.shape) == self.stored.shapes[key]]
        return any(self.stored.holds(key, values[name]) for name in names)

    def is_computed(self, key):
        """Whether it is a buffer that checkpoints had once, as position_ids."""
        own = (name for name, _ in self.model.named_buffers() if name not in self.names.state)
        return any(key in self.names.spellings(name) for name in own)

    def is_not_read(self, key):
        patterns = getattr(self.model, "_keys_to_ignore_on_load_unexpected", None) or ()
        name = self.names.renamed.get(key, key)
        return bool({key, name} & set(self.unexpected)) or any(re.search(pattern, name) for pattern in patterns)


def check_complete(parameters, path):
    """Failure for a checkpoint of which a tensor's use is not known."""
    known = {one["key"] for one in parameters.described} | {one["key"] for one in parameters.aside}
    unknown = sorted(parameters.stored.shapes.keys() - known) if parameters.stored else []
    if unknown:
        version = f"transformers {transformers.__version__}"
        what = f"{unknown[0]} is read by {version}, and no parameter of the traced model is seen to come from it"
        raise Failure(BAD_INPUT, f"{path}: {what}; save the model again with save_pretrained")

"""The tensors of a checkpoint's files, read one by one, by their names in the files."""

import torch

from reference.complex_numbers import as_pairs
from reference.files import WEIGHT
from reference.messages import BAD_INPUT, failing
from reference.wrapped import PREFIXES, inner_state

WHOLE, PARTS = ("model.safetensors", "pytorch_model.bin"), ("model*.safetensors", "pytorch_model*.bin")


def files_of(folder):
    """The files that from_pretrained reads: one, or all parts, of safetensors if there are any."""
    for whole, parts in zip(WHOLE, PARTS):
        if (folder / whole).is_file():
            return [folder / whole]
        if found := sorted(folder.glob(parts)):
            return found
    return []


class StoredTensors:
    """`shapes`: {name: shape}, `read(name)`: the tensor. Without what wraps all names, as "module.". No more than one
    tensor is in memory."""

    has_contents = True

    def __init__(self, path):
        self.readers, self.shapes = {}, {}
        for file in files_of(path) if path.is_dir() else [path]:
            with failing(BAD_INPUT, f"{file}: its tensors cannot be read"):
                self.open(file, "" if path.is_dir() else WEIGHT)
        while prefix := next((p for p in PREFIXES if self.shapes and all(n.startswith(p) for n in self.shapes)), None):
            self.shapes = {name[len(prefix) :]: shape for name, shape in self.shapes.items()}
            self.readers = {name[len(prefix) :]: reader for name, reader in self.readers.items()}

    def open(self, file, prefix):
        if file.suffix == ".bin":
            state = inner_state(torch.load(file, map_location="cpu", weights_only=True, mmap=True))
            for name, tensor in state.items():
                if isinstance(tensor, torch.Tensor):
                    self.add(name, tensor.shape, lambda tensor=tensor: tensor)
            return
        from safetensors import safe_open

        opened = safe_open(str(file), "pt")
        for name in opened.keys():
            if name.startswith(prefix):
                shape = opened.get_slice(name).get_shape()
                self.add(name[len(prefix) :], shape, lambda opened=opened, name=name: opened.get_tensor(name))

    def add(self, name, shape, reader):
        self.shapes[name], self.readers[name] = tuple(shape), reader

    def read(self, name):
        return self.readers[name]()

    def holds(self, name, tensor):
        """Whether the tensor of this name is, in float32, the same bits as this one."""
        if self.shapes.get(name) != tuple(tensor.shape):
            return False
        stored = self.read(name)
        is_alike = stored.is_floating_point() == tensor.is_floating_point() and stored.is_complex() == tensor.is_complex()
        stored = stored.to(tensor.dtype) if is_alike else stored
        return stored.dtype == tensor.dtype and same_bits(stored, tensor)


def same_bits(one, other):
    one, other = as_pairs(one), as_pairs(other)
    if torch.equal(one, other):
        return not one.is_floating_point() or bool((one.signbit() == other.signbit()).all())
    return one.detach().contiguous().numpy().tobytes() == other.detach().contiguous().numpy().tobytes()

"""Weights as trainers wrap them and save_file writes them, which from_pretrained does not take: the program reads them,
so PyTorch must too."""

import torch

from reference.files import load_tensors, read_header
from reference.messages import BAD_INPUT, failing

WRAPPERS = ("state_dict", "model_state_dict", "model")
PREFIXES = ("module.", "_orig_mod.")


def unwrapped(folder):
    """The tensors of a folder below "state_dict" and the like, without what DataParallel and torch.compile put before
    every name, and of safetensors that do not say whose they are; None where from_pretrained can see them as they are."""
    kinds = (("model*.safetensors", load_tensors), ("pytorch_model*.bin", load_pickle))
    files, load = next(((found, load) for pattern, load in kinds if (found := sorted(folder.glob(pattern)))), ([], None))
    state, changed = {}, any("format" not in read_header(file)[0]["__metadata__"] for file in files if load is load_tensors)
    for file in files:
        loaded = load(file)
        tensors = inner_state(loaded)
        changed = changed or tensors is not loaded
        state.update((name, value) for name, value in tensors.items() if isinstance(value, torch.Tensor))
    while prefix := next((one for one in PREFIXES if state and all(name.startswith(one) for name in state)), None):
        state, changed = {name[len(prefix) :]: value for name, value in state.items()}, True
    return state if changed else None


def inner_state(loaded):
    """The dict of tensors below "state_dict" and the like."""
    while not any(isinstance(value, torch.Tensor) for value in loaded.values()):
        inner = next((loaded[key] for key in WRAPPERS if isinstance(loaded.get(key), dict)), None)
        if inner is None:
            break
        loaded = inner
    return loaded


def load_pickle(path):
    with failing(BAD_INPUT, f"{path}: cannot be loaded by torch"):
        loaded = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(loaded, dict):
            raise TypeError(f"it holds {type(loaded).__name__}, not a dict")
        return loaded

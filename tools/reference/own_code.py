"""A checkpoint's own code: Python files beside its weights, whose classes config.json names under "auto_map".

They are run only where the user trusts them (--trust-remote-code, Transformers' name for it), and then go before classes of
Transformers that are called the same, as there.
"""

import contextlib
import re
import tempfile
from pathlib import Path

import transformers

from reference.messages import BAD_INPUT, UNKNOWN_CLASS, Failure, failing

FIELD = "auto_map"
ELSEWHERE = "--"  # between a repository and a module of it
OLDER = "its code may need another version of Transformers; --python names its Python"


def own_class(path, fields, class_name, is_trusted):
    """The class of this name that the checkpoint brings along; None where it brings none, or is not to be used and
    Transformers has one. Failure where there is no other."""
    is_known = is_of_transformers(class_name, fields)
    place = None if is_known and not is_trusted else place_of(path, fields, class_name, is_known)
    if place is None:
        return None
    if not is_trusted:
        what = f"{class_name} is code of the checkpoint's own ({place}), which is run when it is trusted"
        raise Failure(UNKNOWN_CLASS, f"{path}: {what}; read it, and give --trust-remote-code")
    return load(path, place)


def is_of_transformers(class_name, fields):
    """An Auto class is, where Transformers knows the model_type."""
    if class_name.startswith("AutoModel"):
        return fields.get("model_type") in transformers.models.auto.CONFIG_MAPPING
    return hasattr(transformers, class_name)


def place_of(path, fields, class_name, is_known):
    """"modeling_x.XModel", or with a repository before it; None where the checkpoint has no such class. `is_known`: there is
    another of this name.

    What config.json names under "architectures" need not be in its map, as ChatGLM's: then it is what AutoModel is there,
    which is what Transformers loads. A class that the user names is looked for in the files of those of the map."""
    named = fields.get(FIELD)
    named = named if isinstance(named, dict) else {}
    models = {key: place for key, place in named.items() if key.startswith("AutoModel") and isinstance(place, str)}
    if class_name in models:
        return models[class_name]
    found = next((place for place in models.values() if place.rpartition(".")[2] == class_name), None)
    if found or is_known or not models:
        return found
    if class_name == "AutoModel" or class_name in (fields.get("architectures") or ()):
        return models.get("AutoModel", next(iter(models.values())))
    modules = (place.rpartition(".")[0] for place in models.values())
    return next((f"{module}.{class_name}" for module in modules if has_class(path / f"{module}.py", class_name)), None)


def has_class(file, class_name):
    return file.is_file() and re.search(rf"^class {re.escape(class_name)}\b", file.read_text(encoding="utf-8"), re.MULTILINE)


def load(path, place):
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    repository, elsewhere, _ = place.rpartition(ELSEWHERE)
    hint = OLDER
    if elsewhere:
        hint = f"its code is in {repository}: fetch that with `hf download {repository}`, or copy the files here, and take "
        hint += f"{repository}{ELSEWHERE} out of {FIELD} in config.json"
    with failing(BAD_INPUT, f"{path}: {place} cannot be loaded", hint):
        return get_class_from_dynamic_module(place, str(path), local_files_only=True)


@contextlib.contextmanager
def own_cache():
    """A folder for the copies that Transformers imports, so that those of other checkpoints are neither taken nor replaced."""
    from transformers import dynamic_module_utils

    kept = dynamic_module_utils.HF_MODULES_CACHE
    with tempfile.TemporaryDirectory(prefix="crossload-code-") as dynamic_module_utils.HF_MODULES_CACHE:
        try:
            yield
        finally:
            dynamic_module_utils.HF_MODULES_CACHE = kept


def notes_of(path, model):
    """A sentence for the user, where code of the checkpoint's own was run."""
    module = type(model).__module__
    if not module.startswith("transformers_modules."):
        return []
    files = sorted(file.name for file in path.glob("*.py"))
    return [f"PyTorch ran code of the checkpoint's own: {', '.join(files) or module}"]

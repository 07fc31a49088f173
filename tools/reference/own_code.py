"""A checkpoint's own code: Python files beside its weights, whose classes config.json names under "auto_map".

They are run only where the user trusts them (--trust-remote-code, Transformers' name for it), and then go before classes of
Transformers that are called the same, as there.
"""

import contextlib
import tempfile
from pathlib import Path

import transformers

from reference.messages import BAD_INPUT, UNKNOWN_CLASS, Failure, failing

FIELD = "auto_map"
ELSEWHERE = "--"  # between a repository and a module of it


def own_class(path, fields, class_name, is_trusted):
    """The class of this name that the checkpoint brings along; None where it brings none, or is not to be used and
    Transformers has one. Failure where there is no other."""
    place = place_of(fields, class_name)
    if place is None:
        return None
    if not is_trusted:
        if hasattr(transformers, class_name) and not class_name.startswith("AutoModel"):
            return None
        if class_name.startswith("AutoModel") and fields.get("model_type") in transformers.models.auto.CONFIG_MAPPING:
            return None
        what = f"{class_name} is code of the checkpoint's own ({place}), which is run when it is trusted"
        raise Failure(UNKNOWN_CLASS, f"{path}: {what}; read it, and give --trust-remote-code")
    return load(path, place)


def place_of(fields, class_name):
    """"modeling_x.XModel", or with a repository before it; None where the checkpoint has no such class. `class_name` may be
    one of Transformers' Auto classes."""
    named = fields.get(FIELD)
    if not isinstance(named, dict):
        return None
    places = [place for place in named.values() if isinstance(place, str)]
    found = named.get(class_name, next((place for place in places if place.rpartition(".")[2] == class_name), None))
    return found if isinstance(found, str) else None


def load(path, place):
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    repository, elsewhere, _ = place.rpartition(ELSEWHERE)
    hint = "does it need another version of Transformers? --python names its Python"
    if elsewhere:
        hint = f"its code is in {repository}: copy the files here, and take {repository}{ELSEWHERE} out of {FIELD} in config.json"
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
    files = sorted(Path(path).glob("*.py")) if Path(path).is_dir() else []
    if not files or type(model).__module__.startswith("transformers."):
        return []
    return [f"PyTorch ran code of the checkpoint's own: {', '.join(file.name for file in files)}"]

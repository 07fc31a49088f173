"""Files of recipes, tests/goldens/*.json; docs/goldens.md describes them."""

import fnmatch
import importlib.metadata

from reference.files import read_json
from reference.messages import BAD_INPUT, USAGE, Failure, failing, listing


def read_recipes(paths, only=(), seed_offset=0, weight_scale=None):
    """The recipes of all files, each completed from its file's config and inputs so that it stands alone; of these
    those whose names match one of the patterns, if there are any. With Transformers 5 without those that the file says
    are not for it."""
    recipes = [recipe for path in paths for recipe in read_file(path)]
    names = [recipe["name"] for recipe in recipes]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise Failure(BAD_INPUT, f"more than one recipe is named {listing(repeated)}; each makes a file of its name")
    unknown = {pattern for pattern in only if not fnmatch.filter(names, pattern)}
    if unknown:
        raise Failure(USAGE, f"--only: there is no recipe {listing(unknown)}")
    for recipe in (recipe for recipe in recipes if not recipe.get("activations")):
        recipe["seed"] += seed_offset
        if weight_scale is not None:
            recipe["weight_scale"] = weight_scale
    return [recipe for recipe in recipes if not only or any(fnmatch.fnmatch(recipe["name"], one) for one in only)]


def read_file(path):
    document = read_json(path)
    with failing(BAD_INPUT, f"{path}: is no file of recipes"):
        recipes = [{"seed": 1, **recipe} for recipe in document["recipes"]]
        for recipe in (recipe for recipe in recipes if not recipe.get("activations")):
            recipe["config"] = {**document["config"], **recipe.get("config", {})}
            recipe.setdefault("inputs", document["inputs"])
            recipe["class"], recipe["name"]  # both are needed
        if not is_transformers_5():
            return recipes
        left_out = document.get("not_in_transformers_5", {})
        return [recipe for recipe in recipes if not any(fnmatch.fnmatch(recipe["name"], one) for one in left_out)]


def is_transformers_5():
    """Told without importing it."""
    try:
        return int(importlib.metadata.version("transformers").partition(".")[0]) >= 5
    except importlib.metadata.PackageNotFoundError:
        return False


def read_signatures(path, recipes):
    """The signature of each recipe by its name: of the file that recipe_signatures writes, or none."""
    if path is None:
        return {}
    document = read_json(path)
    missing = [recipe["name"] for recipe in recipes if "class" in recipe and recipe["name"] not in document]
    if missing:
        raise Failure(BAD_INPUT, f"{path}: lacks the signature of {listing(missing)}; make it again from the recipes")
    return document

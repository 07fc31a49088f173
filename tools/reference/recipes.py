"""Files of recipes, tests/goldens/*.json."""

from reference.files import read_json
from reference.messages import BAD_INPUT, USAGE, Failure, failing, listing


def read_recipes(path, only, seed_offset=0, weight_scale=None):
    """The recipes of a file, each completed from the file's config and inputs so that it stands alone."""
    document = read_json(path)
    with failing(BAD_INPUT, f"{path}: is no file of recipes"):
        recipes = [{"seed": 1, **recipe} for recipe in document["recipes"]]
        for recipe in (recipe for recipe in recipes if not recipe.get("activations")):
            recipe["config"] = {**document["config"], **recipe.get("config", {})}
            recipe.setdefault("inputs", document["inputs"])
            recipe["seed"] += seed_offset
            if weight_scale is not None:
                recipe["weight_scale"] = weight_scale
        names = [recipe["name"] for recipe in recipes]
    unknown = (only or set()) - set(names)
    if unknown:
        raise Failure(USAGE, f"--only: {path} has no recipe {listing(unknown)}")
    return [recipe for recipe in recipes if not only or recipe["name"] in only]

#!/usr/bin/env python3
"""Writes down what Transformers 4 has of TensorFlow: tests/fixtures/transformers_4.json.

  .venv/bin/python tools/record_v4.py [--transformers FOLDER]    FOLDER: of the installed package

Nothing is imported: its sources are read. For each model_type that v4 has in TensorFlow:

  file      its source, models/<x>/modeling_tf_<x>.py
  lines     how many lines that has
  classes   the classes of models in it, as its __all__ names them; for each the TFAutoModel families that
            modeling_tf_auto.py puts it in, sorted
"""

import argparse
import ast
import importlib.util
import json
import re
import sys
from pathlib import Path

OUTPUT = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "transformers_4.json"


def assignments(tree):
    """Top-level names and what is assigned to them."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node.value
    return found


def pairs_of(call):
    """The pairs in OrderedDict([(key, value), ...])."""
    return ast.literal_eval(call.args[0]) if call.args else []


def families(auto):
    """{class: {family, ...}} for each model_type, by modeling_tf_auto.py."""
    tree = ast.parse(auto.read_text(encoding="utf-8"))
    values = assignments(tree)
    found = {}
    for node in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        name = node.name.lstrip("_")  # _TFAutoModelWithLMHead is behind TFAutoModelWithLMHead
        for mapping in (s.value.id for s in node.body if isinstance(s, ast.Assign) and isinstance(s.value, ast.Name)):
            for model_type, classes in pairs_of(values[f"{mapping}_NAMES"]):
                for one in (classes,) if isinstance(classes, str) else classes:
                    found.setdefault(model_type, {}).setdefault(one, set()).add(name)
    return found


def folders(configuration):
    """The folder of models/ for each model_type, by configuration_auto.py."""
    values = assignments(ast.parse(configuration.read_text(encoding="utf-8")))
    special = dict(pairs_of(values["SPECIAL_MODEL_TYPE_TO_MODULE_NAME"]))
    types = (model_type for model_type, _ in pairs_of(values["CONFIG_MAPPING_NAMES"]))
    return {model_type: special.get(model_type, model_type.replace("-", "_")) for model_type in types}


def model_classes(tree):
    """The classes that can be loaded: those of __all__ but layers and abstract ones."""
    exported = ast.literal_eval(assignments(tree).get("__all__", ast.List([], ast.Load())))
    inner = re.compile(r"(Embeddings|Layer|LossMixin|Pre[Tt]rainedModel|Tokenizer)$")
    return [name for name in exported if name.startswith("TF") and not inner.search(name)]


def record(package):
    version = re.search(r'__version__ = "([^"]+)"', (package / "__init__.py").read_text(encoding="utf-8"))[1]
    auto = families(package / "models" / "auto" / "modeling_tf_auto.py")
    models = {}
    for model_type, folder in folders(package / "models" / "auto" / "configuration_auto.py").items():
        file = package / "models" / folder / f"modeling_tf_{folder}.py"
        if not file.is_file():
            continue
        source = file.read_text(encoding="utf-8")
        exported = model_classes(ast.parse(source))
        of_type = auto.get(model_type, {})
        # A folder may serve two types (data2vec); the families say which classes are whose.
        classes = {name: sorted(of_type.get(name, ())) for name in sorted({*exported, *of_type})}
        models[model_type] = {
            "file": f"models/{folder}/{file.name}",
            "lines": source.count("\n"),
            "classes": classes,
        }
    return {"transformers": version, "models": dict(sorted(models.items()))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transformers", type=Path, help="default: the one that this Python would import")
    package = parser.parse_args().transformers
    if package is None:
        spec = importlib.util.find_spec("transformers")  # looks it up, and imports nothing
        if spec is None:
            sys.exit("record_v4: this Python has no transformers; run `make setup`, and .venv/bin/python")
        package = Path(spec.submodule_search_locations[0])
    if not (package / "models" / "auto" / "modeling_tf_auto.py").is_file():
        sys.exit(f"record_v4: {package}: is no Transformers 4 (models/auto/modeling_tf_auto.py is not there)")
    recorded = record(package)
    OUTPUT.write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")
    print(f"{OUTPUT}: {len(recorded['models'])} model types of Transformers {recorded['transformers']}")


if __name__ == "__main__":
    main()

"""Folders of sentence-transformers: the transformer, and what makes an embedding of a text from its last hidden states.

The real modules run, below the names that modules.json gives them ("1", "2.linear"). The transformer keeps the names of
its own checkpoint: it is the model that is recorded, and has the other modules as children.
"""

import functools

import torch

from reference.files import read_config, read_json
from reference.libraries import import_library
from reference.messages import BAD_INPUT, failing
from reference.models import load_model

CLASS = "SentenceTransformer"
OUTPUT = "sentence_embedding"


def read_modules(path):
    """[(name, class, folder)], the transformer first."""
    entries = read_json(path / "modules.json")
    with failing(BAD_INPUT, f"{path / 'modules.json'}: is no list of modules"):
        found = [(entry["name"], entry["type"].rpartition(".")[2], path / entry["path"]) for entry in entries]
        if found[0][1] != "Transformer":
            raise ValueError(f"its first module is {found[0][1]}, not Transformer")
        return found


def transformer_folder(path):
    """Where the transformer's files are: the folder itself, or one below it, in an older layout."""
    return path if (path / "config.json").is_file() else read_modules(path)[0][2]


def load_sentences(path, seed, is_trusted=False):
    """Loaded; the model also makes a sentence_embedding. `is_trusted`: code of the transformer's own may be run."""
    folder = transformer_folder(path)
    fields = read_config(folder)
    class_name = "T5EncoderModel" if fields.get("model_type") == "t5" else "AutoModel"  # as Transformer chooses
    loaded = load_model(folder, class_name, fields, seed, is_trusted)
    without = "--override-model-class converts the transformer alone"
    library = import_library("sentence_transformers.models", alone=without)
    modules = []
    for name, kind, below in read_modules(path)[1:]:
        with failing(BAD_INPUT, f"{path}: module {name} cannot be loaded as {kind}"):
            modules.append((name, getattr(library, kind).load(str(below)).float()))
    loaded.model = with_modules(loaded.model, modules)
    return loaded


def embedding_alone(module, arguments, features):
    """A hook: of all features, those before it too, what the module made."""
    return features[OUTPUT]


def with_modules(model, modules):
    """The model, whose results have the sentence_embedding that the modules make of its last hidden states."""
    base = type(model)
    names = [name for name, _ in modules]

    class WithModules(base):
        @functools.wraps(base.forward)
        def forward(self, *arguments, **keywords):
            outputs = dict(base.forward(self, *arguments, **keywords))
            features = {"token_embeddings": outputs["last_hidden_state"]}
            if keywords.get("attention_mask") is not None:
                features["attention_mask"] = keywords["attention_mask"]
            for name in names:
                features[OUTPUT] = getattr(self, name)(features)
            return {**outputs, OUTPUT: features[OUTPUT]}

    for attribute in ("__name__", "__qualname__", "__module__"):
        setattr(WithModules, attribute, getattr(base, attribute))
    for name, module in modules:
        module.register_forward_hook(embedding_alone)
        model.add_module(name, module)
    model.__class__ = WithModules
    return model.eval()

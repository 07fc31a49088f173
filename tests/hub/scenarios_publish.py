"""Publishing: pull requests and pushes of both clients, what is refused, and every fault."""
import base64
import json
import re

from clients import OTHER_TOKEN, TOKEN, Failure
from hub_server import Fault
from models import tiny, wrong

PUT = r"/lfs/"


def ours(world, token=TOKEN, **variables):
    return world.ours(token=token, **variables)


def pull_requests(world, name="ada/tiny"):
    return world.hub.repos[name].discussions


def published(world, revision="refs/pr/1", name="ada/tiny"):
    """The files of the revision, as huggingface_hub sees them."""
    return world.theirs().call("files", repo=name, revision=revision)


def pull_request(world):
    """Title, description, files and the tag, read back with huggingface_hub."""
    world.hub.add_repo("ada/tiny", tiny())
    client = ours(world, token=OTHER_TOKEN)
    result = client.publish("ada/tiny", "--extra-commit-description", "Made on a Tuesday.")
    result.expect(0, "AGREES", "pull request: .*/ada/tiny/discussions/1")
    theirs = world.theirs()
    (found,) = theirs.call("pull_requests", repo="ada/tiny")
    text = found["text"]
    assert (found["title"], found["author"], found["status"]) == ("Add TF weights", "bob", "open")
    commit = world.hub.repos["ada/tiny"].refs["main"]
    for part in ("TFBertForMaskedLM", commit, r"\| outputs \| \d\.\d\de-0\d \| 1\.00e-05 \|", r"\| 51 of 51 modules",
                 "--model-name ada/tiny@refs/pr/N --no-pr", "Made on a Tuesday."):
        assert re.search(part, text), (part, text)
    assert "CAUTION" not in text
    files = published(world)
    assert set(files) == set(tiny()) | {"tf_model.h5", "crossload.json"}
    sums = dict(reversed(line.split("  ")) for line in text.splitlines() if re.match("[0-9a-f]{64}  ", line))
    assert sums == {"tf_model.h5": files["tf_model.h5"]["sha256"]}
    paths = [theirs.call("file", repo="ada/tiny", path=file, revision="refs/pr/1")
             for file in ("tf_model.h5", "crossload.json", "README.md")]
    assert open(paths[0], "rb").read() == (client.home.path / "out" / "tf_model.h5").read_bytes()
    certificate = json.load(open(paths[1]))
    assert (certificate["verdict"], certificate["model"]) == ("agrees", f"ada/tiny@{commit}")
    before = tiny()["README.md"].decode()
    assert open(paths[2]).read() == before.replace("  - fill-mask  # what it does\n", "  - fill-mask  # what it does\n  - tf\n")
    assert theirs.call("tags", card=paths[2]) == ["fill-mask", "tf"]
    # Anyone can check it as the description says.
    checker = world.ours()
    checker.publish("ada/tiny@refs/pr/1", "--no-pr").expect(0, "AGREES")


def same_with_theirs(world):
    """huggingface_hub does the same against the same server: multipart upload, commit, pull request, and the conflict."""
    repo = world.hub.add_repo("ada/tiny", tiny())
    client = world.theirs(token=TOKEN)
    weights = bytes(range(256)) * 600
    files = {"tf_model.h5": weights, "README.md": b"---\ntags:\n- tf\n---\n"}

    def commit(client, files, **options):
        encoded = {path: base64.b64encode(data).decode() for path, data in files.items()}
        return client.call("commit", repo="ada/tiny", files=encoded, message="Add TF weights", **options)

    head = repo.refs["main"]
    world.hub.faults[:] = [Fault("PUT", PUT, status=500)]
    url = commit(client, files, description="text", create_pr=True, parent=head)
    assert url.endswith("/ada/tiny/discussions/1"), url
    assert len(world.hub.uploads) == 1 and not world.hub.faults[0].times, "was not sent in parts, and again after the fault"
    assert published(world)["tf_model.h5"]["size"] == len(weights)
    world.hub.seen.clear()
    commit(client, files, parent=head)
    assert world.hub.count("storage", "PUT") == 0, "was sent again"
    for status, writer in ((412, client), (403, world.theirs(token="hf_AReadingSecret"))):
        try:
            commit(writer, {"tf_model.h5": weights + b"!"}, parent=head)
            raise AssertionError(f"a commit was taken that should get {status}")
        except Failure as failure:
            assert failure.status == status, failure


def xet(world):
    """Ours goes to the storage host and is read by Xet; what came by Xet is read by us, and not sent again."""
    world.hub.use_xet()
    world.hub.add_repo("ada/tiny", tiny())
    client = ours(world)
    client.publish("ada/tiny").expect(0, "pull request: .*/discussions/1")
    weights = (client.home.path / "out" / "tf_model.h5").read_bytes()
    world.hub.seen.clear()
    reader = world.theirs(xet=True)
    path = reader.call("file", repo="ada/tiny", path="tf_model.h5", revision="refs/pr/1")
    assert open(path, "rb").read() == weights
    assert world.hub.count("hub", "GET", "xet-read-token") and not world.hub.count("storage", "GET"), "not read by Xet"

    other = weights + bytes(1000)  # HDF5 allows that
    world.hub.expected = [other]
    certificate = (client.home.path / "out" / "crossload.json").read_bytes()
    files = {"tf_model.h5": other, "crossload.json": certificate}
    encoded = {path: base64.b64encode(data).decode() for path, data in files.items()}
    world.hub.seen.clear()
    url = world.theirs(token=OTHER_TOKEN, xet=True).call("commit", repo="ada/tiny", files=encoded, message="Add", create_pr=True)
    assert url.endswith("/discussions/2"), url
    # 0.36 sends what it holds in memory by LFS.
    assert world.hub.count("storage", "PUT") == 0 or world.release < 2, "not sent by Xet"
    world.ours().publish("ada/tiny@refs/pr/2", "--no-pr").expect(0, "AGREES")


def twice(world):
    """The second run finds the open pull request; what the storage has is not sent again."""
    world.hub.add_repo("ada/tiny", tiny())
    client = ours(world)
    client.publish("ada/tiny").expect(0, "pull request:")
    client.publish("ada/tiny", "--new-weights").expect(0, "is on the Hub already: .*/discussions/1")
    assert len(pull_requests(world)) == 1
    assert len(world.hub.uploads) == 1, "was not sent in parts"
    pull_requests(world)[0]["status"] = "closed"
    world.hub.seen.clear()
    client.publish("ada/tiny", "--new-weights").expect(0, "pull request: .*/discussions/2")
    assert world.hub.count("storage", "PUT") == 0, "what the storage has was sent again"


def push(world):
    repo = world.hub.add_repo("ada/tiny", tiny())
    client = ours(world)
    client.publish("ada/tiny", "--push").expect(0, "pushed: .*/commit/")
    assert not repo.discussions
    files = published(world, "main")
    assert {"tf_model.h5", "crossload.json"} < set(files)
    # Now the repository has TensorFlow weights.
    client.publish("ada/tiny").expect(2, "has TensorFlow weights already; give --new-weights")
    client.publish("ada/tiny", "--no-pr").expect(0, "AGREES")
    certificate = client.home.path / "certificate.json"
    client.publish("ada/tiny", "--no-pr", "--json", certificate).expect(0)
    assert json.loads(certificate.read_text())["model"] == "ada/tiny@" + repo.refs["main"]
    client.publish("ada/tiny", "--new-weights").expect(0, "pull request:|already")


def update(world):
    """Weights of another sharding leave with the commit that replaces them; wrong ones are found."""
    world.hub.add_repo("ada/tiny", tiny())
    client = ours(world)
    client.publish("ada/tiny", "--max-shard-size", "10KB", "--push").expect(0, "pushed")
    shards = {name for name in published(world, "main") if name.startswith("tf_model")}
    assert len(shards) > 2 and "tf_model.h5.index.json" in shards, shards
    client.publish("ada/tiny", "--no-pr").expect(0, "AGREES")
    client.publish("ada/tiny", "--new-weights").expect(0, "pull request: .*/discussions/1")
    assert pull_requests(world)[0]["title"] == "Update TF weights"
    assert {name for name in published(world) if name.startswith("tf_model")} == {"tf_model.h5"}
    # Existing weights that are not the checkpoint's.
    world.hub.change("ada/tiny", {"model.safetensors": wrong()["model.safetensors"]})
    client.publish("ada/tiny", "--no-pr").expect(1, "DISAGREES")


def refused(world):
    """Nothing is published that was not found to agree; and it is said before the work, where it can be."""
    world.hub.add_repo("ada/tiny", tiny())
    world.hub.add_repo("ada/wrong", wrong())
    client = ours(world)
    client.publish("ada/wrong").expect(1, "DISAGREES")
    client.publish("ada/tiny", "--no-verify").expect(2, "only what agrees is published")
    client.publish("ada/tiny", formats="safetensors").expect(2, "h5 is what is published")
    client.publish("ada/tiny", "--push", "--no-pr").expect(2, "exclude each other")
    client.publish("ada/tiny@refs/heads/x").expect(2, "goes to main")
    config = {"model_type": "t5", "scale_decoder_outputs": False, "tie_word_embeddings": True}
    world.hub.add_repo("ada/t5", tiny() | {"config.json": json.dumps(config).encode()})
    client.publish("ada/t5").expect(2, "its config.json is of Transformers 5, .* give --no-pr")
    ours(world, token=None).publish("ada/tiny").expect(2, "needs a token; run crossload login")
    ours(world, token="hf_AnExpiredSecret").publish("ada/tiny").expect(6, "refuses the token")
    ours(world, token="hf_AReadingSecret").publish("ada/tiny").expect(6, 'role "write"')
    assert not pull_requests(world) and not pull_requests(world, "ada/wrong")
    assert world.hub.count("hub", "POST", "/commit/") == 1  # of the token that may only read
    client.publish("ada/tiny", "--max-error", "1e-3").expect(0)
    assert "CAUTION" in pull_requests(world)[0]["description"]


def local_folder(world):
    """A folder of this machine is never published."""
    client = ours(world)
    folder = client.home.path / "tiny"
    folder.mkdir()
    for name in ("config.json", "model.safetensors"):
        (folder / name).write_bytes(tiny()[name])
    client.publish(folder).expect(0, "AGREES")
    client.publish(folder / "model.safetensors", "--new-weights").expect(0, "AGREES")
    client.publish(folder, "--push").expect(4, "--push")
    assert not world.hub.seen


def storage_faults(world):
    """Parts that fail, are cut, or whose addresses expire."""
    world.hub.add_repo("ada/tiny", tiny())

    def expire():
        world.hub.expired_before = world.hub.signature

    world.hub.faults[:] = [Fault("PUT", PUT, status=500), Fault("PUT", PUT, cut_unanswered=True),
                           Fault("PUT", PUT, status=503, headers={"Retry-After": "1"}),
                           Fault("POST", "/complete/", before=expire), Fault("POST", "/complete/", status=500)]
    ours(world).publish("ada/tiny").expect(0, "pull request:")
    assert all(fault.times == 0 for fault in world.hub.faults), world.hub.faults
    assert world.hub.count("hub", "POST", "batch") == 2, "no new addresses were asked for"
    assert "tf_model.h5" in published(world)


def storage_gone(world):
    world.hub.add_repo("ada/tiny", tiny())
    world.hub.faults[:] = [Fault("PUT", PUT, times=99, status=500)]
    client = ours(world, CROSSLOAD_HUB_TRIES="2")
    client.publish("ada/tiny").expect(6, "tf_model.h5: .* answers 500")
    assert not pull_requests(world)
    world.hub.faults.clear()
    client.publish("ada/tiny", "--new-weights").expect(0, "pull request:")


def commit_faults(world):
    """The Hub is busy; or it has done the commit, and the answer is lost: no second pull request is opened."""
    world.hub.add_repo("ada/tiny", tiny())
    client = ours(world)
    world.hub.faults[:] = [Fault("POST", "/preupload/", status=429, headers={"Retry-After": "1"}),
                           Fault("POST", "batch", status=502), Fault("POST", "verify", status=503),
                           Fault("POST", "/commit/", status=503), Fault("POST", "/commit/", cut_unanswered=True)]
    client.publish("ada/tiny").expect(0, "pull request: .*/discussions/1")
    assert len(pull_requests(world)) == 1, pull_requests(world)
    assert all(fault.times == 0 for fault in world.hub.faults)
    world.hub.faults[:] = [Fault("POST", "/commit/", cut_unanswered=True)]
    client.publish("ada/tiny", "--push", "--new-weights").expect(0, "pushed|already")
    assert len(world.hub.repos["ada/tiny"].commits) == 3


def conflict(world):
    """Main gets another commit meanwhile: of the card, then of the weights."""
    world.hub.add_repo("ada/tiny", tiny())

    def edit_card():
        world.hub.change("ada/tiny", {"README.md": b"---\ntags: [a]\n---\nNew words.\n"})

    def edit_weights():
        world.hub.change("ada/tiny", {"model.safetensors": wrong()["model.safetensors"]})

    client = ours(world)
    world.hub.faults[:] = [Fault("POST", "/commit/", before=edit_card)]
    client.publish("ada/tiny", "--push").expect(0, "pushed")
    repo = world.hub.repos["ada/tiny"]
    files = repo.commits[repo.refs["main"]]
    assert files["README.md"].data == b"---\ntags: [a, tf]\n---\nNew words.\n", files["README.md"].data
    world.hub.add_repo("ada/tiny", tiny())
    world.hub.faults[:] = [Fault("POST", "/commit/", before=edit_weights)]
    client.publish("ada/tiny", "--push", "--new-weights").expect(6, "model.safetensors changed on main while it was converted")
    assert "tf_model.h5" not in published(world, "main")
    world.hub.add_repo("ada/tiny", tiny())
    world.hub.faults[:] = [Fault("POST", "/commit/", times=99, before=edit_card)]
    world.hub.faults[0].before = lambda: world.hub.change("ada/tiny", {"notes.txt": str(len(world.hub.seen)).encode()})
    client.publish("ada/tiny", "--push", "--new-weights").expect(6, "another commit since it was read, 4 times")


ALL = [pull_request, same_with_theirs, xet, twice, push, update, refused, local_folder, storage_faults, storage_gone,
       commit_faults, conflict]

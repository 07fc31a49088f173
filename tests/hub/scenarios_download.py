"""Fetching: what both clients do, the cache that they share, and every fault."""
import resource
import signal
import subprocess
import time

from clients import OTHER_TOKEN, TOKEN, Failure, Home, Ours, Theirs
from hub_server import Fault
from models import large, tiny

BODY = r"/lfs/"  # of the storage host
NOWHERE = "http://localhost:9"


def each_client(world, token=None):
    yield world.ours(token=token)
    yield world.theirs(token=token)


def fetch(client, name="ada/large"):
    result = client.download(name)
    client.home.check()
    return result


def whole(client, name="ada/large"):
    result = fetch(client, name).expect(0)
    assert not client.home.incomplete()
    return result


def wait_for(condition):
    deadline = time.time() + 30
    while not condition() and time.time() < deadline:
        time.sleep(0.02)


def both_fetch(world):
    """Only what is needed; nothing again; the token stays with the Hub."""
    world.hub.add_repo("ada/large", large() | {"tf_model.h5": b"x", "onnx/model.onnx": b"y", "pytorch_model.bin": b"z"})
    for client in each_client(world, token=TOKEN):
        world.hub.seen.clear()
        whole(client)
        names = {path.name for path in client.home.repo("ada/large").glob("snapshots/*/*")}
        if isinstance(client, Ours):
            assert names == {"config.json", "model.safetensors", "vocab.txt"}, names
        bodies = world.hub.count("storage", "GET")
        assert bodies == 1, bodies
        assert all(seen.token == (seen.host == "hub") for seen in world.hub.seen), "a token went to the storage host"
        whole(client)
        assert world.hub.count("storage", "GET") == bodies, "fetched again"


def own_code(world):
    """Python files of the repository, where they are trusted alone."""
    world.hub.add_repo("ada/code", large() | {"modeling_own.py": b"x", "examples/run.py": b"y"})
    client = world.ours()
    for flags, found in ((), set()), (("--trust-remote-code",), {"modeling_own.py"}):
        client.download("ada/code", *flags).expect(0)
        names = {path.name for path in client.home.repo("ada/code").rglob("snapshots/*/*.py")}
        assert names == found, names


def shards(world):
    world.hub.add_repo("ada/sharded", large(sharded=True))
    for client in each_client(world):
        whole(client, "ada/sharded")


def revalidation(world):
    """A new commit costs only what changed in it."""
    for client in each_client(world):
        world.hub.add_repo("ada/large", large())
        whole(client)
        world.hub.seen.clear()
        commit = world.hub.change("ada/large", {"vocab.txt": b"[PAD]\n[UNK]\n" * 60})
        whole(client)
        assert world.hub.count("storage", "GET") == 0, "unchanged weights were fetched again"
        assert (client.home.repo("ada/large") / "refs" / "main").read_text() == commit
        snapshot = client.home.repo("ada/large") / "snapshots" / commit
        assert (snapshot / "vocab.txt").read_bytes() == b"[PAD]\n[UNK]\n" * 60


def revisions(world):
    repo = world.hub.add_repo("ada/large", large())
    first = repo.refs["main"]
    world.hub.change("ada/large", {"vocab.txt": b"second"}, ref="v2")
    for client in each_client(world):
        whole(client, "ada/large@v2")
        whole(client, f"ada/large@{first}")
        refs = client.home.repo("ada/large") / "refs"
        assert sorted(path.name for path in refs.iterdir()) == ["v2"], list(refs.iterdir())
        fetch(client, "ada/large@nowhere").expect(6, "(?i)revision")
    world.ours().download("hf://ada/large@v2").expect(0)
    world.ours().download("hf://ada/../large").expect(2, "no model of the Hub")


def shared_cache(world):
    """Each client reads what the other fetched, without the network."""
    commit = world.hub.add_repo("ada/large", large()).refs["main"]
    ours = world.ours()
    whole(ours)
    offline = world.theirs(endpoint=NOWHERE, home=ours.home, HF_HUB_OFFLINE="1")
    path = offline.call("file", repo="ada/large", path="model.safetensors")
    assert open(path, "rb").read() == large()["model.safetensors"]
    assert offline.call("cached", repo="ada/large", path="model.safetensors") == path
    assert offline.call("download", repo="ada/large") == str(ours.home.repo("ada/large") / "snapshots" / commit)
    assert offline.call("scan") == {"warnings": [], "files": {"ada/large": 3}}
    world.hub.seen.clear()
    whole(world.theirs(home=ours.home))
    assert world.hub.count("storage", "GET") == 0, "huggingface_hub fetched again what we had fetched"

    theirs = world.theirs()
    whole(theirs)
    world.ours(endpoint=NOWHERE, home=theirs.home, HF_HUB_OFFLINE="1").download("ada/large").expect(0)
    world.hub.seen.clear()
    whole(world.ours(home=theirs.home))
    assert world.hub.count("storage", "GET") == 0, "we fetched again what huggingface_hub had fetched"


def offline(world):
    world.hub.add_repo("ada/large", large())
    client = world.ours()
    whole(client)
    world.hub.seen.clear()
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        silent = world.ours(home=client.home, **{name: "1"})
        silent.download("ada/large").expect(0)
        silent.download("ada/other").expect(6, "HF_HUB_OFFLINE")
        silent.run("pt-to-tf", "--model-name", "ada/large").expect(2, "--no-pr")
    assert not world.hub.seen, "a request was made offline"
    gone = world.ours(endpoint=NOWHERE, home=client.home, CROSSLOAD_HUB_TRIES="2")
    gone.download("ada/large").expect(0, "going on with commit [0-9a-f]{40} of the cache")
    world.ours(endpoint=NOWHERE, CROSSLOAD_HUB_TRIES="2").download("ada/large").expect(6, "localhost:9")


def at_the_same_time(world):
    """Three processes of both kinds want the same file: one fetches it, and the others wait for the lock."""
    world.hub.add_repo("ada/large", large())
    home = Home()
    world.hub.faults.append(Fault("GET", BODY, trickle=0.1))
    world.hub.seen.clear()
    programs = []
    for i in range(2):
        client = world.ours(home=home)
        programs.append(client.start("pt-to-tf", "--model-name", "ada/large", "--no-pr", "--no-verify", "--formats", "h5",
                                     "--output", home.path / f"out{i}"))
    time.sleep(0.3)
    result = world.theirs(home=home).download("ada/large")
    for program in programs:
        output, _ = program.communicate(timeout=300)
        assert program.returncode == 0, output
    result.expect(0)
    home.check()
    assert world.hub.count("storage", "GET") == 1, world.hub.count("storage", "GET")


def cut(world):
    """The connection is cut twice: the transfer goes on where it ended."""
    for client in each_client(world):
        world.hub.add_repo("ada/large", large())
        world.hub.seen.clear()
        world.hub.faults[:] = [Fault("GET", BODY, times=2, cut_after=1_000_000)]
        if isinstance(client, Theirs) and world.release < 2:  # gives up at a cut
            fetch(client).expect(6, "IncompleteRead")
            fetch(client).expect(6, "IncompleteRead")
        whole(client)
        ranges = [seen.range for seen in world.hub.seen if seen.host == "storage" and seen.method == "GET"]
        # huggingface_hub has written nothing of less than 10 MB by then.
        assert ranges == (["", "bytes=1000000-", "bytes=2000000-"] if isinstance(client, Ours) else ["", "", ""]), ranges


def cut_for_good(world):
    """The network is gone in the middle; the next run goes on from there."""
    world.hub.add_repo("ada/large", large())
    client = world.ours(CROSSLOAD_HUB_TRIES="2")
    world.hub.faults[:] = [Fault("GET", BODY, cut_after=1_000_000), Fault("GET", BODY, times=9, cut_after=0)]
    fetch(client).expect(6, "1000000 of 2[0-9]+ bytes arrived", "goes on from there")
    assert [path.stat().st_size for path in client.home.incomplete()] == [1_000_000]
    world.hub.faults.clear()
    world.hub.seen.clear()
    fetch(world.theirs(home=client.home)).expect(0)
    # 0.36 goes on from there; 2 begins anew in a file of its own, and we clear ours away.
    ranges = [seen.range for seen in world.hub.seen if seen.host == "storage"]
    assert ranges == ([""] if world.release >= 2 else ["bytes=1000000-"]), ranges
    whole(client)
    assert world.hub.count("storage", "GET") == 1, "fetched again"


def killed(world):
    """Killed in the middle: no lock stays, and the next run goes on."""
    world.hub.add_repo("ada/large", large())
    client = world.ours()
    world.hub.faults[:] = [Fault("GET", BODY, trickle=0.3)]
    process = client.start("pt-to-tf", "--model-name", "ada/large", "--no-pr", "--no-verify")
    wait_for(lambda: any(path.stat().st_size > 0 for path in client.home.incomplete()))
    process.kill()
    process.communicate()
    client.home.check()
    assert client.home.incomplete(), "nothing was left to go on from"
    whole(client)


def killed_theirs(world):
    """huggingface_hub is killed in the middle: no lock stays, and we fetch the file."""
    world.hub.add_repo("ada/large", large())
    theirs = world.theirs()
    world.hub.faults[:] = [Fault("GET", BODY, trickle=0.3)]
    process = theirs.start("download", repo="ada/large")
    wait_for(theirs.home.incomplete)
    process.kill()
    process.wait()
    process.stdout.close()
    left = theirs.home.incomplete()
    assert left, "nothing was left"
    world.hub.faults.clear()
    ours = world.ours(home=theirs.home)
    fetch(ours).expect(0)
    # What 2 leaves has a name of its own, which might be in use where locks do not work: it stays.
    assert ours.home.incomplete() == (left if world.release >= 2 else []), ours.home.incomplete()
    world.hub.seen.clear()
    fetch(theirs).expect(0)
    assert world.hub.count("storage", "GET") == 0, "huggingface_hub fetched again"


def one_waits(world):
    """Whoever comes second waits for the other's lock, and takes what that has fetched."""
    for first_is_ours in (True, False):
        home = Home()
        world.hub.add_repo("ada/large", large())
        world.hub.seen.clear()
        world.hub.faults[:] = [Fault("GET", BODY, trickle=0.15)]
        ours, theirs = world.ours(home=home), world.theirs(home=home)

        def start_ours():
            return ours.start("pt-to-tf", "--model-name", "ada/large", "--no-pr", "--no-verify", "--formats", "h5")

        def start_theirs():
            return theirs.start("download", repo="ada/large")

        first = start_ours() if first_is_ours else start_theirs()
        wait_for(home.incomplete)
        second = start_theirs() if first_is_ours else start_ours()
        wait_for(lambda: world.hub.count("hub", "HEAD", "model.safetensors") == 2)
        assert first.poll() is None, "the first was done before the second came"
        program, process = (first, second) if first_is_ours else (second, first)
        output, _ = program.communicate(timeout=60)
        assert program.returncode == 0, output
        theirs.answer(process)
        home.check()
        assert world.hub.count("storage", "GET") == 1, world.hub.count("storage", "GET")
        locks = list((home.cache / ".locks" / "models--ada--large").iterdir())
        blobs = list((home.repo("ada/large") / "blobs").iterdir())
        assert {lock.name for lock in locks} == {blob.name + ".lock" for blob in blobs}, (locks, blobs)
        modes = {lock.stat().st_mode & 0o777 for lock in locks}
        assert modes == {0o664} or world.release < 2, f"not all who share the cache can lock: {modes}"


def names_that_are_not(world):
    """What huggingface_hub noted to be missing of a commit stays so, beside our files, and is no matter to us."""
    commit = world.hub.add_repo("ada/large", large()).refs["main"]
    theirs = world.theirs()
    for path in ("model.safetensors.index.json", "added_tokens.json"):
        try:
            theirs.call("file", repo="ada/large", path=path)
            raise AssertionError(f"{path} was found")
        except Failure as failure:
            assert failure.status == 404, failure
    ours = world.ours(home=theirs.home)
    whole(ours)
    offline = world.theirs(endpoint=NOWHERE, home=ours.home, HF_HUB_OFFLINE="1")
    assert offline.call("cached", repo="ada/large", path="added_tokens.json") == "no such file"
    assert offline.call("cached", repo="ada/large", path="config.json", revision=commit)
    assert offline.call("cached", repo="ada/large", path="tokenizer.json") is None
    # A file that a later commit has is found.
    world.hub.change("ada/large", {"added_tokens.json": b"{}"})
    whole(ours)
    assert offline.call("cached", repo="ada/large", path="added_tokens.json").endswith("added_tokens.json")


def xet(world):
    """huggingface_hub fetches by Xet, we over HTTP; either finds what the other has brought, in whatever store it is."""
    world.hub.use_xet()
    world.hub.add_repo("ada/large", large())
    theirs = world.theirs(xet=True)
    whole(theirs)
    assert world.hub.count("hub", "GET", "xet-read-token") and not world.hub.count("storage", "GET"), "not fetched by Xet"
    shared = [blob for blob in (theirs.home.repo("ada/large") / "blobs").iterdir() if blob.is_symlink()]
    assert len(shared) == (world.release >= 2), "the weights are not in the store that repositories share"
    world.ours(endpoint=NOWHERE, home=theirs.home, HF_HUB_OFFLINE="1").download("ada/large").expect(0)
    world.hub.change("ada/large", {"vocab.txt": b"[PAD]\n[UNK]\n" * 60})
    ours = world.ours(home=theirs.home)
    whole(ours)
    assert world.hub.count("storage", "GET") == 0, "we fetched again what came by Xet"
    assert theirs.call("scan") == {"warnings": [], "files": {"ada/large": 4}}
    # A file that broke in the shared store is no file of ours to write through.
    if shared:
        store = shared[0].resolve()
        store.chmod(0o644)
        store.write_bytes(b"broken")
        (theirs.home.repo("ada/large") / "snapshots" / world.hub.repos["ada/large"].refs["main"] / "model.safetensors").unlink()
        whole(ours)
        assert store.read_bytes() == b"broken" and not shared[0].is_symlink()
        assert theirs.call("delete", repo="ada/large") > 2_000_000 and not theirs.home.repo("ada/large").exists()

    ours = world.ours()
    whole(ours)
    world.hub.seen.clear()
    theirs = world.theirs(home=ours.home, xet=True)
    whole(theirs)
    fetched = [seen.path for seen in world.hub.seen if seen.host == "storage" or "xet" in seen.path]
    assert not fetched, f"huggingface_hub fetched again: {fetched}"
    assert theirs.call("delete", repo="ada/large") > 2_000_000 and not ours.home.repo("ada/large").exists()


def busy(world):
    """429 and 5xx pass, after the time that Retry-After names."""
    world.hub.add_repo("ada/large", large())
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 2))
    client = world.ours()
    world.hub.faults[:] = [Fault("GET", "/api/models", status=429, headers={"Retry-After": "1"}),
                           Fault("GET", "/api/models", status=503),
                           Fault("HEAD", "config.json", status=502),
                           Fault("HEAD", "model.safetensors", status=504),
                           Fault("GET", "vocab.txt", status=500),
                           Fault("GET", BODY, status=429, headers={"Retry-After": date})]
    start = time.time()
    whole(client)
    assert time.time() - start >= 1, "did not wait as Retry-After says"
    assert all(fault.times == 0 for fault in world.hub.faults)


def busy_for_good(world):
    world.hub.add_repo("ada/large", large())
    for client, tries in ((world.ours(CROSSLOAD_HUB_TRIES="2"), 2), (world.theirs(), 1)):
        world.hub.seen.clear()
        world.hub.faults[:] = [Fault("GET", "/api/models", times=99, status=503)]
        fetch(client).expect(6, "503|LocalEntryNotFoundError")
        assert world.hub.count("hub", "GET") == tries
    world.hub.faults[:] = [Fault("GET", "/api/models", times=99, status=429, headers={"Retry-After": "3600"})]
    fetch(world.ours()).expect(6, "asks to wait 3600 s")


def wrong_length(world):
    """Fewer bytes than announced, or announced and sent fewer than the Hub says, or more."""
    faults = [Fault("GET", BODY, announce=1000), Fault("GET", BODY, send=-1000), Fault("GET", BODY, send=1000)]
    for fault in faults:
        world.hub.add_repo("ada/large", large())
        world.hub.faults[:] = [fault]
        client = world.ours()
        whole(client)
    world.hub.faults[:] = [Fault("GET", BODY, times=99, send=-1000)]
    client = world.theirs()
    fetch(client).expect(6, "Consistency check failed|should be of size")
    world.hub.faults.clear()
    whole(client)
    world.hub.faults[:] = [Fault("GET", BODY, times=99, send=1000)]
    client = world.ours(CROSSLOAD_HUB_TRIES="2")
    fetch(client).expect(6, "more bytes arrive than")
    world.hub.faults.clear()
    whole(client)


def wrong_content(world):
    """A byte is off: fetched again; when it stays off, nothing of it is kept. (huggingface_hub does not look.)"""
    world.hub.add_repo("ada/large", large())
    world.hub.faults[:] = [Fault("GET", BODY, flip=True), Fault("GET", r"vocab.txt", flip=True)]
    whole(world.ours())
    for path in (BODY, "/config.json"):
        world.hub.faults[:] = [Fault("GET", path, times=99, flip=True)]
        client = world.ours()
        fetch(client).expect(6, "arrived 3 times with another content", "nothing of it was kept")
        world.hub.faults.clear()
        whole(client)


def wrong_remainder(world):
    """What an earlier run left is not the beginning of the file."""
    world.hub.add_repo("ada/large", large())
    client = world.ours(CROSSLOAD_HUB_TRIES="2")
    world.hub.faults[:] = [Fault("GET", BODY, cut_after=1_000_000), Fault("GET", BODY, times=9, cut_after=0)]
    fetch(client).expect(6)
    world.hub.faults.clear()
    left = client.home.incomplete()[0]
    left.write_bytes(bytes(1_000_000))
    whole(client)
    world.hub.faults[:] = [Fault("GET", BODY, cut_after=1_000_000), Fault("GET", BODY, ignore_range=True)]
    whole(world.ours())  # the storage sends the whole file again


def slow(world):
    """A slow body is waited for; one that stands still for HF_HUB_DOWNLOAD_TIMEOUT is asked for again."""
    for client in each_client(world):
        world.hub.add_repo("ada/large", large())
        world.hub.faults[:] = [Fault("GET", BODY, trickle=0.2)]
        world.hub.seen.clear()
        whole(client)
        assert world.hub.count("storage", "GET") == 1
        world.hub.add_repo("ada/second", large() | {"vocab.txt": b"2"})
        client.home = Home()
        if isinstance(client, Ours):
            client.environment["HF_HOME"] = str(client.home.path / "home")
        world.hub.faults[:] = [Fault("GET", BODY, stall=6)]
        whole(client, "ada/second")
        assert world.hub.count("storage", "GET") == 3, [(seen.range, seen.sent) for seen in world.hub.seen]


def expired_address(world):
    """The storage's address expired before it was used: the Hub gives another."""
    world.hub.add_repo("ada/large", large())
    client = world.ours()
    world.hub.faults[:] = [Fault("GET", BODY, cut_after=1_000_000), Fault("GET", BODY, status=403)]
    whole(client)


def permissions(world):
    world.hub.add_repo("ada/private", tiny(), private=True)
    world.hub.add_repo("ada/gated", tiny(), gated={"ada"})
    for client in each_client(world):
        fetch(client, "ada/private").expect(6, "(?i)private")
        fetch(client, "ada/nowhere").expect(6, "no such repository|Repository Not Found|401")
        fetch(client, "ada/gated").expect(6, "(?i)gated")
    for client in each_client(world, token=OTHER_TOKEN):
        fetch(client, "ada/gated").expect(6, "(?i)gated|restricted")
        whole(client, "ada/private")
    for client in each_client(world, token=TOKEN):
        whole(client, "ada/gated")
    for client in each_client(world, token="hf_AnExpiredSecret"):
        fetch(client, "ada/private").expect(6, "refuses the token|Invalid credentials|401")
    world.ours().download("ada/gated").expect(6, "ask for access at .*/ada/gated, then run crossload login")


def redirects(world):
    """A repository that moved; a loop; the way to an unencrypted or foreign address."""
    world.hub.add_repo("ada/large", large(), private=True)
    world.hub.moved["ada/former"] = "ada/large"
    for client in each_client(world, token=TOKEN):
        whole(client, "ada/former")
    world.hub.moved["ada/loop"] = "ada/loop"
    fetch(world.ours(), "ada/loop").expect(6, "redirects more than 10 times")
    client = world.ours(token=TOKEN)
    world.hub.seen.clear()
    world.hub.faults[:] = [Fault("GET", "/api/models", status=302, headers={"Location": world.hub.storage_endpoint + "/trap"}),
                           Fault("GET", "/trap", status=200)]
    fetch(client).expect(6)
    trapped = [seen for seen in world.hub.seen if seen.host == "storage"]
    assert trapped and not any(seen.token for seen in trapped), "the token was sent to another host"
    world.hub.faults[:] = [Fault("GET", "/api/models", status=302, headers={"Location": "file:///etc/passwd"})]
    fetch(client).expect(6)


def full_disk(world):
    """No room for the file: one error, and the next run goes on."""
    world.hub.add_repo("ada/large", large())
    client = world.ours()
    limit = 1_000_000

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    result = client.run("pt-to-tf", "--model-name", "ada/large", "--no-pr", "--no-verify", preexec_fn=small_files)
    result.expect(5, "the disk is full", "HF_HUB_CACHE")
    client.home.check()
    world.hub.seen.clear()
    whole(client)
    assert [seen.range for seen in world.hub.seen if seen.host == "storage"] == [f"bytes={limit}-"]
    on_a_small_disk(world)


def on_a_small_disk(world):
    """The same on a real disk of a megabyte, where the system lets us mount one."""
    client = world.ours()
    cache = client.home.path / "small"
    cache.mkdir()
    command = f'mount -t tmpfs -o size=1m none "{cache}" && "$@"; code=$?; ls "{cache}"/*/blobs; exit $code'
    client.environment["HF_HUB_CACHE"] = str(cache)
    arguments = ["unshare", "-rm", "sh", "-c", command, "sh", world.program, "pt-to-tf", "--model-name", "ada/large",
                 "--no-pr", "--no-verify"]
    run = subprocess.run(arguments, env=client.environment, cwd=client.home.path, capture_output=True, text=True)
    if "mount:" in run.stderr or "unshare:" in run.stderr:
        print("    (no mounting here: the limit on file sizes stands for the full disk)")
        return
    assert run.returncode == 5 and "the disk is full" in run.stderr, run.stderr


def hostile(world):
    """Names that would leave the cache, and answers that are no Hub's."""
    files = large(sharded=True)
    index = files["model.safetensors.index.json"].replace(b"model-00001-of-00002.safetensors", b"../../../evil")
    world.hub.add_repo("ada/hostile", files | {"model.safetensors.index.json": index})
    client = world.ours()
    fetch(client, "ada/hostile").expect(3, "evil")
    world.hub.add_repo("ada/large", large())
    for body in (b"<html>Log in to the hotel's network</html>", b'{"sha": "../../x", "siblings": []}', b"[]"):
        world.hub.faults[:] = [Fault("GET", "/api/models", status=200, body=body)]
        fetch(client).expect(6)
    world.hub.faults[:] = [Fault("HEAD", "config.json", status=200, headers={"ETag": '"../../evil"', "Content-Length": "2"})]
    fetch(client).expect(6, "no usable ETag")
    assert not list(client.home.path.glob("**/evil"))


ALL = [both_fetch, own_code, shards, revalidation, revisions, shared_cache, offline, at_the_same_time, one_waits,
       names_that_are_not, xet, cut, cut_for_good, killed, killed_theirs, busy,
       busy_for_good, wrong_length, wrong_content, wrong_remainder, slow, expired_address, permissions, redirects, full_disk,
       hostile]

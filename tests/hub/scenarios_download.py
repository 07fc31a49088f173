"""Fetching: what both clients do, the cache that they share, and every fault."""
import resource
import signal
import subprocess
import time

import huggingface_hub
from clients import OTHER_TOKEN, TOKEN, Home, Ours, Theirs
from hub_server import Fault
from models import large, tiny

BODY = r"/lfs/"  # of the storage host


def each_client(world, token=None):
    yield Ours(world.program, world.hub.endpoint, token=token)
    yield Theirs(world.hub.endpoint, token=token)


def fetch(client, name="ada/large"):
    result = client.download(name)
    client.home.check()
    return result


def whole(client, name="ada/large"):
    result = fetch(client, name).expect(0)
    assert not client.home.incomplete()
    return result


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
    Ours(world.program, world.hub.endpoint).download("hf://ada/large@v2").expect(0)
    Ours(world.program, world.hub.endpoint).download("hf://ada/../large").expect(2, "no model of the Hub")


def shared_cache(world):
    """Each client reads what the other fetched, without the network."""
    world.hub.add_repo("ada/large", large())
    ours = Ours(world.program, world.hub.endpoint)
    whole(ours)
    path = huggingface_hub.hf_hub_download("ada/large", "model.safetensors", cache_dir=ours.home.cache, local_files_only=True)
    assert open(path, "rb").read() == large()["model.safetensors"]
    scan = huggingface_hub.scan_cache_dir(ours.home.cache)
    assert not scan.warnings, scan.warnings
    assert {repo.repo_id: repo.nb_files for repo in scan.repos} == {"ada/large": 3}
    world.hub.seen.clear()
    whole(Theirs(world.hub.endpoint, home=ours.home))
    assert world.hub.count("storage", "GET") == 0, "huggingface_hub fetched again what we had fetched"

    theirs = Theirs(world.hub.endpoint)
    whole(theirs)
    offline = Ours("", "http://localhost:9", home=theirs.home, HF_HUB_OFFLINE="1")
    offline.program = world.program
    offline.download("ada/large").expect(0)
    world.hub.seen.clear()
    whole(Ours(world.program, world.hub.endpoint, home=theirs.home))
    assert world.hub.count("storage", "GET") == 0, "we fetched again what huggingface_hub had fetched"


def offline(world):
    world.hub.add_repo("ada/large", large())
    client = Ours(world.program, world.hub.endpoint)
    whole(client)
    world.hub.seen.clear()
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        silent = Ours(world.program, world.hub.endpoint, home=client.home, **{name: "1"})
        silent.download("ada/large").expect(0)
        silent.download("ada/other").expect(6, "HF_HUB_OFFLINE")
        silent.run("pt-to-tf", "--model-name", "ada/large").expect(2, "--no-pr")
    assert not world.hub.seen, "a request was made offline"
    gone = Ours(world.program, "http://localhost:9", home=client.home, CROSSLOAD_HUB_TRIES="2")
    gone.download("ada/large").expect(0, "going on with commit [0-9a-f]{40} of the cache")
    Ours(world.program, "http://localhost:9", CROSSLOAD_HUB_TRIES="2").download("ada/large").expect(6, "localhost:9")


def at_the_same_time(world):
    """Three processes of both kinds want the same file: one fetches it, and the others wait for the lock."""
    world.hub.add_repo("ada/large", large())
    home = Home()
    world.hub.faults.append(Fault("GET", BODY, trickle=0.1))
    world.hub.seen.clear()
    programs = []
    for i in range(2):
        client = Ours(world.program, world.hub.endpoint, home=home)
        programs.append(client.start("pt-to-tf", "--model-name", "ada/large", "--no-pr", "--no-verify", "--formats", "h5",
                                     "--output", home.path / f"out{i}"))
    time.sleep(0.3)
    result = Theirs(world.hub.endpoint, home=home).download("ada/large")
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
        if isinstance(client, Theirs):  # gives up at a cut, and has written nothing of less than 10 MB by then
            fetch(client).expect(6, "IncompleteRead")
            fetch(client).expect(6, "IncompleteRead")
        whole(client)
        ranges = [seen.range for seen in world.hub.seen if seen.host == "storage" and seen.method == "GET"]
        assert ranges == (["", "bytes=1000000-", "bytes=2000000-"] if isinstance(client, Ours) else ["", "", ""]), ranges


def cut_for_good(world):
    """The network is gone in the middle; the next run goes on from there."""
    world.hub.add_repo("ada/large", large())
    client = Ours(world.program, world.hub.endpoint, CROSSLOAD_HUB_TRIES="2")
    world.hub.faults[:] = [Fault("GET", BODY, cut_after=1_000_000), Fault("GET", BODY, times=9, cut_after=0)]
    fetch(client).expect(6, "1000000 of 2[0-9]+ bytes arrived", "goes on from there")
    assert [path.stat().st_size for path in client.home.incomplete()] == [1_000_000]
    world.hub.faults.clear()
    world.hub.seen.clear()
    whole(Theirs(world.hub.endpoint, home=client.home))  # the other client goes on too
    assert [seen.range for seen in world.hub.seen if seen.host == "storage"] == ["bytes=1000000-"]


def killed(world):
    """Killed in the middle: no lock stays, and the next run goes on."""
    world.hub.add_repo("ada/large", large())
    client = Ours(world.program, world.hub.endpoint)
    world.hub.faults[:] = [Fault("GET", BODY, trickle=0.3)]
    process = client.start("pt-to-tf", "--model-name", "ada/large", "--no-pr", "--no-verify")
    deadline = time.time() + 30
    while not any(path.stat().st_size > 0 for path in client.home.incomplete()) and time.time() < deadline:
        time.sleep(0.05)
    process.kill()
    process.communicate()
    client.home.check()
    assert client.home.incomplete(), "nothing was left to go on from"
    whole(client)


def busy(world):
    """429 and 5xx pass, after the time that Retry-After names."""
    world.hub.add_repo("ada/large", large())
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 2))
    client = Ours(world.program, world.hub.endpoint)
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
    for client, tries in ((Ours(world.program, world.hub.endpoint, CROSSLOAD_HUB_TRIES="2"), 2), (Theirs(world.hub.endpoint), 1)):
        world.hub.seen.clear()
        world.hub.faults[:] = [Fault("GET", "/api/models", times=99, status=503)]
        fetch(client).expect(6, "503|LocalEntryNotFoundError")
        assert world.hub.count("hub", "GET") == tries
    world.hub.faults[:] = [Fault("GET", "/api/models", times=99, status=429, headers={"Retry-After": "3600"})]
    fetch(Ours(world.program, world.hub.endpoint)).expect(6, "asks to wait 3600 s")


def wrong_length(world):
    """Fewer bytes than announced, or announced and sent fewer than the Hub says, or more."""
    faults = [Fault("GET", BODY, announce=1000), Fault("GET", BODY, send=-1000), Fault("GET", BODY, send=1000)]
    for fault in faults:
        world.hub.add_repo("ada/large", large())
        world.hub.faults[:] = [fault]
        client = Ours(world.program, world.hub.endpoint)
        whole(client)
    world.hub.faults[:] = [Fault("GET", BODY, times=99, send=-1000)]
    client = Theirs(world.hub.endpoint)
    fetch(client).expect(6, "Consistency check failed|should be of size")
    world.hub.faults.clear()
    whole(client)
    world.hub.faults[:] = [Fault("GET", BODY, times=99, send=1000)]
    client = Ours(world.program, world.hub.endpoint, CROSSLOAD_HUB_TRIES="2")
    fetch(client).expect(6, "more bytes arrive than")
    world.hub.faults.clear()
    whole(client)


def wrong_content(world):
    """A byte is off: fetched again; when it stays off, nothing of it is kept. (huggingface_hub does not look.)"""
    world.hub.add_repo("ada/large", large())
    world.hub.faults[:] = [Fault("GET", BODY, flip=True), Fault("GET", r"vocab.txt", flip=True)]
    whole(Ours(world.program, world.hub.endpoint))
    for path in (BODY, "/config.json"):
        world.hub.faults[:] = [Fault("GET", path, times=99, flip=True)]
        client = Ours(world.program, world.hub.endpoint)
        fetch(client).expect(6, "arrived 3 times with another content", "nothing of it was kept")
        world.hub.faults.clear()
        whole(client)


def wrong_remainder(world):
    """What an earlier run left is not the beginning of the file."""
    world.hub.add_repo("ada/large", large())
    client = Ours(world.program, world.hub.endpoint, CROSSLOAD_HUB_TRIES="2")
    world.hub.faults[:] = [Fault("GET", BODY, cut_after=1_000_000), Fault("GET", BODY, times=9, cut_after=0)]
    fetch(client).expect(6)
    world.hub.faults.clear()
    left = client.home.incomplete()[0]
    left.write_bytes(bytes(1_000_000))
    whole(client)
    world.hub.faults[:] = [Fault("GET", BODY, cut_after=1_000_000), Fault("GET", BODY, ignore_range=True)]
    whole(Ours(world.program, world.hub.endpoint))  # the storage sends the whole file again


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
    client = Ours(world.program, world.hub.endpoint)
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
    Ours(world.program, world.hub.endpoint).download("ada/gated").expect(6, "ask for access at .*/ada/gated, then run crossload login")


def redirects(world):
    """A repository that moved; a loop; the way to an unencrypted or foreign address."""
    world.hub.add_repo("ada/large", large(), private=True)
    world.hub.moved["ada/former"] = "ada/large"
    for client in each_client(world, token=TOKEN):
        whole(client, "ada/former")
    world.hub.moved["ada/loop"] = "ada/loop"
    fetch(Ours(world.program, world.hub.endpoint), "ada/loop").expect(6, "redirects more than 10 times")
    client = Ours(world.program, world.hub.endpoint, token=TOKEN)
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
    client = Ours(world.program, world.hub.endpoint)
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
    client = Ours(world.program, world.hub.endpoint)
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
    client = Ours(world.program, world.hub.endpoint)
    fetch(client, "ada/hostile").expect(3, "evil")
    world.hub.add_repo("ada/large", large())
    for body in (b"<html>Log in to the hotel's network</html>", b'{"sha": "../../x", "siblings": []}', b"[]"):
        world.hub.faults[:] = [Fault("GET", "/api/models", status=200, body=body)]
        fetch(client).expect(6)
    world.hub.faults[:] = [Fault("HEAD", "config.json", status=200, headers={"ETag": '"../../evil"', "Content-Length": "2"})]
    fetch(client).expect(6, "no usable ETag")
    assert not list(client.home.path.glob("**/evil"))


ALL = [both_fetch, shards, revalidation, revisions, shared_cache, offline, at_the_same_time, cut, cut_for_good, killed, busy,
       busy_for_good, wrong_length, wrong_content, wrong_remainder, slow, expired_address, permissions, redirects, full_disk,
       hostile]

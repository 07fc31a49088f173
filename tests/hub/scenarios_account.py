"""Tokens, encryption and proxies."""
import os
import pathlib
import pty
import re
import select
import socket
import stat
import subprocess
import threading
import time

from clients import OTHER_TOKEN, TOKEN, outputs
from hub_server import Fault, HubServer
from models import large, tiny


def login(world):
    client = world.ours()
    file = client.home.path / "home" / "token"
    client.run("whoami").expect(2, "nobody is logged in")
    client.run("logout").expect(0, "Nobody was logged in")
    client.run("login", "--token-stdin", stdin="hf_Wrong\n").expect(6, "refuses the token")
    client.run("login", "--token-stdin", stdin="\n").expect(2, "is empty")
    client.run("login", "--token-stdin", stdin="hf_A\tB\n").expect(2, "holds blanks")
    assert not file.exists()
    client.run("login", "--token-stdin", stdin=f"  {TOKEN}\r\n").expect(0, "Logged in as ada")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and file.read_text() == TOKEN
    assert world.theirs(home=client.home).call("token") == TOKEN
    client.run("whoami").expect(0, "^ada\n", "token: write", "member of society")
    client.environment["HF_TOKEN"] = OTHER_TOKEN
    client.run("whoami").expect(0, "^bob\n")
    del client.environment["HF_TOKEN"]
    (file.parent / "stored_tokens").write_text(f"[mine]\nhf_token = {TOKEN}\n\n[other]\nhf_token = {OTHER_TOKEN}\n\n")
    client.run("logout").expect(0, "Logged out")
    assert not file.exists()
    assert (file.parent / "stored_tokens").read_text() == f"[other]\nhf_token = {OTHER_TOKEN}\n\n"


def token_file_elsewhere(world):
    client = world.ours()
    client.environment |= {"HF_TOKEN_PATH": "$HOME_OF_TOKENS/mine", "HOME_OF_TOKENS": str(client.home.path / "tokens")}
    client.run("login", "--token-stdin", stdin=TOKEN).expect(0)
    assert (client.home.path / "tokens" / "mine").read_text() == TOKEN
    client.run("whoami").expect(0, "ada")


def token_of_theirs_is_ours(world):
    """huggingface_hub logs in, we are logged in; it logs out, we are out; and the other way round."""
    client = world.ours()
    home = client.home.path / "home"
    theirs = world.theirs(home=client.home)
    theirs.call("login", token=TOKEN)
    client.run("whoami").expect(0, "ada")
    client.run("logout").expect(0, "Logged out")
    assert theirs.call("token") is None
    assert TOKEN not in (home / "stored_tokens").read_text()
    client.run("login", "--token-stdin", stdin=OTHER_TOKEN).expect(0, "Logged in as bob")
    assert theirs.call("whoami") == "bob"
    theirs.call("logout")
    client.run("whoami").expect(2, "nobody is logged in")
    assert not [path for path in home.glob("**/*") if path.is_file() and OTHER_TOKEN in path.read_text()]


def token_of_a_browser(world):
    """Got by `hf auth login` in a browser, and expired: we say who renews it, and go on with what that brings."""
    client = world.ours()
    home = client.home.path / "home"
    home.mkdir()
    old = "hf_AnExpiredSecret"
    (home / "token").write_text(old)
    (home / "stored_tokens").write_text(f"[ada]\nhf_token = {old}\nrefresh_token = one\nexpires_at = 1700000000\n\n")
    client.run("whoami").expect(6, "hf auth login got by a browser and which expires; run hf auth whoami")
    world.hub.renewals["one"] = TOKEN
    theirs = world.theirs(home=client.home)
    if world.release < 2:  # does not know of such tokens
        return
    assert theirs.call("whoami") == "ada"
    client.run("whoami").expect(0, "^ada\n")
    client.run("logout").expect(0, "Logged out")
    assert "the-next" not in (home / "stored_tokens").read_text() and theirs.call("token") is None


def on_terminal(client, arguments, typed=b""):
    """Runs our program on a terminal of its own, and types when it is asked; returns its exit code and all it showed."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(client.home.path)
        os.execve(client.program, [client.program, *map(str, arguments)], client.environment)
    output, sent = "", False
    deadline = time.time() + 300
    while time.time() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                output += os.read(terminal, 4096).decode(errors="replace")
            except OSError:
                break
        if not sent and "not shown" in output:
            os.write(terminal, typed)
            sent = True
    _, status = os.waitpid(child, 0)
    outputs.append(output)
    return os.waitstatus_to_exitcode(status), output


def hidden_prompt(world):
    """What is typed on the terminal is not shown, and the terminal shows again what is typed afterwards."""
    client = world.ours()

    code, output = on_terminal(client, ["login"], TOKEN.encode() + b"x\x7f\n")
    assert code == 0 and "Logged in as ada" in output and "TheSecret" not in output, (code, output)
    code, output = on_terminal(client, ["login"], b"hf_half\x03")
    assert code == 2 and "nothing was changed" in output and "hf_half" not in output, (code, output)


def bars(world):
    """On a terminal each file has a bar that grows."""
    world.hub.add_repo("ada/large", large(sharded=True))
    world.hub.faults[:] = [Fault("GET", "/lfs/", times=2, trickle=0.1)]
    client = world.ours()
    code, output = on_terminal(client, ["pt-to-tf", "--model-name", "ada/large", "--no-pr", "--no-verify", "--formats", "h5"])
    assert code == 0, output
    for file in ("config.json", "vocab.txt", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"):
        assert re.search(re.escape(file) + r" +\[#{20}\] ([\d.]+)/\1 MB", output), (file, output)
    assert re.search(r"model-0000\d-of-00002.safetensors +\[#{3,16}\.{4,17}\]", output), output


def arguments(world):
    """No flag takes a token, which every user of the machine could read."""
    client = world.ours()
    for command in ("login", "logout", "whoami", "pt-to-tf"):
        assert not re.search(r"--token(?!-stdin)", client.run(command, "--help").expect(0).output)


def crash(world):
    """Killed by a fault of its own while it holds a token: no core file, nothing printed."""
    world.hub.add_repo("ada/tiny", tiny(), private=True)
    world.hub.faults[:] = [Fault("GET", "/lfs/", trickle=0.3)]
    client = world.ours(token=TOKEN)
    process = client.start("pt-to-tf", "--model-name", "ada/tiny", "--no-pr", "--no-verify")
    while not client.home.incomplete():
        time.sleep(0.05)
    limits = pathlib.Path(f"/proc/{process.pid}/limits").read_text()
    assert re.search(r"Max core file size +1 +1", limits), limits
    process.send_signal(11)
    output, _ = process.communicate()
    outputs.append(output)
    assert process.returncode == -11
    assert not [path for path in client.home.path.glob("**/core*")]


def certificate(folder):
    """A certificate for this machine that nobody has signed."""
    files = (str(folder / "cert.pem"), str(folder / "key.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", files[0], "-keyout", files[1]],
                   check=True, capture_output=True)
    return files


def encryption(world):
    """A certificate that is not trusted ends it at once; one that the user names is trusted."""
    client = world.ours(token=TOKEN)
    files = certificate(client.home.path)
    hub = HubServer(tls=files)
    try:
        hub.add_user(TOKEN, "ada")
        hub.add_repo("ada/tiny", tiny())
        client.environment["HF_ENDPOINT"] = hub.endpoint
        client.run("whoami").expect(6, "its certificate is not trusted")
        assert not hub.seen, "a request went to a server that is not trusted"
        for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
            trusting = world.ours(endpoint=hub.endpoint, token=TOKEN, **{name: files[0]})
            trusting.download("ada/tiny").expect(0)
        through_proxy(world, hub, files[0])
        # From https to http no redirect is followed.
        hub.faults[:] = [Fault("GET", "whoami", status=302, headers={"Location": world.hub.endpoint + "/api/whoami-v2"})]
        trusting.run("whoami").expect(6, "is not encrypted")
    finally:
        hub.close()


class Proxy:
    """Passes CONNECT and plain requests on, and notes the first line and headers of each."""

    def __init__(self):
        self.socket = socket.create_server(("localhost", 0))
        self.port = self.socket.getsockname()[1]
        self.heads = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        self.heads.append(head.decode())
        host, port = re.match(r"CONNECT ([\w.]+):(\d+)", head.decode()).groups()
        server = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        pair = {client: server, server: client}
        while True:
            for ready in select.select(list(pair), [], [])[0]:
                data = ready.recv(65536)
                if not data:
                    client.close()
                    server.close()
                    return
                pair[ready].sendall(data)


def through_proxy(world, hub, authority):
    """HTTPS_PROXY is used, and sees the tunnel alone; NO_PROXY is left alone."""
    proxy = Proxy()
    hub.seen.clear()
    client = world.ours(endpoint=hub.endpoint, token=TOKEN, REQUESTS_CA_BUNDLE=authority,
                        HTTPS_PROXY=f"http://localhost:{proxy.port}", no_proxy="")
    client.download("ada/tiny").expect(0)
    assert len(proxy.heads) >= 2 and all(head.startswith("CONNECT") for head in proxy.heads), proxy.heads
    assert not any(TOKEN in head for head in proxy.heads), "the proxy saw the token"
    count = len(proxy.heads)
    client = world.ours(endpoint=hub.endpoint, token=TOKEN, REQUESTS_CA_BUNDLE=authority,
                        HTTPS_PROXY=f"http://localhost:{proxy.port}", no_proxy="localhost,127.0.0.1")
    client.download("ada/tiny").expect(0)
    assert len(proxy.heads) == count
    proxy.socket.close()


ALL = [login, token_file_elsewhere, token_of_theirs_is_ours, token_of_a_browser, hidden_prompt, bars, arguments, crash, encryption]

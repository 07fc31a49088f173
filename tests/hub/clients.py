"""The two clients that go through the scenarios: our program, and huggingface_hub, each a process with an environment."""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import tempfile

from models import GOLDEN

TOKEN = "hf_TheSecretThatNobodyMaySee"
OTHER_TOKEN = "hf_AnotherSecretThatNobodyMaySee"
SECRETS = (TOKEN, OTHER_TOKEN, "hf_AnExpiredSecret", "hf_AReadingSecret")

outputs = []  # everything that our program has printed, to be searched for tokens


class Result:
    def __init__(self, code, output):
        self.code, self.output = code, output

    def expect(self, code, *parts):
        """Fails unless the exit code and every part (a regular expression) fit."""
        missing = [part for part in parts if not re.search(part, self.output)]
        if self.code != code or missing:
            raise AssertionError(f"exit code {self.code}, wanted {code}; missing {missing} in:\n{self.output}")
        return self


class Home:
    """A HF_HOME in a temporary folder."""

    def __init__(self):
        self.holder = tempfile.TemporaryDirectory(prefix="crossload-hub-")
        self.path = pathlib.Path(self.holder.name)
        self.cache = self.path / "home" / "hub"

    def repo(self, name):
        return self.cache / ("models--" + name.replace("/", "--"))

    def check(self):
        """No blob whose content is not what its name says, no link into nothing, no half of a file under a blob's name."""
        for blob in self.cache.glob("models--*/blobs/*"):
            if blob.suffix == ".incomplete":
                continue
            data = blob.read_bytes()
            git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            assert blob.name in (hashlib.sha256(data).hexdigest(), git), f"{blob} is corrupt"
        for link in self.cache.glob("models--*/snapshots/*/**/*"):
            assert link.exists(), f"{link} leads nowhere"
            assert link.is_dir() or (link.is_symlink() and not os.readlink(link).startswith("/")), f"{link} is no relative link"
        for ref in self.cache.glob("models--*/refs/**/*"):
            assert ref.is_dir() or re.fullmatch("[0-9a-f]{40}", ref.read_text()), f"{ref} names no commit"

    def incomplete(self):
        return list(self.cache.glob("models--*/blobs/*.incomplete"))


def environment(home, endpoint, token):
    """What both clients are told by."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    told = {"HF_HOME": str(home.path / "home"), "HF_ENDPOINT": endpoint, "HF_HUB_DOWNLOAD_TIMEOUT": "2",
            "no_proxy": "localhost,127.0.0.1"}
    return kept | told | ({"HF_TOKEN": token} if token else {})


class Ours:
    """The program, with this environment."""

    name = "crossload"

    def __init__(self, program, endpoint, home=None, token=None, **variables):
        self.program, self.home = program, home or Home()
        kept = {name: os.environ[name] for name in ("CROSSLOAD_TENSORFLOW", "CROSSLOAD_PYTHON") if name in os.environ}
        self.environment = environment(self.home, endpoint, token) | kept | variables

    def start(self, *arguments, **options):
        return subprocess.Popen([self.program, *map(str, arguments)], env=self.environment, cwd=self.home.path,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)

    def run(self, *arguments, stdin="", **options):
        process = self.start(*arguments, **options)
        output, _ = process.communicate(stdin, timeout=1500)
        outputs.append(output)
        return Result(process.returncode, output)

    def download(self, name, *flags):
        """Fetches what a conversion of the model needs, and converts it without comparing."""
        return self.run("pt-to-tf", "--model-name", name, "--no-pr", "--no-verify", "--formats", "h5", "--output",
                        self.home.path / "out", "--new-weights", *flags)

    def publish(self, name, *flags, formats="h5"):
        """Converts the model, verifies it against the golden's own trace, and publishes it."""
        return self.run("pt-to-tf", "--model-name", name, "--formats", formats, "--output", self.home.path / "out",
                        "--reference", GOLDEN, *flags)


class Failure(Exception):
    """What huggingface_hub raised."""

    def __init__(self, text, status):
        super().__init__(text)
        self.status = status


class Theirs:
    """huggingface_hub of some Python, asked for the same."""

    name = "huggingface_hub"

    def __init__(self, python, endpoint, home=None, token=None, xet=False, **variables):
        self.python, self.home = python, home or Home()
        self.environment = environment(self.home, endpoint, token) | {
            "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"} | variables
        if not xet:
            self.environment["HF_HUB_DISABLE_XET"] = "1"

    def start(self, name, **arguments):
        process = subprocess.Popen([self.python, pathlib.Path(__file__).with_name("theirs.py")], env=self.environment,
                                   cwd=self.home.path, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        process.stdin.write(json.dumps([name, arguments]))
        process.stdin.close()
        return process

    def call(self, name, **arguments):
        """What the function of theirs.py returns. Raises Failure."""
        return self.answer(self.start(name, **arguments))

    def answer(self, process):
        with process:
            output = process.stdout.read()
        try:
            answer = json.loads(output.splitlines()[-1])
        except (IndexError, ValueError):
            raise Failure(output, None) from None
        if "error" in answer:
            raise Failure(answer["error"], answer["status"])
        return answer["value"]

    def download(self, name):
        repo, _, revision = name.partition("@")
        try:
            return Result(0, self.call("download", repo=repo, revision=revision or None))
        except Failure as failure:
            return Result(6, str(failure))

"""The two clients that go through the scenarios: our program, and huggingface_hub. Both work on caches of their own."""
import hashlib
import os
import pathlib
import re
import subprocess
import tempfile

TOKEN = "hf_TheSecretThatNobodyMaySee"
OTHER_TOKEN = "hf_AnotherSecretThatNobodyMaySee"
SECRETS = (TOKEN, OTHER_TOKEN, "hf_AnExpiredSecret", "hf_AReadingSecret")

os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import huggingface_hub  # noqa: E402
import huggingface_hub.constants as constants  # noqa: E402
import huggingface_hub.file_download as file_download  # noqa: E402
from models import GOLDEN  # noqa: E402



def use_endpoint(endpoint):
    """For huggingface_hub as if HF_ENDPOINT were this, which it reads once, when it is imported."""
    constants.ENDPOINT = endpoint
    file_download.HUGGINGFACE_CO_URL_TEMPLATE = endpoint + "/{repo_id}/resolve/{revision}/{filename}"


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


class Ours:
    """The program, with this environment."""

    name = "crossload"

    def __init__(self, program, endpoint, home=None, token=None, **variables):
        self.program, self.home = program, home or Home()
        keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "CROSSLOAD_TENSORFLOW", "CROSSLOAD_PYTHON")
                if name in os.environ}
        self.environment = keep | {"HF_HOME": str(self.home.path / "home"), "HF_ENDPOINT": endpoint,
                                   "HF_HUB_DOWNLOAD_TIMEOUT": "2", "no_proxy": "localhost,127.0.0.1"}
        if token:
            self.environment["HF_TOKEN"] = token
        self.environment |= variables

    def start(self, *arguments, **options):
        return subprocess.Popen([self.program, *map(str, arguments)], env=self.environment, cwd=self.home.path,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)

    def run(self, *arguments, stdin="", **options):
        process = self.start(*arguments, **options)
        output, _ = process.communicate(stdin, timeout=1500)
        outputs.append(output)
        return Result(process.returncode, output)

    def download(self, name):
        """Fetches what a conversion of the model needs, and converts it without comparing."""
        return self.run("pt-to-tf", "--model-name", name, "--no-pr", "--no-verify", "--formats", "h5", "--output",
                        self.home.path / "out", "--new-weights")

    def publish(self, name, *flags, formats="h5"):
        """Converts the model, verifies it against the golden's own trace, and publishes it."""
        return self.run("pt-to-tf", "--model-name", name, "--formats", formats, "--output", self.home.path / "out",
                        "--reference", GOLDEN, *flags)


class Theirs:
    """huggingface_hub, asked for the same."""

    name = "huggingface_hub"

    def __init__(self, endpoint, home=None, token=None):
        self.endpoint, self.home, self.token = endpoint, home or Home(), token or False
        self.api = huggingface_hub.HfApi(endpoint=endpoint, token=self.token)
        constants.HF_HUB_DOWNLOAD_TIMEOUT = 2

    def download(self, name):
        repo, _, revision = name.partition("@")
        try:
            path = huggingface_hub.snapshot_download(
                repo, revision=revision or None, endpoint=self.endpoint, cache_dir=self.home.cache, token=self.token,
                allow_patterns=["config.json", "*.safetensors", "*.index.json", "vocab.txt"])
            return Result(0, path)
        except Exception as error:  # whatever it raises is its outcome
            return Result(6, f"{type(error).__name__}: {error}")

#!/usr/bin/env python3
"""Runs the scenarios of this folder: our program and huggingface_hub against a Hub on this machine.

    tests/hub/run.py build/crossload [--python PYTHON] [NAME...]

NAME is account, download, publish, or a scenario; all without. PYTHON has the huggingface_hub that takes part; when it is
given, the scenarios in which our program is alone are left out. The default is .venv/bin/python.
"""
import argparse
import inspect
import pathlib
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import clients  # noqa: E402
import scenarios_account  # noqa: E402
import scenarios_download  # noqa: E402
import scenarios_publish  # noqa: E402
from hub_server import HubServer  # noqa: E402

MODULES = [scenarios_account, scenarios_download, scenarios_publish]
ROOT = pathlib.Path(__file__).resolve().parents[2]


class World:
    """What a scenario starts from: a Hub with three users and no repositories."""

    def __init__(self, program, python, release):
        self.program, self.python, self.release = program, python, release
        self.hub = HubServer()
        self.hub.add_user(clients.TOKEN, "ada")
        self.hub.add_user(clients.OTHER_TOKEN, "bob")
        self.hub.add_user("hf_AReadingSecret", "eve", role="read")
        self.hub.add_user("hf_AnExpiredSecret", "ada", expired=True)


    def ours(self, endpoint="", **options):
        return clients.Ours(self.program, endpoint or self.hub.endpoint, **options)

    def theirs(self, endpoint="", **options):
        return clients.Theirs(self.python, endpoint or self.hub.endpoint, **options)


def has_theirs(scenario):
    return any(word in inspect.getsource(scenario) for word in ("each_client", ".theirs(", "published("))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--python", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    args = parser.parse_intermixed_args()
    program, wanted = str(args.program.resolve()), set(args.names)
    python = str((args.python or ROOT / ".venv/bin/python").absolute())
    version = clients.Theirs(python, "http://localhost:9").call("version")
    print(f"huggingface_hub {version}", flush=True)
    failures = 0
    for scenario in [each for module in MODULES for each in module.ALL]:
        module = scenario.__module__.removeprefix("scenarios_")
        if wanted and not wanted & {module, scenario.__name__}:
            continue
        if args.python and not has_theirs(scenario):
            continue
        world = World(program, python, int(version.split(".")[0]))
        start = time.time()
        try:
            scenario(world)
            verdict = "ok"
        except Exception:
            failures += 1
            verdict = "FAILED\n" + traceback.format_exc()
        finally:
            world.hub.close()
        print(f"{module}.{scenario.__name__}: {verdict} ({time.time() - start:.1f} s)", flush=True)
    for secret in clients.SECRETS:
        if any(secret in output for output in clients.outputs):
            print(f"FAILED: a token was printed ({secret[:6]}...)")
            failures += 1
    print(f"{len(clients.outputs)} outputs of the program searched for tokens; {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

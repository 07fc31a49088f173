#!/usr/bin/env python3
"""Runs the scenarios of this folder: our program and huggingface_hub against a Hub on this machine.

    tests/hub/run.py build/crossload [NAME...]     account, download, publish, or names of scenarios; all without
"""
import pathlib
import sys
import time
import traceback
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
warnings.filterwarnings("ignore")

import clients  # noqa: E402
import scenarios_account  # noqa: E402
import scenarios_download  # noqa: E402
import scenarios_publish  # noqa: E402
from hub_server import HubServer  # noqa: E402

MODULES = [scenarios_account, scenarios_download, scenarios_publish]


class World:
    """What a scenario starts from: a Hub with three users and no repositories."""

    def __init__(self, program):
        self.program = program
        self.hub = HubServer()
        clients.use_endpoint(self.hub.endpoint)
        self.hub.add_user(clients.TOKEN, "ada")
        self.hub.add_user(clients.OTHER_TOKEN, "bob")
        self.hub.add_user("hf_AReadingSecret", "eve", role="read")
        self.hub.add_user("hf_AnExpiredSecret", "ada", expired=True)


def main():
    program, wanted = str(pathlib.Path(sys.argv[1]).resolve()), set(sys.argv[2:])
    failures = 0
    for scenario in [each for module in MODULES for each in module.ALL]:
        module = scenario.__module__.removeprefix("scenarios_")
        if wanted and not wanted & {module, scenario.__name__}:
            continue
        world = World(program)
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

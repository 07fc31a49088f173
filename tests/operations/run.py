"""Proves the table of src/lowering/: samples of its operations by PyTorch and by TensorFlow.

    run.py PROGRAM FOLDER [--samples N] [--only REGEX] [--report FILE] [--quick]

PROGRAM is build/run_programs, FOLDER keeps the programs. Prints every sample that does not agree, and the share that
does. Exit code 1 when one gives other numbers than PyTorch; those that are refused are listed and counted.
"""

import argparse
import collections
import json
import logging
import os
import pathlib
import re
import subprocess
import sys
import time
import warnings

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tools"))

import torch  # noqa: E402

import database  # noqa: E402
import samples  # noqa: E402
from programs import File, operations_of  # noqa: E402


class Outcome:
    """Of one sample: `kind` is what run_programs says, or "not ours"."""

    def __init__(self, sample, kind, text, operations=()):
        self.sample, self.kind, self.text, self.operations = sample, kind, text, operations


def run(program, path, entries):
    """One outcome an entry. A process that dies counts against the program that it had begun."""
    found = []
    while len(found) < len(entries):
        command = [program, "--from", str(len(found)), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            one = json.loads(line)
            entry = entries[len(found)]
            found.append(Outcome(one["sample"], one["result"], reason(one["text"]), operations_of(entry["program"])))
        if done.returncode != 0:
            entry = entries[len(found)]
            last = (done.stderr.strip().splitlines() or [""])[-1]
            text = f"the process died ({done.returncode}): {last[:200]}"
            found.append(Outcome(entry["sample"], "dies", text, operations_of(entry["program"])))
    return found


def reason(text):
    """Without where the module is, which is the same for all."""
    return re.sub(r"^Samples \(.*?\): (TensorFlow cannot compute )?", "", text)


class Work:
    def __init__(self, arguments):
        self.arguments = arguments
        listed = subprocess.run([arguments.program, "--list"], capture_output=True, text=True, check=True)
        self.table = set(listed.stdout.split())
        self.outcomes = []

    def not_ours(self, sample, why):
        self.outcomes.append(Outcome(sample.name, "not ours", why))

    def prove(self, name, groups):
        """groups: lists of samples that are exported together."""
        file = File(self.table)
        for group in groups:
            file.add(group, self.not_ours)
        if not file.entries:
            return
        path = self.arguments.folder / f"{re.sub('[^A-Za-z0-9_.]', '_', name)}.safetensors"
        file.write(path)
        for one in run(self.arguments.program, path, file.entries):
            self.outcomes.append(one)
            if one.kind != "pass":
                print(f"{one.sample}: {one.kind}: {one.text[:300]}", flush=True)

    def prove_info(self, info, count):
        """First two samples, which tell whether the operation is of the table at all."""
        name = database.full_name(info)
        try:
            everything = database.samples_of(info, torch.float32, count)
            free = database.samples_of(info, torch.float32, min(count, 6), free=True)
            others = [database.samples_of(info, dtype, max(2, count // 3)) for dtype in database.DTYPES[1:]]
        except Exception as error:
            print(f"{name}: no samples: {error}")
            return
        first = next((one for one in (everything, *others) if one), [])
        probe = File(self.table)
        probe.add(first[:2], self.not_ours)
        if probe.entries or len(first) > 2 and self.is_mixed(first[2:]):
            self.outcomes = [one for one in self.outcomes if one.sample not in {sample.name for sample in first[:2]}]
            self.prove(name, [everything, *others, free])

    def is_mixed(self, rest):
        """Whether a later sample is of the table."""
        probe = File(self.table)
        probe.add(rest[:: max(1, len(rest) // 4)], lambda *_: None)
        return bool(probe.entries)


def summary(outcomes):
    counts = collections.Counter(one.kind for one in outcomes)
    ours = sum(count for kind, count in counts.items() if kind != "not ours")
    share = 100 * counts["pass"] / max(1, ours)
    parts = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
    return f"{counts['pass']} of {ours} samples pass ({share:.2f} %): {parts}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--samples", type=int, default=25)
    parser.add_argument("--only", default="")
    parser.add_argument("--report", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true", help="without those of the database but a few")
    parser.add_argument("--hand", action="store_true", help="those of samples.py alone")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    work, start = Work(arguments), time.time()
    for name, group in samples.groups():
        if re.search(arguments.only, name):
            work.prove(f"hand.{name}", [group])
    for info in [] if arguments.hand else database.infos():
        if re.search(arguments.only, database.full_name(info)):
            work.prove_info(info, 3 if arguments.quick else arguments.samples)
    (arguments.folder / "outcomes.json").write_text(json.dumps([vars(one) for one in work.outcomes]))
    if arguments.report:
        import report

        report.write(arguments.report, work.outcomes, sorted(work.table))
    print(f"{summary(work.outcomes)}; {time.time() - start:.0f} s")
    return 1 if any(one.kind in ("differs", "dies") for one in work.outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Proves the table of src/lowering/: samples of its operations, by PyTorch and by TensorFlow.

    run.py make PROGRAM FOLDER [--samples N] [--every N] [--only REGEX] [--hand]    samples, and what PyTorch computes
    run.py prove PROGRAM FOLDER [--only REGEX] [--report FILE]                      what TensorFlow computes of them
    run.py both ...                                                                 one after the other

PROGRAM is build/run_programs, FOLDER keeps the programs. `prove` prints every sample that does not agree, and the share
that does. Exit code 1 when one gives other numbers than PyTorch, or is refused for another reason than those of
known.py, or when fewer than half of the samples say anything.
"""

import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys

from known import KNOWN

HERE = pathlib.Path(__file__).resolve().parent


def table_of(program):
    """The operations that are known."""
    return set(subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split())


class Outcome:
    """Of one sample: `kind` is what run_programs says, or "dies", or "not ours"."""

    def __init__(self, sample, kind, text, operations=()):
        self.sample, self.kind, self.text, self.operations = sample, kind, text, operations


def reason(text):
    """Without where the module is, which is the same for all."""
    return re.sub(r"^Samples \(.*?\): (TensorFlow cannot compute )?", "", text)


def outcomes_of(program, paths, table):
    """Of all programs in the files. A process that dies counts against the program that it had begun."""
    waiting = [json.loads(path.with_suffix(".json").read_text()) for path in paths]
    entries = [(path, place, one) for path, all in zip(paths, waiting) for place, one in enumerate(all)]
    found = []
    while len(found) < len(entries):
        path, place, _ = entries[len(found)]
        command = [program, "--from", str(place), *paths[paths.index(path) :]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            said, entry = json.loads(line), entries[len(found)][2]
            found.append(Outcome(entry["sample"], said["result"], reason(said["text"]), entry["operations"]))
        if len(found) < len(entries):
            entry = entries[len(found)][2]
            last = (done.stderr.strip().splitlines() or [""])[-1]
            text = f"the process died ({done.returncode}): {last[:200]}"
            found.append(Outcome(entry["sample"], "dies", text, entry["operations"]))
    for one in found:
        unknown = [op for op in one.operations if op not in table]
        if unknown:
            one.kind, one.text = "not ours", f"not in the table: {', '.join(unknown)}"
    return found


def summary(outcomes):
    counts = collections.Counter(one.kind for one in outcomes)
    ours = sum(count for kind, count in counts.items() if kind != "not ours")
    share = 100 * counts["pass"] / max(1, ours)
    parts = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
    return f"{counts['pass']} of {ours} samples pass ({share:.2f} %): {parts}"


def is_known(outcome):
    """Whether an outcome that does not pass is one that is written down."""
    return any(
        kind == outcome.kind and re.search(pattern, outcome.sample + ": " + outcome.text) for kind, pattern in KNOWN
    )


def prove(arguments):
    paths = sorted(path for path in arguments.folder.glob("*.safetensors") if re.search(arguments.only, path.stem))
    table = table_of(arguments.program)
    outcomes = outcomes_of(arguments.program, paths, table)
    for one in outcomes:
        if one.kind not in ("pass", "not ours") and is_known(one):
            print(f"{one.sample}: {one.kind}: {one.text[:300]}")
    for path in sorted(arguments.folder.glob("*.not_ours.json")):
        outcomes += [Outcome(one["sample"], "not ours", one["why"]) for one in json.loads(path.read_text())]
    if arguments.report:
        import report

        report.write(arguments.report, outcomes, sorted(table))
    surprises = [one for one in outcomes if one.kind not in ("pass", "not ours") and not is_known(one)]
    for one in surprises:
        print(f"not expected: {one.sample}: {one.kind}: {one.text[:300]}")
    print(summary(outcomes))
    says_little = 2 * sum(one.kind == "not ours" for one in outcomes) > len(outcomes)
    return 1 if surprises or not outcomes or says_little and not arguments.report else 0


def make(arguments):
    sys.path.insert(0, str(HERE.parents[1] / "tools"))
    import making

    making.make(arguments, table_of(arguments.program))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=("make", "prove", "both"))
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--samples", type=int, default=8, help="of each operation of the database, in float32")
    parser.add_argument("--every", type=int, default=0, help="of those by hand each N-th, of the database the core")
    parser.add_argument("--only", default="", help="what the names of operations hold")
    parser.add_argument("--hand", action="store_true", help="those of samples.py alone")
    parser.add_argument("--report", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.step != "prove":
        make(arguments)
    return 0 if arguments.step == "make" else prove(arguments)


if __name__ == "__main__":
    sys.exit(main())

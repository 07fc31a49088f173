"""Chooses the rule of agreement by measuring: `make bench-agreement`.

Records every recipe of tests/goldens/ at several scales of its random weights, converts each soundly with one thread and
two, with oneDNN off and on, and puts the faults of docs/faults.md beside. For each rule it prints how many sound
conversions it would refuse (false alarms) and how many faults it would find.
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCALES = (0.02, 0.1, 0.25, 1.0)
MULTIPLES = (1, 1.5, 2, 3, 4, 6, 8, 16)


def run(command, **options):
    return subprocess.run([str(word) for word in command], check=True, **options)


def record(folder, scales):
    """Traces below folder/<scale>/, one process of PyTorch a scale."""
    for number, scale in enumerate(scales):
        output = folder / f"{scale:g}"
        if (output / "done").exists():
            continue
        output.mkdir(parents=True, exist_ok=True)
        recipes = sorted((ROOT / "tests" / "goldens").glob("*.json"))
        print(f"recording {len(recipes)} files of recipes with weights of scale {scale:g}", file=sys.stderr, flush=True)
        command = [ROOT / ".venv/bin/python", "-W", "ignore", ROOT / "tools/record_reference.py", "--recipes", *recipes,
                   "--output-dir", output, "--weight-scale", scale, "--seed-offset", 1000 * (number + 1)]
        run(command, stdout=subprocess.DEVNULL)
        (output / "done").touch()


def measure(program, arguments):
    output = run([program, *arguments], stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def number(value):
    return float("inf") if value == "Infinity" else float(value)


def rules():
    """Name and refusal of each rule."""
    yield "\\|TF - PT\\| <= 1e-5 alone", lambda line: line["absolute"]
    yield "the rule before: padded positions alone by noise", lambda line: line["before"]
    yield "1e-5 + 1.3e-6 \\|PT\\| alone", lambda line: number(line["row"]) > 0
    for pool in ("row", "tensor"):
        for multiple in MULTIPLES:
            name = f"..., or {multiple:g} x the noise of the {pool}"
            yield name, lambda line, pool=pool, multiple=multiple: number(line[pool]) > multiple


def table(sound, faults):
    print(f"{len(sound)} sound conversions, {sum(line['tensors'] for line in sound)} tensors; {len(faults)} faults\n")
    print("| rule | false alarms | faults found |\n|---|---|---|")
    for name, refuses in rules():
        print(f"| {name} | {sum(map(refuses, sound))} | {sum(map(refuses, faults))} |")
    for pool in ("row", "tensor"):
        worst = sorted(sound, key=lambda line: -number(line[pool]))[:5]
        print(f"\nThe largest ratios to the noise of the {pool}: " +
              ", ".join(f"{number(line[pool]):.2f} ({line['name']}, {line['threads']} threads"
                        f"{', oneDNN' if line['onednn'] else ''})" for line in worst))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, default=ROOT / "build/bench_agreement")
    parser.add_argument("--folder", type=Path, default=ROOT / "build/agreement", help="for the traces, kept")
    parser.add_argument("--scales", default=",".join(map(str, SCALES)))
    args = parser.parse_args()
    scales = [float(scale) for scale in args.scales.split(",")]
    record(args.folder, scales)
    sound = []
    for scale in scales:
        traces = sorted(path for path in (args.folder / f"{scale:g}").glob("*.safetensors") if path.stem != "activations")
        for onednn in ([], ["--onednn"]):
            print(f"converting {len(traces)} at scale {scale:g} {' '.join(onednn)}", file=sys.stderr, flush=True)
            for line in measure(args.program, [*onednn, "--threads", "1,2", *traces]):
                sound.append({**line, "name": f"{line['name'].removesuffix('.safetensors')} at {scale:g}"})
    table(sound, measure(args.program, ["--faults"]))


if __name__ == "__main__":
    main()

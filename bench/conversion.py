"""Measures weights-only conversions of synthetic BERT-like checkpoints against `cp` of the same bytes, in one run.

    python bench/conversion.py [--sizes 0.1,1,8] [--repeat 3] [--folder FOLDER] [--transformers] [--crossload PROGRAM]

Each line is the run with the least wall time of --repeat runs, after one that warms the page cache; `cp` is followed by
fsync of the copy, because a conversion ends only when its files are on the disk. `anon` is the peak of RssAnon: private
memory, without mapped files. `x cp` is wall time over that of the `cp` of the same checkpoint in the same run.
--transformers adds Transformers 4.57's from_pretrained(from_pt=True) and save_pretrained at 0.1 GB.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
CROSSLOAD = HERE.parent / "build" / "crossload"
FILES = {"safetensors": "model.safetensors", "bin": "pytorch_model.bin"}
COPY = "import os,subprocess,sys\nsubprocess.run(['cp',*sys.argv[1:]],check=True)\nos.fsync(os.open(sys.argv[2],0))"
V4 = """
import sys, transformers
model = transformers.TFBertModel.from_pretrained(sys.argv[1], from_pt=True)
model.save_pretrained(sys.argv[2])
"""


def peak_of(pid):
    """RssAnon in MiB, and characters and bytes read and written, of a process that still runs."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        anon = int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1])
        io = dict(line.split(": ") for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines())
        return anon / 1024, int(io["read_bytes"]), int(io["wchar"])
    except (OSError, StopIteration, KeyError):
        return None


def measure(command):
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    anon, read, written = 0, 0, 0
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        now = peak_of(process.pid)
        if now:
            anon, read, written = max(anon, now[0]), max(read, now[1]), max(written, now[2])
        time.sleep(0.005)
    wall = time.monotonic() - begin
    if status != 0:
        sys.exit(f"{command[0]} failed: {process.stderr.read().decode()}")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "anon": anon, "read": read, "written": written}


def best(command, repeat, before):
    results = []
    for _ in range(repeat):
        before()
        os.sync()
        results.append(measure([str(word) for word in command]))
    return min(results, key=lambda result: result["wall"]) | {"anon": max(result["anon"] for result in results)}


def print_line(size, what, result, copy):
    print(f"| {size} | {what} | {result['wall']:.2f} | {result['cpu']:.2f} | {result['anon']:.0f} | "
          f"{result['read'] / 1e9:.2f} | {result['written'] / 1e9:.2f} | {result['wall'] / copy['wall']:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="0.1,1,8")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--folder", type=pathlib.Path, default=None)
    parser.add_argument("--transformers", action="store_true")
    parser.add_argument("--crossload", type=pathlib.Path, default=CROSSLOAD)
    arguments = parser.parse_args()
    print("| GB | what | wall s | CPU s | anon MiB | GB read from disk | GB written | x cp |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="crossload-bench-") as scratch:
        root = pathlib.Path(scratch)
        out = root / "out"
        clean = lambda: shutil.rmtree(out, ignore_errors=True)
        for size in arguments.sizes.split(","):
            for kind, file in FILES.items():
                model = root / "model"
                subprocess.run([sys.executable, HERE / "make_checkpoint.py", model, "--gigabytes", size, "--format", kind],
                               check=True)
                source = model / file

                def before_copy():
                    clean()
                    out.mkdir()

                copy = best([sys.executable, "-c", COPY, source, out / "copy"], arguments.repeat, before_copy)
                print_line(size, f"cp {file}", copy, copy)
                for formats in ("safetensors", "h5"):
                    command = [arguments.crossload, "pt-to-tf", "--model-name", model, "--output", out, "--no-verify", "--formats",
                               formats, "--max-shard-size", "100GB"]
                    print_line(size, f"{file} to {formats}", best(command, arguments.repeat, clean), copy)
                if arguments.transformers and size == "0.1" and kind == "safetensors":
                    command = [sys.executable, "-c", V4, model, out]
                    print_line(size, "transformers 4.57, from_pt and save_pretrained", best(command, 1, clean), copy)
                clean()
                shutil.rmtree(model)


if __name__ == "__main__":
    main()

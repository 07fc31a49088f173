#!/usr/bin/env python3
"""Makes goldens of traced models: tiny checkpoints, each with its program and what PyTorch computes beside it.

    tests/traced_goldens.py FOLDER TYPE...

Writes FOLDER/traced_TYPE/: config.json, model.safetensors, program.safetensors, trace.safetensors.
"""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
sys.dont_write_bytecode = True

from reference import libraries, messages  # noqa: E402

libraries.silence()
with messages.without_progress():
    libraries.load(threads=1)

from reference.checkpoints import Job, record_checkpoint  # noqa: E402
from tiny import eight  # noqa: E402


def make(folder, model_type):
    golden = folder / f"traced_{model_type}"
    shutil.rmtree(golden, ignore_errors=True)
    class_name = eight.save(model_type, golden)
    files = {"output": golden / "trace.safetensors", "program": golden / "program.safetensors"}
    record_checkpoint(Job(model=golden, model_class=class_name, **files), threads=1)


def main():
    try:
        for model_type in sys.argv[2:]:
            with messages.without_progress():
                make(Path(sys.argv[1]), model_type)
    except messages.Failure as failure:
        print(f"tests/traced_goldens.py: {failure}", file=messages.Terminal.err, flush=True)
        return failure.code
    return 0


if __name__ == "__main__":
    sys.exit(main())

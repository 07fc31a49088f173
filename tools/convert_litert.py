#!/usr/bin/env python3
"""Make a LiteRT model of a SavedModel by TensorFlow's own converter, and run it by LiteRT's interpreters.

  convert   writes model.tflite, and a report in JSON: versions, size, signatures, what became of TensorFlow's operations
  run       runs model.tflite on the inputs of a trace (tools/record_reference.py), and writes a safetensors file:
              <run>/<interpreter>/<signature>/<output>   what the interpreter returned
              <run>/stage/<path>                         tensors inside that are known to be a module's result
            <run> is "main", or "cell.<n>" for the further inputs of the trace that a signature takes. Its metadata has
            "litert": what the file is, the interpreters with their versions, what did not run, and sizes that are known.

Exit codes: 2 wrong usage, 3 bad input, 4 not supported by LiteRT, 5 environment.
"""

import sys

sys.dont_write_bytecode = True  # the folder of the modules may be temporary

from litert.program import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(__doc__))

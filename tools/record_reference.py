#!/usr/bin/env python3
"""Record what PyTorch computes: run a Hugging Face model and write one safetensors file, the trace.

  input.<name>    what the model was called with
  stage.<path>    what the module at that path returned: its floating tensors, depth first; several are
                  stage.<path>.<i>, those of the k-th call after the first are stage.<path>#<k>
  output.<name>   the model's own results; members of a tuple are output.<name>.<i>
  stage64.*, output64.*     the same from a run in float64
  noise.*, outputnoise.*    how far float32 runs whose last bits were shaken are from float64, element by element: what
                            rounding alone does to this model
  cell.<n>/<name> the same tensors of the n-th further set of inputs (--signature, --grid)
  weight.<key>    only in goldens (traces of small random models): the checkpoint, as save_pretrained writes it
  metadata        crossload_trace, class, config, versions, seed, threads; stages: every call of a module, in the order
                  in which they returned; output_masks; not_called: modules that never ran; cells; notes; in goldens
                  recipe, to make them again. docs/verification.md, "The trace", describes all.

With --program the model is traced with torch.export too, and its graph written; docs/program.md describes that file.

Exit codes: 2 wrong usage, 3 bad checkpoint or input, 4 unknown class or one that cannot be traced, 5 environment.
"""

import sys

sys.dont_write_bytecode = True  # the folder of the modules may be temporary

from reference.program import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(__doc__))

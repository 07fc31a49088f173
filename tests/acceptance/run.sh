#!/usr/bin/env bash
# Converts all-MiniLM-L6-v2 against live PyTorch and one tiny golden of each head, and hands every pair of artifact and
# trace to one call of clients.py, and of each further program that is named: PROGRAM ARTIFACT TRACE [ARTIFACT TRACE ...].
#
#   tests/acceptance/run.sh [PROGRAM.py... | "PROGRAM.py OPTION..."]
#   tests/acceptance/run.sh --pairs            converts and prints the pairs, one a line
#
# The calls end with --keys-only NAME,NAME: artifacts whose class in Transformers 4 is itself wrong, see keys_only.
# Needs build/crossload (make build), .venv (make setup) and build/goldens/ (make goldens); `make test` makes all three.
# Writes build/acceptance/, anew each time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/acceptance/beside.sh

readonly crossload=build/crossload
readonly python=.venv/bin/python
readonly out=build/acceptance
# "v4_is_wrong" in a file of recipes names goldens whose numbers v4's own class gets wrong, and says why: there v4 judges
# names and shapes alone.
keys_only() {
  "$python" - "$@" <<'PYTHON'
import fnmatch, json, pathlib, sys

recipes = [json.loads(path.read_text()) for path in pathlib.Path("tests/goldens").glob("*.json")]
patterns = [pattern for document in recipes for pattern in document.get("v4_is_wrong", {})]
names = [pathlib.Path(golden).stem for golden in sys.argv[1:]]
print(",".join(name for name in names if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)))
PYTHON
}

programs=(tests/acceptance/clients.py "$@")
if [[ ${1:-} == --pairs ]]; then
  programs=()
fi
readonly programs
for program in "${programs[@]}"; do
  if [[ ! -f ${program%% *} ]]; then
    echo "tests/acceptance/run.sh: no program at $program" >&2
    exit 1
  fi
done
for needed in "$crossload" "$python"; do
  if [[ ! -x $needed ]]; then
    echo "tests/acceptance/run.sh: $needed is not there; run \`make setup build\` first" >&2
    exit 1
  fi
done

# The goldens of the heads are named for them; those of quirks are not.
goldens=()
while read -r name; do
  goldens+=("build/goldens/$name.safetensors")
  if [[ ! -f ${goldens[-1]} ]]; then
    echo "tests/acceptance/run.sh: ${goldens[-1]} is not there; run \`make goldens\` first" >&2
    exit 1
  fi
done < <("$python" - <<'PYTHON'
import json, pathlib, re

documents = [json.loads(path.read_text()) for path in sorted(pathlib.Path("tests/goldens").glob("*.json"))]
names = [recipe["name"] for document in documents for recipe in document["recipes"]]
print(*[name for name in names if re.search("_model$|_for_", name)], sep="\n")
PYTHON
)
readonly goldens

rm -rf "$out"
mkdir -p "$out"
pairs=()

# All that a step says goes to its log, which is shown when the step fails.
step() {
  local log=$1
  shift
  echo "$*" >&2
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    echo "tests/acceptance/run.sh: failed: $*" >&2
    exit 1
  fi
}

minilm=$(tools/demo_model.sh)
# The transformer alone, which Transformers 4 can load; sentences.py judges the embeddings of whole folders.
readonly minilm_class=(--override-model-class BertModel)
step "$out/minilm.record.log" "$crossload" record --model-name "$minilm" "${minilm_class[@]}" --output "$out/minilm.safetensors"
step "$out/minilm.log" "$crossload" pt-to-tf --model-name "$minilm" "${minilm_class[@]}" --output "$out/minilm"
pairs+=("$out/minilm" "$out/minilm.safetensors")
for golden in "${goldens[@]}"; do
  name=$(basename "$golden" .safetensors)
  # models_test compares these; what is written is the same.
  step "$out/$name.log" "$crossload" pt-to-tf --model-name "$golden" --no-verify --output "$out/$name"
  pairs+=("$out/$name" "$golden")
done

if [[ ${#programs[@]} == 0 ]]; then
  printf '%s %s\n' "${pairs[@]}"
fi
keys_only=$(keys_only "${goldens[@]}")
readonly keys_only

# By its number.
judge() {
  local command
  read -ra command <<<"${programs[$1]}"
  "$python" -W ignore "${command[0]}" "${pairs[@]}" "${command[@]:1}" --keys-only "$keys_only"
}

# All of them at once, as each has one thing to do at a time.
judges=()
for i in "${!programs[@]}"; do
  echo "${programs[i]}: $((${#pairs[@]} / 2)) artifacts" >&2
  judges+=("judge $i")
done
beside "$out" "${judges[@]}"

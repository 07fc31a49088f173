#!/usr/bin/env bash
# Makes .venv-tfjs: a Python with TF.js's converter, and Node's package of TF.js beside it, as docs/serving.md says. Costs
# nothing when all is there, and repairs what an interrupted run left. Needs Node with npm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly folder=.venv-tfjs
readonly requirements=tools/requirements-tfjs.txt
readonly package=@tensorflow/tfjs@4.22.0
readonly stamp=$folder/crossload-requirements.sha256

fail() {
  echo "tools/tfjs.sh: $*" >&2
  exit 1
}

wanted=$({ cat "$requirements"; echo "$package"; } | sha256sum)
readonly wanted
[[ ! -f $stamp || $(<"$stamp") != "$wanted" ]] || exit 0
for program in node npm; do
  command -v "$program" >/dev/null || fail "$program is not there; install it, as by: apt-get install nodejs npm"
done
"${PYTHON:-python3}" -m venv --clear "$folder"
"$folder/bin/pip" install -qq --retries 10 --no-deps --requirement "$requirements"
# The converter imports it, the environment's Protocol Buffers refuse it, and nothing here needs it: empty.
mkdir -p "$folder/stub/tensorflow_decision_forests"
touch "$folder/stub/tensorflow_decision_forests/__init__.py"
npm install --silent --prefix "$folder" --no-package-lock --no-save --no-audit --no-fund "$package"
[[ -f $folder/node_modules/@tensorflow/tfjs/package.json ]] || fail "npm left $folder/node_modules without $package; run this again"
echo "$wanted" >"$stamp"

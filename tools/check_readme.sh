#!/usr/bin/env bash
# Compares the table of models in README.md with what the program prints; with --fix, replaces it.
#
#   tools/check_readme.sh [--fix] build/crossload
set -euo pipefail

fix=false
if [[ ${1:-} == --fix ]]; then
  fix=true
  shift
fi
program=$(realpath "${1:?give the program: tools/check_readme.sh build/crossload}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for marker in begin end; do
  if [[ $(grep -c "^<!-- models:$marker -->\$" README.md) -ne 1 ]]; then
    echo "README.md: wants one line <!-- models:$marker -->" >&2
    exit 1
  fi
done

table=$(mktemp)
wanted=$(mktemp)
trap 'rm -f "$table" "$wanted"' EXIT
"$program" list --markdown >"$table"
sed -e '/^<!-- models:begin -->$/,/^<!-- models:end -->$/{//!d}' README.md | sed -e "/^<!-- models:begin -->\$/r $table" >"$wanted"

if $fix; then
  cmp -s "$wanted" README.md || cat "$wanted" >README.md
elif ! diff -u README.md "$wanted"; then
  echo "README.md: its table of models is not what \`crossload list --markdown\` prints; run \`make docs\`" >&2
  exit 1
fi

#!/usr/bin/env bash
# Runs the fuzz targets one after the other, each FUZZ_SECONDS (one hour), over the corpus of the repository and what
# earlier runs found (build-fuzz/corpus/). Prints a line a target: executions, coverage, peak memory. A finding is kept
# in build-fuzz/findings/ and makes the exit code 1.
#
#   FUZZ_SECONDS=60 tests/fuzz/run.sh [TARGET...]
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly build=build-fuzz
readonly seconds=${FUZZ_SECONDS:-3600}
readonly log_folder=$build/logs
mkdir -p "$log_folder" "$build/findings"

targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
  for program in "$build"/*_fuzz; do targets+=("$(basename "$program" _fuzz)"); done
fi

status=0
printf '%-12s %8s %12s %8s %8s %8s  %s\n' target seconds executions edges corpus MiB result
for target in "${targets[@]}"; do
  found=$build/corpus/$target
  log=$log_folder/$target.log
  mkdir -p "$found"
  # The limits: 10 seconds an input, 2 GiB of memory in all (sanitizers take most of it), 1.2 GiB in one allocation.
  # HDF5 asks for as much memory as damaged files say, and takes a refusal; it keeps their handles to the end of the
  # process. So neither single allocations nor leaks are looked for in its reader.
  leaks=1
  one=1200
  [[ $target == h5 ]] && leaks=0 && one=16777216
  result=ok
  ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=$leaks nice -n 19 "$build/${target}_fuzz" "$found" "tests/fuzz/corpus/$target" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=2048 -malloc_limit_mb=$one -detect_leaks=$leaks -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="$build/findings/$target-" >"$log" 2>&1 || { result="FINDING, see $log"; status=1; }
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
  memory=$(sed -n 's/^stat::peak_rss_mb: *//p' "$log" | tail -n 1)
  edges=$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -d' ' -f2)
  printf '%-12s %8s %12s %8s %8s %8s  %s\n' "$target" "$seconds" "${executions:-?}" "${edges:-?}" \
    "$(find "$found" -type f | wc -l)" "${memory:-?}" "$result"
done
exit "$status"

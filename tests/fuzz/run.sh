#!/usr/bin/env bash
# Runs every fuzz target for the given time and prints a line for each. Fails if a target found something, after all
# have run.
# Usage: tests/fuzz/run.sh BUILD_DIRECTORY SECONDS [TARGET...]; wave_fuzz is an example of a target
#
# A target starts from tests/fuzz/corpus/NAME and from the inputs that earlier runs added in
# BUILD_DIRECTORY/corpus/NAME. Findings are kept in BUILD_DIRECTORY/findings: pass such a file to the target to
# reproduce it.
set -euo pipefail

build=$1
seconds=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
targets=("$@")
if ((${#targets[@]} == 0)); then
  for source in "$here"/*_fuzz.cc; do
    targets+=("$(basename "$source" .cc)")
  done
fi

# Names functions with addr2line of binutils, which is always installed; llvm-symbolizer is not.
export ASAN_OPTIONS="external_symbolizer_path=/usr/bin/addr2line${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
mkdir -p "$build/findings"

# Runs one target; shows its log only if it finds something.
run_target() {
  local target=$1 name=${1%_fuzz} log=$build/$1.log inputs corpora options
  mkdir -p "$build/corpus/$name"
  corpora=("$build/corpus/$name")
  if [[ -d $here/corpus/$name ]]; then corpora+=("$here/corpus/$name"); fi
  options=(
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=2048 -use_value_profile=1
    -print_funcs=0 -print_final_stats=1 -artifact_prefix="$build/findings/$target-"
  )
  if "$build/bin/$target" "${options[@]}" "${corpora[@]}" >"$log" 2>&1; then
    inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "$target: $inputs inputs in $seconds seconds, no findings"
  else
    tail -n 60 "$log" >&2
    echo "$target: FAILED, see $build/findings and $log"
    return 1
  fi
}
export build seconds here
export -f run_target
# Run one target per processor at a time. Fails if any of them does, after all have run.
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -n 1 bash -c 'run_target "$1"' run_target

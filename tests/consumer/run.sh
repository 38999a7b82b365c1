#!/usr/bin/env bash
# Builds and runs users' programs against an installed Tairitsu.
# Usage: tests/consumer/run.sh [--build DIRECTORY] PREFIX [CMAKE_OPTION...]
# With --build, first installs the build in DIRECTORY to PREFIX, and deletes what was in PREFIX.
# The options tell the stand-alone plug-in host where the tools for Python and JavaScript are.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "FAILED: $*" >&2
  exit 1
}
step() { echo "== $*"; }

if [[ "${1:-}" == --build ]]; then
  step "install"
  rm -rf "${3:?PREFIX is missing}" "$3.first"
  # Move the installation, because nothing may depend on its path.
  cmake --install "$2" --prefix "$3.first" --strip >"$work/install.log" || fail "cmake --install: $(cat "$work/install.log")"
  mv "$3.first" "$3"
  shift 2
fi
prefix=$(cd "${1:?PREFIX is missing}" && pwd)
shared=$(find "$prefix"/lib* -name libtairitsu.so -print -quit)
static=$(find "$prefix"/lib* -name libtairitsu.a -print -quit)
pc=$(find "$prefix"/lib* -name tairitsu.pc -print -quit)
[[ -n "$shared" && -n "$static" && -n "$pc" ]] || fail "$prefix: a library or tairitsu.pc is missing"
lib=$(dirname "$shared")

step "symbols of $shared"
nm --dynamic --defined-only --format=posix "$shared" | cut -d' ' -f1 | sed 's/@.*//' >"$work/exported"
# Expects mangled names in namespace tairitsu, their vtables and type information, and the symbol of the version.
if grep -vE '^_Z(N|NK|NR|NKR|NO|NKO|T[VTIS]N|GVN)8tairitsu|^TAIRITSU_[0-9.]+$' "$work/exported"; then
  fail "$shared exports the foreign symbols above"
fi
echo "$(wc -l <"$work/exported") exported"

step "symbols of $static"
# Weak symbols are inline functions and templates of ours and of the standard library.
nm --extern-only --defined-only --format=posix "$static" | awk '$2 ~ /^[TDBRSC]$/ { print $1 }' >"$work/global"
if grep -vE '^_Z.*8tairitsu|^tairitsu_bridge_' "$work/global"; then
  fail "$static has the foreign global symbols above"
fi
nm --extern-only --defined-only --format=posix "$static" | awk '$2 ~ /^[WVu]$/ { print $1 }' |
  grep -vE '^_Z|^DW\.ref\.(__gxx_personality_v0|_ZT)' && fail "$static has the weak C symbols above"
echo "$(wc -l <"$work/global") global"

step "no build paths in the files for CMake and pkg-config"
source_tree=$(cd "$here/../.." && pwd)
if grep -rnF -e "$source_tree" -e "$prefix.first" -e "$HOME/" "$lib/cmake/tairitsu" "$lib/pkgconfig"/tairitsu*.pc; then
  fail "absolute paths were installed"
fi

step "links in the installed documentation"
documents=$(dirname "$(find "$prefix/share" -name install.md -print -quit)")/..
python3 "$here/../links_test.py" "$documents" || fail "broken links"

# Configures and builds the project in $1 in $work/$2, with the generator $3 and the remaining arguments as options.
build_project() {
  local source=$1 build=$work/$2 generator=$3
  shift 3
  cmake -S "$source" -B "$build" -G "$generator" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH="$prefix" "$@" \
    >"$work/configure.log" 2>&1 || fail "$(cat "$work/configure.log")"
  cmake --build "$build" --parallel 2 >"$work/build.log" 2>&1 || fail "$(cat "$work/build.log")"
}

for pair in "tairitsu:Ninja" "tairitsu_static:Unix Makefiles"; do
  library=${pair%%:*} generator=${pair#*:}
  step "CMake, tairitsu::$library, $generator"
  build_project "$here/project" "$library" "$generator" -DLIBRARY="$library"
  "$work/$library/greet" "$work/$library/guests/greeter.wasm"
  [[ $("$prefix/bin/tairitsu" run "$work/$library/programs/hello.wasm") == "hello from a command" ]] ||
    fail "$library: the command does not run"
  "$work/$library/with_zstd" "$work/$library/guests/greeter.wasm" "$work/cache-$library"
  [[ -n "$(find "$work/cache-$library" -type f -print -quit)" ]] || fail "nothing was cached"
  needed=$(readelf --dynamic --wide "$work/$library/greet" | grep -c 'NEEDED.*libtairitsu' || true)
  [[ "$library/$needed" == @(tairitsu/1|tairitsu_static/0) ]] || fail "$library: the program links the other library"
done

# Build the examples from a copy of the installed files, as a user does.
cp -r "$documents/examples/standalone" "$work/standalone"
step "the stand-alone plug-in host"
tools=()
for option in "${@:2}"; do
  if [[ -x "${option#*=}" ]]; then tools+=("$option"); fi
done
build_project "$work/standalone/plugin_host" plugin_host Ninja "${tools[@]}"
grep -- "-- No plug-in" "$work/configure.log" || true
"$work/plugin_host/plugin_host" "$work/plugin_host/plugins" >"$work/plugins.txt" 2>"$work/plugins.log" ||
  fail "$(cat "$work/plugins.log")"
cat "$work/plugins.txt"
plugins=$(find "$work/plugin_host/plugins" -name '*.wasm' | wc -l)
expected=': \*\*\*\*\* has a \*\*\*\*\*\*, a \*\*\*\*\*\* plan (2 and 1 hidden; the text is empty; 2 messages)$'
((plugins >= 2)) && [[ $(grep -c "$expected" "$work/plugins.txt") == "$plugins" ]] ||
  fail "the plug-ins differ in their output"

step "the stand-alone service"
build_project "$work/standalone/service" service "Unix Makefiles"
python3 "$here/visit.py" "$work/service/service" "$work/service/guests/handler.wasm" || fail "the service"

component="$work/tairitsu/guests/greeter.wasm"
export PKG_CONFIG_PATH="$lib/pkgconfig"
compiler=(${CXX:-g++} -std=c++23 -O1)

step "pkg-config: the README's sample"
readme="$here/../../README.md"
awk '/^```cpp$/ { inside = 1; next } /^```$/ && inside { exit } inside' "$readme" >"$work/sample.cc"
grep -q greet "$work/sample.cc" || fail "$readme has no sample"
"$prefix/bin/tairitsu" bindgen host "$here/project/greeter.wit" -o "$work/bindings"
for package in tairitsu tairitsu-static; do
  for source in "$work/sample.cc" "$work/bindings/greeter.cc" "$here/project/readme_main.cc"; do
    object="$work/$(basename "$source" .cc).o"
    [[ -e "$object" ]] || "${compiler[@]}" $(pkg-config --cflags "$package") -I "$work/bindings" -c "$source" -o "$object"
  done
  "${compiler[@]}" "$work/sample.o" "$work/greeter.o" "$work/readme_main.o" $(pkg-config --libs "$package") -o "$work/sample-$package"
  LD_LIBRARY_PATH="$lib" "$work/sample-$package" "$component"
done

step "the thread sanitizer"
suppressions=$(find "$prefix/share" -name tsan-suppressions.txt -print -quit)
[[ -n "$suppressions" ]] || fail "no suppressions were installed"
# The sanitizer cannot place its shadow memory if the kernel randomises too many address bits.
fixed=()
if setarch --addr-no-randomize true 2>/dev/null; then fixed=(setarch --addr-no-randomize); fi
tsan=(clang++-19 -std=c++23 -g1 -O1 -fsanitize=thread)
echo 'int main() {}' >"$work/nothing.cc"
if "${tsan[@]}" "$work/nothing.cc" -o "$work/nothing" 2>/dev/null && "${fixed[@]}" "$work/nothing" 2>/dev/null; then
  "${tsan[@]}" $(pkg-config --cflags tairitsu) -I "$work/bindings" "$here/project/threads.cc" \
    "$work/bindings/greeter.cc" $(pkg-config --libs tairitsu) -o "$work/threads"
  export TSAN_OPTIONS="suppressions=$suppressions:external_symbolizer_path=/usr/bin/addr2line"
  LD_LIBRARY_PATH="$lib" "${fixed[@]}" "$work/threads" "$component" || fail "the sanitizer reports a false positive"
  # The sanitizer finds a race only if the threads run at the same time, so it gets several tries.
  found=
  for _ in 1 2 3 4 5; do
    if ! LD_LIBRARY_PATH="$lib" "${fixed[@]}" "$work/threads" "$component" race 2>"$work/race.log"; then
      found=$(grep -c "data race" "$work/race.log" || true)
      break
    fi
  done
  ((found > 0)) || fail "the sanitizer does not report the program's race: $(cat "$work/race.log")"
else
  echo "SKIPPED: the thread sanitizer does not work here" >&2
fi

step "a panic in the static library"
"${compiler[@]}" "$here/project/panic.cc" $(pkg-config --libs tairitsu-static) -o "$work/panic"
"$work/panic" 2>/dev/null

step "the program"
"$prefix/bin/tairitsu" --version
echo "all passed"

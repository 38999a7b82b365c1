#!/usr/bin/env bash
# Builds and runs programs of users against an installed Tairitsu.
# Usage: tests/consumer/run.sh [--build FOLDER] PREFIX
# With --build, what FOLDER has built is installed to PREFIX first, which must not be in use otherwise.
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
  # Moved afterwards: nothing may depend on where it was installed to.
  cmake --install "$2" --prefix "$3.first" --strip >"$work/install.log" || fail "cmake --install: $(cat "$work/install.log")"
  mv "$3.first" "$3"
  shift 2
fi
prefix=$(cd "${1:?PREFIX is missing}" && pwd)
shared=$(find "$prefix"/lib* -name libtairitsu.so -print -quit)
static=$(find "$prefix"/lib* -name libtairitsu.a -print -quit)
pc=$(find "$prefix"/lib* -name tairitsu.pc -print -quit)
[[ -n "$shared" && -n "$static" && -n "$pc" ]] || fail "$prefix lacks a library or tairitsu.pc"
lib=$(dirname "$shared")

step "symbols of $shared"
nm --dynamic --defined-only --format=posix "$shared" | cut -d' ' -f1 | sed 's/@.*//' >"$work/exported"
# Mangled names in namespace tairitsu, their vtables and type information, and the version's own name.
if grep -vE '^_Z(N|NK|NR|NKR|NO|NKO|T[VTIS]N|GVN)8tairitsu|^TAIRITSU_[0-9.]+$' "$work/exported"; then
  fail "$shared exports these, which are not ours"
fi
echo "$(wc -l <"$work/exported") exported"

step "symbols of $static"
# Weak ones are inline functions and templates, ours and the standard library's.
nm --extern-only --defined-only --format=posix "$static" | awk '$2 ~ /^[TDBRSC]$/ { print $1 }' >"$work/global"
if grep -vE '^_Z.*8tairitsu|^tairitsu_bridge_' "$work/global"; then
  fail "$static has these global symbols, which are not ours"
fi
nm --extern-only --defined-only --format=posix "$static" | awk '$2 ~ /^[WVu]$/ { print $1 }' |
  grep -vE '^_Z|^DW\.ref\.(__gxx_personality_v0|_ZT)' && fail "$static has these weak C symbols"
echo "$(wc -l <"$work/global") global"

step "nothing of the build machine in the files for CMake and pkg-config"
source_tree=$(cd "$here/../.." && pwd)
if grep -rnF -e "$source_tree" -e "$prefix.first" -e "$HOME/" "$lib/cmake/tairitsu" "$lib/pkgconfig"/tairitsu*.pc; then
  fail "absolute paths were installed"
fi

for library in tairitsu tairitsu_static; do
  step "CMake, tairitsu::$library"
  cmake -S "$here/project" -B "$work/$library" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_PREFIX_PATH="$prefix" -DLIBRARY="$library" >"$work/configure.log" || fail "$(cat "$work/configure.log")"
  cmake --build "$work/$library" >"$work/build.log" || fail "$(cat "$work/build.log")"
  "$work/$library/greet" "$work/$library/guests/greeter.wasm"
  "$work/$library/with_zstd" "$work/$library/guests/greeter.wasm" "$work/cache-$library"
  [[ -n "$(find "$work/cache-$library" -type f -print -quit)" ]] || fail "nothing was cached"
  needed=$(readelf --dynamic --wide "$work/$library/greet" | grep -c 'NEEDED.*libtairitsu' || true)
  [[ "$library/$needed" == @(tairitsu/1|tairitsu_static/0) ]] || fail "$library: the program links the other library"
done

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

step "a panic in the static library"
"${compiler[@]}" "$here/project/panic.cc" $(pkg-config --libs tairitsu-static) -o "$work/panic"
"$work/panic" 2>/dev/null

step "the program"
"$prefix/bin/tairitsu" --version
echo "all passed"

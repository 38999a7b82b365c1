#!/usr/bin/env bash
# Installs the missing Debian packages that a build needs, with sudo unless run by root, and checks for Rust.
# Usage: scripts/setup.sh [lint|package|sanitizers|bench|test]
set -euo pipefail

packages=(
  g++ cmake ninja-build pkg-config python3 python3-venv
  libfmt-dev nlohmann-json3-dev libcli11-dev
  libgtest-dev libgmock-dev libbenchmark-dev libzstd-dev
  clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32 libc++-19-dev-wasm32 libc++abi-19-dev-wasm32
)
if [[ "${1:-}" == lint ]]; then
  packages+=(clang-format-19 clang-tidy-19)
elif [[ "${1:-}" == package ]]; then
  packages+=(dpkg-dev file)
elif [[ "${1:-}" == sanitizers ]]; then
  packages+=(libclang-rt-19-dev)
elif [[ "${1:-}" == bench ]]; then
  packages+=(wrk)
elif [[ "${1:-}" == test ]]; then
  packages+=(docker-registry openssl skopeo)
fi

missing=()
for package in "${packages[@]}"; do
  if ! dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed; then
    missing+=("$package")
  fi
done

if ((${#missing[@]} > 0)); then
  echo "Installing: ${missing[*]}"
  as_root=()
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      echo "missing packages, and sudo is not available to install them: ${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
fi

export PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
needed=1.95
if ! command -v rustc >/dev/null || ! command -v cargo >/dev/null; then
  echo "Rust not found: Tairitsu needs Rust $needed or newer, with cargo; Debian's package is too old." \
       "Install it with rustup: https://www.rust-lang.org/tools/install" >&2
  exit 1
fi
found=$(rustc --version | cut -d' ' -f2)
if [[ "$(printf '%s\n' "$needed" "$found" | sort --version-sort | head -n1)" != "$needed" ]]; then
  echo "Rust $found is too old: Tairitsu needs $needed or newer; run 'rustup update stable'" >&2
  exit 1
fi

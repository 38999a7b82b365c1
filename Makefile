# Development tasks. Each installs what it needs; a fresh Debian machine with Rust is enough.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 20

jobs := $(shell nproc)
cpp_directories := $(wildcard include src bindgen cli examples tests bench)
# Generated code is formatted by its generator.
cpp_files = $(shell find $(cpp_directories) -path '*/golden' -prune -o \
	\( -name '*.cc' -o -name '*.cpp' -o -name '*.c' -o -name '*.h' \) -print)
# Our own crates without optimisation, if they are compiled only to be tested or linted. Their dependencies are those of
# the optimised build, so that Wasmtime is compiled once. For the same reason clippy-driver stands in for rustc:
# `cargo clippy` would compile every dependency a second time.
crates := tairitsu-bridge tairitsu-bench-peer tairitsu-differential-oracle
unoptimised := --release --locked $(foreach crate,$(crates),--config profile.release.package.$(crate).opt-level=0)
linted ?= $(unoptimised)
clippy := RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__
# The thread sanitizer cannot map its shadow memory if addresses are randomised in more than 28 bits.
fixed_addresses := $(shell setarch --addr-no-randomize true 2>/dev/null && echo setarch --addr-no-randomize)
random_bits := $(shell cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo unknown)
no_tsan := $(if $(fixed_addresses)$(filter 28,$(random_bits)),,the thread sanitizer cannot run on this machine: \
	setarch --addr-no-randomize is missing or not permitted, and vm.mmap_rnd_bits is $(random_bits). \
	In a container, use --security-opt seccomp=unconfined; or run as root: sysctl vm.mmap_rnd_bits=28)

.PHONY: help setup example test check bench build library install package bridge-test asan-ubsan tsan fuzz lint lint-rust \
	format bridge-header clean

help: ## Print this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

setup: ## Install missing Debian packages, and check for Rust
	@scripts/setup.sh

example: setup ## Build and run the minimal example
	cmake --preset release
	cmake --build --preset release --target 01_minimal
	build/bin/01_minimal

build: setup ## Build everything, optimised, into build/
	cmake --preset release $(strict)
	cmake --build --preset release

library: setup ## Build only what `make install` installs
	cmake --preset release
	cmake --build --preset release --target tairitsu_shared tairitsu_static tairitsu_cli

# Under sudo there may be no cargo. In that case this installs what was built before.
install: ## Install the library and the program to PREFIX (/usr/local), below DESTDIR if set
	@if command -v cargo >/dev/null || [[ ! -e build/package/libtairitsu.so ]]; then $(MAKE) library; fi
	DESTDIR="$(DESTDIR)" cmake --install build --prefix "$(PREFIX)" --strip

package: library ## Build a .deb in build/
	@scripts/setup.sh package
	cd build && cpack -G DEB

bridge-test: setup
	cargo test $(unoptimised) --package tairitsu-bridge --lib

asan-ubsan: setup ## Run the tests under the address and undefined behaviour sanitizers
	@scripts/setup.sh sanitizers
	cmake --preset asan-ubsan $(strict)
	cmake --build --preset asan-ubsan
	ctest --preset asan-ubsan --parallel $(jobs)

tsan: setup ## Run the multithreaded tests under the thread sanitizer
	$(if $(no_tsan),@echo "ERROR: $(no_tsan)" >&2; exit 1)
	@scripts/setup.sh sanitizers
	cmake --preset tsan
	$(fixed_addresses) cmake --build --preset tsan
	$(fixed_addresses) ctest --preset tsan --parallel $(jobs)

fuzz: setup ## Run every fuzz target for FUZZ_SECONDS (20)
	@scripts/setup.sh sanitizers
	cmake --preset asan-ubsan $(strict)
	cmake --build --preset asan-ubsan --target tairitsu_fuzz
	tests/fuzz/run.sh build-asan-ubsan $(FUZZ_SECONDS)

test: build ## Run all tests of the optimised build
	@scripts/setup.sh test
	$(MAKE) bridge-test
	ctest --preset release --parallel $(jobs)

# One after another, and `make test` last: the summary of its tests closes the run. clippy-driver compiles the bridge of
# every stage, so that it is linted and optimised in one go.
check: export strict = -DTAIRITSU_WERROR=ON
check: export linted = --release --locked --config profile.release.package.tairitsu-bench-peer.opt-level=0
check: export RUSTC_WORKSPACE_WRAPPER = clippy-driver
check: export CLIPPY_ARGS = -D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__
check: lint ## Run everything that a change must pass: lint, sanitizers, fuzz targets, tests
	@scripts/setup.sh test
	$(MAKE) asan-ubsan
	$(MAKE) fuzz FUZZ_SECONDS=10
	$(if $(no_tsan),@echo "SKIPPED: $(no_tsan)" >&2,$(MAKE) tsan)
	$(MAKE) test

# The peer is built together with the bridge, so that both link the same build of Wasmtime.
bench: setup ## Run the benchmarks; prints tables and writes build/bench/*.json
	@scripts/setup.sh bench
	cmake --preset release
	cargo build --release --locked --package tairitsu-bridge --package tairitsu-bench-peer
	cmake --build --preset release --target tairitsu_bench tairitsu_cli
	python3 bench/run.py
	python3 bench/whole.py --build build --peer "$(or $(CARGO_TARGET_DIR),target)/release/tairitsu-bench-peer"

lint: setup ## Check the formatting and the layers, and run clippy and clang-tidy
	@scripts/setup.sh lint
	@clang-format-19 --dry-run -Werror $(cpp_files)
	cargo fmt --all --check
	scripts/layers.py
	@! git grep -nE -f scripts/prose.txt || { echo "lint: reword these lines (see scripts/prose.txt)" >&2; exit 1; }
	$(MAKE) lint-rust
	cmake --preset dev
	scripts/tidy.py build-dev

lint-rust: setup
	$(clippy) cargo build $(linted) --package tairitsu-bridge --package tairitsu-bench-peer \
		--package tairitsu-differential-oracle
	$(clippy) cargo test $(unoptimised) --package tairitsu-bridge --lib --no-run

format: ## Format the C++ and the Rust sources
	@scripts/setup.sh lint
	clang-format-19 -i $(cpp_files)
	cargo fmt --all

bridge-header: setup ## Regenerate bridge/include/tairitsu_bridge.h from the Rust source
	BLESS=1 cargo test $(unoptimised) --package tairitsu-bridge --lib header_test

clean: ## Remove the build directories, except for cargo's target directory
	rm -rf build build-dev build-asan-ubsan build-tsan

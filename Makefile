# The tasks of a developer. Each does its own set-up on a fresh Debian machine with Rust.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 20

jobs := $(shell nproc)
cpp_folders := $(wildcard include src bindgen cli examples tests bench)
# Generated code is formatted by its generator.
cpp_files = $(shell find $(cpp_folders) -path '*/golden' -prune -o \
	\( -name '*.cc' -o -name '*.cpp' -o -name '*.c' -o -name '*.h' \) -print)
# Our own crates without optimisation, for what is compiled only to be tested or checked. The crates that they use are
# those of the optimised build, so that Wasmtime is compiled once; clippy reads along for the same reason, in place of
# rustc, for `cargo clippy` would compile all of them a second time.
crates := tairitsu-bridge tairitsu-bench-peer tairitsu-differential-oracle
unoptimised := --release --locked $(foreach crate,$(crates),--config profile.release.package.$(crate).opt-level=0)
clippy := RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__
# The thread sanitizer cannot place its shadow memory wherever addresses are randomised in more bits.
fixed_addresses := $(shell setarch --addr-no-randomize true 2>/dev/null && echo setarch --addr-no-randomize)
random_bits := $(shell cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo unknown)
no_tsan := $(if $(fixed_addresses)$(filter 28,$(random_bits)),,the thread sanitizer cannot run here: \
	setarch --addr-no-randomize is missing or not permitted, and vm.mmap_rnd_bits is $(random_bits). \
	In a container allow it with --security-opt seccomp=unconfined; or as root: sysctl vm.mmap_rnd_bits=28)

.PHONY: help setup example test check bench build library install package bridge-test asan-ubsan tsan fuzz lint lint-rust \
	format bridge-header clean

help: ## Print this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

setup: ## Install the Debian packages that are missing, and check for Rust
	@scripts/setup.sh

example: setup ## Build and run the minimal example
	cmake --preset release
	cmake --build --preset release --target 01_minimal
	build/bin/01_minimal

build: setup ## Build everything, optimised, into build/
	cmake --preset release $(strict)
	cmake --build --preset release

library: setup ## Build only what is installed
	cmake --preset release
	cmake --build --preset release --target tairitsu_shared tairitsu_static tairitsu_cli

# Under sudo there may be no cargo: what was built before is taken then.
install: ## Install the library and the program to PREFIX (/usr/local), below DESTDIR where that is set
	@if command -v cargo >/dev/null || [[ ! -e build/package/libtairitsu.so ]]; then $(MAKE) library; fi
	DESTDIR="$(DESTDIR)" cmake --install build --prefix "$(PREFIX)" --strip

package: library ## Make a .deb, in build/
	@scripts/setup.sh package
	cd build && cpack -G DEB

bridge-test: setup
	$(as_linted) cargo test $(unoptimised) --package tairitsu-bridge --lib

asan-ubsan: setup ## Run the tests under the address and undefined behaviour sanitizers
	@scripts/setup.sh sanitizers
	cmake --preset asan-ubsan $(strict)
	cmake --build --preset asan-ubsan
	ctest --preset asan-ubsan --parallel $(jobs)

tsan: setup ## Run the tests that use threads under the thread sanitizer
	$(if $(no_tsan),@echo "ERROR: $(no_tsan)" >&2; exit 1)
	@scripts/setup.sh sanitizers
	cmake --preset tsan
	$(fixed_addresses) cmake --build --preset tsan
	$(fixed_addresses) ctest --preset tsan --parallel $(jobs)

fuzz: ## Run every fuzz target for FUZZ_SECONDS (20)
	@scripts/setup.sh sanitizers
	cmake --preset fuzz
	cmake --build --preset fuzz
	tests/fuzz/run.sh build-fuzz $(FUZZ_SECONDS)

test: build ## Run all tests of the optimised build
	@scripts/setup.sh test
	$(MAKE) bridge-test
	ctest --preset release --parallel $(jobs)

# One after another, and `make test` last: the summary of its tests closes the run.
check: export strict = -DTAIRITSU_WERROR=ON
check: lint ## Run everything that a change has to pass: lint, sanitizers, fuzz targets, tests
	@scripts/setup.sh test
	$(MAKE) asan-ubsan
	$(MAKE) fuzz FUZZ_SECONDS=10
	$(if $(no_tsan),@echo "SKIPPED: $(no_tsan)" >&2,$(MAKE) tsan)
	$(MAKE) test as_linted='$(clippy)'

# The peer is built together with the bridge, so that both link the very same Wasmtime.
bench: setup ## Run the benchmarks: tables, and build/bench/*.json
	@scripts/setup.sh bench
	cmake --preset release
	cargo build --release --locked --package tairitsu-bridge --package tairitsu-bench-peer
	cmake --build --preset release --target tairitsu_bench tairitsu_cli
	python3 bench/run.py
	python3 bench/whole.py --build build --peer "$(or $(CARGO_TARGET_DIR),target)/release/tairitsu-bench-peer"

lint: setup ## Check formats, and run clippy and clang-tidy
	@scripts/setup.sh lint
	@clang-format-19 --dry-run -Werror $(cpp_files)
	cargo fmt --all --check
	scripts/layers.py
	$(MAKE) lint-rust
	cmake --preset dev
	scripts/tidy.py build-dev

lint-rust: setup
	$(clippy) cargo build $(unoptimised) --package tairitsu-bench-peer --package tairitsu-differential-oracle
	$(clippy) cargo test $(unoptimised) --package tairitsu-bridge --lib --no-run

format: ## Format the C++ and the Rust sources
	@scripts/setup.sh lint
	clang-format-19 -i $(cpp_files)
	cargo fmt --all

bridge-header: setup ## Write bridge/include/tairitsu_bridge.h again from the Rust source
	BLESS=1 cargo test $(unoptimised) --package tairitsu-bridge --lib header_test

clean: ## Remove what CMake built; cargo's target folder stays
	rm -rf build build-dev build-asan-ubsan build-tsan build-fuzz

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
# The thread sanitizer cannot place its shadow memory wherever addresses are randomised in more bits.
fixed_addresses := $(shell setarch --addr-no-randomize true 2>/dev/null && echo setarch --addr-no-randomize)
random_bits := $(shell cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo unknown)
no_tsan := $(if $(fixed_addresses)$(filter 28,$(random_bits)),,the thread sanitizer cannot run here: \
	setarch --addr-no-randomize is missing or not permitted, and vm.mmap_rnd_bits is $(random_bits). \
	In a container allow it with --security-opt seccomp=unconfined; or as root: sysctl vm.mmap_rnd_bits=28)

.PHONY: help setup example test bench build library install package bridge-test asan-ubsan tsan fuzz lint format \
	bridge-header clean

help: ## Print this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

setup: ## Install the Debian packages that are missing, and check for Rust
	@scripts/setup.sh

example: setup ## Build and run the minimal example
	cmake --preset release
	cmake --build --preset release --target 01_minimal
	build/bin/01_minimal

build: setup ## Build everything, optimised, into build/
	cmake --preset release
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
	cargo test --release --locked --package tairitsu-bridge

asan-ubsan: setup ## Run the tests under the address and undefined behaviour sanitizers
	@scripts/setup.sh sanitizers
	cmake --preset asan-ubsan
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

# One after another, and the optimised programs' tests last: their summary closes the run.
test: build ## Run all tests, under sanitizers too
	@scripts/setup.sh test
	$(MAKE) bridge-test
	$(MAKE) asan-ubsan
	$(MAKE) fuzz
	$(if $(no_tsan),@echo "SKIPPED: $(no_tsan)" >&2,$(MAKE) tsan)
	ctest --preset release --parallel $(jobs)

# The peer is built together with the bridge, so that both link the very same Wasmtime.
bench: setup ## Run the benchmarks: tables, and build/bench/*.json
	@scripts/setup.sh bench
	cmake --preset release
	cargo build --release --locked --package tairitsu-bridge --package tairitsu-bench-peer
	cmake --build --preset release --target tairitsu_bench tairitsu_cli
	python3 bench/run.py
	python3 bench/whole.py --build build --peer "$(or $(CARGO_TARGET_DIR),target)/release/tairitsu-bench-peer"

lint: ## Check formats, and run clippy and clang-tidy
	@scripts/setup.sh lint
	clang-format-19 --dry-run -Werror $(cpp_files)
	cargo fmt --all --check
	cargo clippy --release --locked --workspace --all-targets -- -D warnings
	cmake --preset release
	run-clang-tidy-19 -quiet -p build -j $(jobs) '^$(CURDIR)/(src|bindgen|cli)/.*\.cc$$'

format: ## Format the C++ and the Rust sources
	@scripts/setup.sh lint
	clang-format-19 -i $(cpp_files)
	cargo fmt --all

bridge-header: setup ## Write bridge/include/tairitsu_bridge.h again from the Rust source
	BLESS=1 cargo test --release --locked --package tairitsu-bridge --test header

clean: ## Remove what CMake built; cargo's target folder stays
	rm -rf build build-dev build-asan-ubsan build-tsan build-fuzz

#!/usr/bin/env python3
"""Generates host bindings for whole WIT packages and checks that the result compiles without warnings.

    compile_test.py --tairitsu PROGRAM --include DIRECTORY --cxx COMPILER... [--jobs N] [--both-wasi] WIT...

A WIT is a file, or a directory with deps/. For each of its worlds, including those in deps/, the generator must exit
with 0, and every compiler must accept the header and its source with all templates instantiated (see instantiate.py).
--both-wasi repeats this with --implement-wasi. The WIT `crate:NAME:DIRECTORY` is a directory in the source of a Rust
crate, which `cargo metadata` finds in --cargo-directory; a missing crate is skipped.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
from instantiate import source_of  # noqa: E402  In this directory, which must not get a __pycache__.

WARNINGS = ["-std=c++23", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]


def crate_directories(cargo, directory):
    command = [cargo, "metadata", "--format-version", "1", "--locked", "--all-features"]
    for options in (["--offline"], []):
        done = subprocess.run(command + options, cwd=directory, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            packages = json.loads(done.stdout)["packages"]
            return {package["name"]: Path(package["manifest_path"]).parent for package in packages}
    sys.exit("cargo metadata failed:\n" + done.stderr)


def worlds_of(wit):
    """The names of all worlds: `name` in the main package, `ns:pkg/name@version` in others."""
    files = [wit] if wit.is_file() else sorted(wit.rglob("*.wit"))
    packages = {}  # By directory: the `package` line may be in any file of a directory.
    texts = [(file, re.sub(r"/\*.*?\*/|//[^\n]*", "", file.read_text(encoding="utf-8"), flags=re.S)) for file in files]
    for file, text in texts:
        if found := re.search(r"^package\s+([^;{\s]+)\s*;", text, re.M):
            packages[file if file.parent.name == "deps" else file.parent] = found[1].replace("%", "")
    worlds = []
    for file, text in texts:
        package = packages.get(file, packages.get(file.parent, ""))
        name, _, version = package.partition("@")
        for world in re.findall(r"^\s*world\s+%?([\w-]+)\s*\{", text, re.M):
            main = file.parent == wit or file == wit
            worlds.append(world if main else f"{name}/{world}" + (f"@{version}" if version else ""))
    return worlds


class Check:
    def __init__(self, arguments, directory):
        self.arguments = arguments
        self.seen = set()
        # The headers of the library and the standard library take most of the time, so they are precompiled. Other
        # tests check that generated files include what they need.
        self.commands = {}
        for index, compiler in enumerate(arguments.cxx):
            header = directory / f"{index}.h"
            header.write_text("#include <tairitsu/bindings.h>\n", encoding="utf-8")
            command = [compiler, *WARNINGS, "-I", arguments.include]
            subprocess.run([*command, "-x", "c++-header", header, "-o", f"{header}.gch"], check=True)
            self.commands[compiler] = [*command, "-fsyntax-only", "-include", header]

    def compile(self, directory, label):
        """The first lines of each compiler's errors."""
        [header] = directory.glob("*.h")
        source = directory / "instantiate.cpp"
        # Text that was compiled before, under any name, is not compiled again.
        text = header.read_text(encoding="utf-8")
        digest = hashlib.sha256(text.partition("\n")[2].encode()).digest()
        if digest in self.seen:
            return []
        self.seen.add(digest)
        source.write_text(source_of([header.with_suffix(".cc")]), encoding="utf-8")
        failures = []
        for compiler, command in self.commands.items():
            done = subprocess.run([*command, source], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                first = "\n".join(done.stderr.splitlines()[:12])
                failures.append(f"{label}: {Path(compiler).name} exited with {done.returncode}:\n{first}")
        return failures

    def run(self, job):
        wit, world, options = job
        label = " ".join([str(wit), world, *options])
        with tempfile.TemporaryDirectory() as name:
            done = subprocess.run(
                [self.arguments.tairitsu, "bindgen", "host", wit, "--world", world, "--output", name, *options],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                return [f"{label}: bindgen exited with {done.returncode}:\n{done.stderr}"]
            return self.compile(Path(name), label)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tairitsu", required=True)
    parser.add_argument("--include", required=True)
    parser.add_argument("--cxx", action="append", required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--both-wasi", action="store_true")
    parser.add_argument("--cargo", default="cargo")
    parser.add_argument("--cargo-directory")
    parser.add_argument("wit", nargs="+")
    arguments = parser.parse_args()

    crates = None
    jobs = []
    for wit in arguments.wit:
        if wit.startswith("crate:"):
            _, crate, directory = wit.split(":")
            if crates is None:
                crates = crate_directories(arguments.cargo, arguments.cargo_directory)
            if crate not in crates:
                print(f"skipping {crate}: not in Cargo.lock")
                continue
            wit = crates[crate] / directory
        wit = Path(wit)
        worlds = worlds_of(wit)
        if not worlds:
            sys.exit(f"{wit}: no world found")
        for world in worlds:
            jobs.append((wit, world, []))
            if arguments.both_wasi:
                jobs.append((wit, world, ["--implement-wasi"]))

    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(arguments.jobs) as pool:
        check = Check(arguments, Path(directory))
        failures = [failure for result in pool.map(check.run, jobs) for failure in result]
    for failure in failures:
        print(failure, end="\n\n")
    print(f"{len(jobs)} runs of the generator, {len(check.seen)} different texts, {len(failures)} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

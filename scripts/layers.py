#!/usr/bin/env python3
"""Checks that no layer of the library uses what lies above it. docs/architecture.md shows the layers.

usage: scripts/layers.py                        checks what the files include
       scripts/layers.py LAYER=ARCHIVE...       checks what the layers' static libraries need of each other

Prints each use that points up, and fails if there is one.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def read_layers():
    """Each layer and those that it may use, from the calls in src/CMakeLists.txt."""
    text = (ROOT / "src/CMakeLists.txt").read_text(encoding="utf-8")
    calls = re.findall(r"^tairitsu_add_layer\((\w+)([ \w]*)\)$", text, re.MULTILINE)
    return {layer: set(below.split()) for layer, below in calls}


LAYERS = read_layers()

# The directory that implements each public header. A directory may include a header of its own and of those that it
# may include.
HEADERS = {
    "base": "error detail/language detail/unicode",
    "wit": "type wit detail/shared",
    "image": "image_store",
    "engine": "engine wasi guest_tools inspect http_server_options",
    "abi": "abi describe resource detail/codec detail/context detail/signature",
    "value": "value json wave fmt detail/scratch",
    "runtime": "component image container function dynamic_function linker program http_server bindings",
    "dynamic": "host_imports tools",
    "registry": "registry registry_client compilation_cache",
    "command": "command",
    None: "tairitsu",  # All of them.
}

# Functions that a layer above defines, which layers use them all the same, and why.
KNOWN_SYMBOLS = {
    # The crate simdutf8 is in the bridge, which only the engine knows.
    "tairitsu::detail::is_utf8_slow(char const*, unsigned long)": {"value"},
}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:["<]tairitsu/([\w/]+)\.h[">]|"(\w+)/\w+\.h")', re.MULTILINE)


def symbols(archive, kind):
    done = subprocess.run(["nm", "--demangle", f"--{kind}-only", archive], check=True, stdout=subprocess.PIPE, text=True)
    # Of ours alone: what others bring is in every layer that uses it.
    return {match[1] for match in re.finditer(r"^\S*\s+[A-Za-z] ((?:\S+ for )?tairitsu::.*)$", done.stdout, re.MULTILINE)}


def check_archives(archives):
    """What a layer needs that neither it nor one below it defines."""
    defined = {layer: symbols(archive, "defined") for layer, archive in archives.items()}
    mistakes = [f"there is no layer {layer}" for layer in archives if layer not in LAYERS]
    for layer, archive in archives.items():
        here = defined[layer].union(*(defined[below] for below in LAYERS[layer]))
        for name in sorted(symbols(archive, "undefined") - here):
            homes = [other for other in archives if name in defined[other]]
            if layer not in KNOWN_SYMBOLS.get(name, ()):
                mistakes.append(f"{layer} uses {name} of {' or '.join(homes) or 'none'}, which is not below it")
    return mistakes


def main():
    if len(sys.argv) > 1:
        mistakes = check_archives(dict(argument.split("=", 1) for argument in sys.argv[1:]))
        for mistake in mistakes:
            print(mistake, file=sys.stderr)
        return 1 if mistakes else 0
    layer_of = {name: layer for layer, names in HEADERS.items() for name in names.split()}
    mistakes = []

    def check(path, layer, allowed):
        for match in INCLUDE.finditer(path.read_text(encoding="utf-8")):
            target = match[2] or layer_of.get(match[1], "")
            if target == layer or target in allowed:
                continue
            mistakes.append(f"{path.relative_to(ROOT)} ({layer}) includes {match[0].split()[-1]} ({target}), "
                            "which is not below it")

    for directory in sorted(path for path in (ROOT / "src").iterdir() if path.is_dir()):
        if directory.name not in LAYERS:
            mistakes.append(f"src/{directory.name} is not a layer in src/CMakeLists.txt")
            continue
        for path in sorted(directory.iterdir()):
            check(path, directory.name, LAYERS[directory.name])
    for path in sorted((ROOT / "include/tairitsu").rglob("*.h")):
        name = str(path.relative_to(ROOT / "include/tairitsu").with_suffix(""))
        layer = layer_of.get(name, "")
        if name not in layer_of:
            mistakes.append(f"{path.relative_to(ROOT)} has no layer in {sys.argv[0]}")
        elif layer:
            check(path, layer, LAYERS[layer])
    for mistake in mistakes:
        print(mistake, file=sys.stderr)
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())

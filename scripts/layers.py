#!/usr/bin/env python3
"""Checks that no layer of the library depends on a layer above it. docs/architecture.md shows the layers.

usage: scripts/layers.py                        checks the #include directives
       scripts/layers.py LAYER=ARCHIVE...       checks the undefined symbols of the layers' static libraries

Prints each forbidden dependency, and fails if there is one.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def read_layers():
    """Returns each layer and the layers that it may use, from the calls in src/CMakeLists.txt."""
    text = (ROOT / "src/CMakeLists.txt").read_text(encoding="utf-8")
    calls = re.findall(r"^tairitsu_add_layer\((\w+)([ \w]*)\)$", text, re.MULTILINE)
    return {layer: set(below.split()) for layer, below in calls}


LAYERS = read_layers()

# The directory that implements each public header. A directory may include its own headers and those of the layers that
# it may use.
HEADERS = {
    "base": "error detail/language detail/unicode",
    "wit": "type wit detail/shared",
    "image": "image_store",
    "engine": "engine wasi guest_tools inspect http_server_options",
    "abi": "abi describe resource detail/codec detail/context detail/signature",
    "value": "value json wave fmt detail/scratch",
    "runtime": "component image container function dynamic_function linker program http_server bindings "
               "detail/host_function",
    "dynamic": "host_imports tools",
    "registry": "registry oci_client compilation_cache",
    "command": "command",
    None: "tairitsu",  # Includes all public headers.
}

# Exceptions: functions that a layer above defines, and the layers that may use them.
KNOWN_SYMBOLS = {
    # This calls the crate simdutf8 through the bridge, which only the engine may use.
    "tairitsu::detail::is_utf8_slow(char const*, unsigned long)": {"value"},
}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:["<]tairitsu/([\w/]+)\.h[">]|"(\w+)/\w+\.h")', re.MULTILINE)


def symbols(archive, kind):
    done = subprocess.run(["nm", "--demangle", f"--{kind}-only", archive], check=True, stdout=subprocess.PIPE, text=True)
    # Only our own symbols: instantiations of other libraries are in every layer that uses them.
    return {match[1] for match in re.finditer(r"^\S*\s+[A-Za-z] ((?:\S+ for )?tairitsu::.*)$", done.stdout, re.MULTILINE)}


def check_archives(archives):
    """Returns an error for each symbol that neither the layer nor one below it defines."""
    defined = {layer: symbols(archive, "defined") for layer, archive in archives.items()}
    errors = [f"unknown layer '{layer}'" for layer in archives if layer not in LAYERS]
    for layer, archive in archives.items():
        here = defined[layer].union(*(defined[below] for below in LAYERS[layer]))
        for name in sorted(symbols(archive, "undefined") - here):
            owners = [other for other in archives if name in defined[other]]
            if layer not in KNOWN_SYMBOLS.get(name, ()):
                errors.append(f"{layer} uses {name} of {' and '.join(owners) or 'no layer'}, which is not below it")
    return errors


def main():
    if len(sys.argv) > 1:
        errors = check_archives(dict(argument.split("=", 1) for argument in sys.argv[1:]))
        for error in errors:
            print(error, file=sys.stderr)
        return 1 if errors else 0
    layer_of = {name: layer for layer, names in HEADERS.items() for name in names.split()}
    errors = []

    def check(path, layer, allowed):
        for match in INCLUDE.finditer(path.read_text(encoding="utf-8")):
            target = match[2] or layer_of.get(match[1], "")
            if target == layer or target in allowed:
                continue
            errors.append(f"{path.relative_to(ROOT)} ({layer}) includes {match[0].split()[-1]} ({target}), "
                            "which is not below it")

    for directory in sorted(path for path in (ROOT / "src").iterdir() if path.is_dir()):
        if directory.name not in LAYERS:
            errors.append(f"src/{directory.name}: src/CMakeLists.txt does not define this layer")
            continue
        for path in sorted(directory.iterdir()):
            check(path, directory.name, LAYERS[directory.name])
    for path in sorted((ROOT / "include/tairitsu").rglob("*.h")):
        name = str(path.relative_to(ROOT / "include/tairitsu").with_suffix(""))
        layer = layer_of.get(name, "")
        if name not in layer_of:
            errors.append(f"{path.relative_to(ROOT)}: {sys.argv[0]} does not list this header")
        elif layer:
            check(path, layer, LAYERS[layer])
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())

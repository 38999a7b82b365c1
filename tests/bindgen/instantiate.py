"""Writes a C++ source that includes headers of `tairitsu bindgen host` and instantiates their templates.

    instantiate.py --output FILE.cc (HEADER.h | SOURCE.cc)...

For each world's class this instantiates `add_to_linker<void>` with the HostFunctions of every interface, and thereby
all host function templates. A source is included as it is; its header is in the same directory. Used by
tests/bindgen/golden_compiles/CMakeLists.txt and compile_test.py.
"""

import argparse
import re
from pathlib import Path


def scopes(text):
    """Yields each line with its namespaces, including inline ones: `a::b::imports`."""
    stack = []
    for line in text.splitlines():
        if found := re.match(r"(?:inline )?namespace (\S+) \{$", line):
            stack.append(found[1])
        elif re.match(r"\}  // (?:inline )?namespace ", line):
            stack.pop()
        yield "::".join(stack), line


def instantiation(header):
    """Returns `template … World::add_to_linker<void, …>(…);`, or nothing if the world imports nothing."""
    world = None
    functions = {}  # The HostFunctions by namespace.
    called = []
    for space, line in scopes(header):
        if found := re.match(r"struct (HostFunctions_*) \{$", line):
            functions[space] = f"::{space}::{found[1]}"
        elif found := re.match(r"    TAIRITSU_RETURN_IF_ERROR\(::(\S+)::add_to_linker<State>\(", line):
            called.append(found[1])
        elif found := re.match(r"class (\w+) \{$", line):
            world = f"{space}::{found[1]}"  # The world's class is the last one.
    if not called:
        return ""
    # `int` for an interface that has only methods: nothing is called on it.
    gets = ", ".join(f"{functions.get(space, 'int')}& (*)()" for space in called)
    name = re.search(r"static tairitsu::Result<void> (add_to_linker_*)\(tairitsu::Linker& linker, Get", header)[1]
    return f"template tairitsu::Result<void> {world}::{name}<void, {gets}>(\n    tairitsu::Linker&, {gets});\n"


def source_of(files):
    lines = [f'#include "{file}"' for file in files]
    for file in files:
        lines.append(instantiation(file.with_suffix(".h").read_text(encoding="utf-8")))
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("files", type=Path, nargs="+")
    arguments = parser.parse_args()
    arguments.output.write_text(source_of(arguments.files), encoding="utf-8")


if __name__ == "__main__":
    main()

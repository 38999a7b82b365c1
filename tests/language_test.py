"""Checks that every public header reports exactly one error if the compiler is not in C++23 mode.

Usage: language_test.py INCLUDE_DIRECTORY COMPILER...
"""

import pathlib
import subprocess
import sys

MESSAGE = "Tairitsu needs C++23"


def errors(compiler, mode, include, header):
    """Returns the lines of the compiler's output that report an error."""
    command = [compiler, f"-std={mode}", "-I", str(include), "-x", "c++", "-fsyntax-only", "-"]
    source = f"#include <tairitsu/{header.name}>\nint main() {{}}\n"
    done = subprocess.run(command, input=source, text=True, capture_output=True, check=False)
    return [line for line in done.stderr.splitlines() if "error:" in line]


def main(include, *compilers):
    headers = sorted((pathlib.Path(include) / "tairitsu").glob("*.h"))
    assert headers and compilers
    failed = []
    for compiler in compilers:
        for mode in "c++17", "c++20":
            for header in headers:
                found = errors(compiler, mode, include, header)
                if len(found) != 1 or MESSAGE not in found[0]:
                    failed.append("\n  ".join([f"{compiler} {mode} {header.name}:", *found]))
    print("\n".join(failed) or f"{len(headers)} headers")
    return 1 if failed else 0


sys.exit(main(*sys.argv[1:]))

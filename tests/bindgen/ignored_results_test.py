#!/usr/bin/env python3
"""Checks that a compiler warns about each ignored Result in compiles/ignored_results.cc, and about nothing else.
GCC need not warn about virtual calls, for which it ignores [[nodiscard]].

    ignored_results_test.py COMPILER INCLUDE_DIRECTORY
"""

import re
import subprocess
import sys
from pathlib import Path

compiler, include = sys.argv[1:]
directory = Path(__file__).resolve().parent
source = directory / "compiles" / "ignored_results.cc"
lines = source.read_text(encoding="utf-8").splitlines()
wanted = {number for number, line in enumerate(lines, 1) if line.endswith("// ignored")}
virtual = {number for number, line in enumerate(lines, 1) if line.endswith("// ignored, virtual")}
macros = subprocess.run([compiler, "-dM", "-E", "-x", "c++", "/dev/null"], capture_output=True, text=True, check=True)
clang = "#define __clang__ " in macros.stdout
command = [compiler, "-std=c++23", "-fsyntax-only", "-Wunused-result", "-Wno-unused-function"]
command += ["-I", include, "-I", str(directory), str(source)]
done = subprocess.run(command, capture_output=True, text=True, check=False)
errors = re.findall(r"^.*error: .*$", done.stderr, re.M)
if done.returncode != 0 or errors:
    sys.exit("compilation failed:\n" + done.stderr)
warnings = re.findall(r"ignored_results\.cc:(\d+):\d+: warning: .*(?:nodiscard|unused-result)", done.stderr)
found = {int(number) for number in warnings}
if clang:
    wanted |= virtual
else:
    found -= virtual
for number in sorted(wanted - found):
    print(f"missing warning: {lines[number - 1].strip()}")
for number in sorted(found - wanted):
    print(f"unexpected warning: {lines[number - 1].strip()}")
if not wanted or wanted != found:
    sys.exit(1)
print(f"{compiler}: warns about {len(wanted)} ignored results")

#!/usr/bin/env python3
"""Runs clang-tidy on the library, the generator and the program.

usage: scripts/tidy.py BUILD_DIRECTORY [FILE...]

clang-tidy spends most of its time in the included headers, which are the same for many files. This script therefore
concatenates several files of a directory and checks them as one. They compile as one, as unity builds require.
"""

import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIRECTORIES = ("src", "bindgen", "cli")
MAX_BATCH_LINES = 3000


def batches(files):
    """Yields the files of each directory, in batches of at most MAX_BATCH_LINES."""
    batch, lines = [], 0
    for file in sorted(files):
        size = file.read_text(encoding="utf-8").count("\n")
        if batch and (file.parent != batch[0].parent or lines + size > MAX_BATCH_LINES):
            yield batch
            batch, lines = [], 0
        batch.append(file)
        lines += size
    if batch:
        yield batch


def flags_of(file, commands):
    """Returns the compiler options for a file, without the source and the output."""
    flags, words = [], iter(shlex.split(commands[file])[1:])
    for word in words:
        if word in ("-o", "-c"):
            next(words)
        else:
            flags.append(word)
    return flags


def tidy(path, flags):
    done = subprocess.run(["clang-tidy-19", "--quiet", str(path), "--", *flags], cwd=ROOT, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stdout + (done.stderr if done.returncode not in (0, 1) else "")


def as_one_text(batch):
    """Returns the concatenated text of the files, and the file and line that each line comes from."""
    lines, origins, included = [], [], set()
    for file in batch:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            duplicate = line.startswith("#include ") and line in included
            included.add(line)
            lines.append("" if duplicate else line)
            origins.append(f"{file.relative_to(ROOT)}:{number}")
    return "\n".join(lines) + "\n", origins


def check(batch, commands, work):
    """Returns whether clang-tidy has no findings in the files, and its output."""
    text, origins = as_one_text(batch)
    # The directory layout is that of the sources, so that clang-tidy uses the configuration of the directory.
    directory = work / batch[0].parent.relative_to(ROOT)
    directory.mkdir(parents=True, exist_ok=True)
    if (config := batch[0].parent / ".clang-tidy").exists():
        shutil.copy(config, directory)
    path = directory / batch[0].name
    path.write_text(text, encoding="utf-8")
    code, output = tidy(path, flags_of(batch[0], commands))
    return code == 0, re.sub(re.escape(str(path)) + r":(\d+)", lambda match: origins[int(match[1]) - 1], output)


def main():
    build = Path(sys.argv[1]).resolve()
    commands = {Path(entry["file"]): entry["command"]
                for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))}
    chosen = [Path(name).resolve() for name in sys.argv[2:]]
    files = chosen or [file for name in DIRECTORIES for file in (ROOT / name).rglob("*.cc")]
    work = build / "tidy"
    work.mkdir(exist_ok=True)
    clean = True
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        # The largest batches first.
        ordered = sorted(batches(files), key=len, reverse=True)
        for done in concurrent.futures.as_completed([pool.submit(check, batch, commands, work) for batch in ordered]):
            passed, output = done.result()
            clean = clean and passed
            print(output, end="", flush=True)
    print(f"clang-tidy: {len(files)} files, {'clean' if clean else 'with findings'}")
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())

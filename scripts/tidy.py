#!/usr/bin/env python3
"""Runs clang-tidy on the library, the generator and the program.

usage: scripts/tidy.py BUILD_DIRECTORY [FILE...]

Most of clang-tidy's time goes into the headers that a file includes, the same ones over and over. So the files of a
directory are checked several at a time, as one text. They compile as one, because unity builds need that too.
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
MOST_LINES = 3000  # Of one text.


def batches(files):
    """The files of each directory, in texts of MOST_LINES."""
    batch, lines = [], 0
    for file in sorted(files):
        size = file.read_text(encoding="utf-8").count("\n")
        if batch and (file.parent != batch[0].parent or lines + size > MOST_LINES):
            yield batch
            batch, lines = [], 0
        batch.append(file)
        lines += size
    if batch:
        yield batch


def flags_of(file, commands):
    """The compiler's options for a file, without the file and its output."""
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
    """The text of several files, and where each of its lines comes from."""
    lines, origins, included = [], [], set()
    for file in batch:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            again = line.startswith("#include ") and line in included
            included.add(line)
            lines.append("" if again else line)
            origins.append(f"{file.relative_to(ROOT)}:{number}")
    return "\n".join(lines) + "\n", origins


def check(batch, commands, work):
    """What clang-tidy finds in the files, and whether that is nothing."""
    text, origins = as_one_text(batch)
    # In a tree like that of the sources, so that a directory's own configuration holds.
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
        # The longest first.
        ordered = sorted(batches(files), key=len, reverse=True)
        for done in concurrent.futures.as_completed([pool.submit(check, batch, commands, work) for batch in ordered]):
            passed, output = done.result()
            clean = clean and passed
            print(output, end="", flush=True)
    print(f"clang-tidy: {len(files)} files, {'clean' if clean else 'with findings'}")
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())

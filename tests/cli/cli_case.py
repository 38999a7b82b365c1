"""Base classes for tests of the commands: a directory per test, and checks of how a command ends.

Run a test file as `…_cli_test.py TAIRITSU GUESTS [unittest arguments]`.
"""

import hashlib
import json
import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
import unittest

TAIRITSU = str(pathlib.Path(sys.argv[1]).resolve())
GUESTS = pathlib.Path(sys.argv[2]).resolve()


def run_tairitsu(*arguments, stdin="", env=None, cwd=None):
    return subprocess.run([TAIRITSU, *map(str, arguments)], capture_output=True, text=True, input=stdin,
                          timeout=60, check=False, env={**os.environ, **(env or {})}, cwd=cwd)


def run_on_terminal(*arguments, typed=()):
    """Runs a command on a terminal, and types the next line whenever it prompts. Returns its exit code and output."""
    typed = list(typed)
    ours, terminal = pty.openpty()
    with subprocess.Popen([TAIRITSU, *map(str, arguments)], stdin=terminal, stdout=terminal, stderr=terminal,
                          start_new_session=True, env={**os.environ, "TERM": "xterm"}) as process:
        os.close(terminal)
        printed = b""
        end = time.monotonic() + 30
        try:
            while time.monotonic() < end:
                if not select.select([ours], [], [], 0.1)[0]:
                    continue
                part = os.read(ours, 65536)
                if not part:
                    break
                printed += part
                if typed and re.search(rb"[?:\]] *$", printed):
                    os.write(ours, typed.pop(0).encode() + b"\n")
                    printed += b"\n"  # So that the prompt is not matched again.
        except OSError:  # The process closed the other end.
            pass
        finally:
            os.close(ours)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
    return process.returncode, printed.decode().replace("\r\n", "\n")


def problems_of_store(home):
    """Returns the problems of a data directory's images: content that is missing, incomplete or damaged."""
    layout = pathlib.Path(home) / "images"
    blobs = {}
    for path in sorted((layout / "blobs" / "sha256").glob("*")):
        blobs["sha256:" + path.name] = path.read_bytes()
    problems = [f"{digest} has the wrong content" for digest, blob in blobs.items()
                if digest != "sha256:" + hashlib.sha256(blob).hexdigest()]
    if not (layout / "index.json").exists():
        return problems
    for entry in json.loads((layout / "index.json").read_bytes())["manifests"]:
        manifest = json.loads(blobs.get(entry["digest"], b"{}"))
        for needed in (entry, manifest.get("config"), *manifest.get("layers", [])):
            if not needed or needed["digest"] not in blobs:
                problems.append(f"{entry}: {needed} is missing")
            elif needed["size"] != len(blobs[needed["digest"]]):
                problems.append(f"{entry}: {needed['digest']} has the wrong size")
    return problems


class CliCase(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        os.environ["TAIRITSU_HOME"] = str(self.directory / "home")

    def write(self, name, contents):
        path = self.directory / name
        path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
        return path

    def expect(self, done, code, stdout="", *messages):
        """Checks the exit code, the output, and that stderr contains the messages, or nothing if there are none."""
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, stdout)
        if not messages:
            self.assertEqual(done.stderr, "")
        for message in messages:
            self.assertIn(message, done.stderr)

    def expect_end_at(self, number, code, *arguments):
        """Starts a program that keeps running. Checks that the signal ends it soon, with the code and no message."""
        with subprocess.Popen([TAIRITSU, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            time.sleep(0.7)
            begin = time.monotonic()
            process.send_signal(number)
            self.assertEqual(process.wait(timeout=20), code, arguments)
            self.assertLess(time.monotonic() - begin, 5)
            self.assertEqual(process.stderr.read(), b"")


class ImageCase(CliCase):
    """For commands of images: starts with an empty store and without logins."""

    def setUp(self):
        super().setUp()
        self.home = self.directory / "home"
        os.environ["DOCKER_CONFIG"] = str(self.directory / "docker")

    def output(self, *arguments, **options):
        """Runs a command that has to succeed. Returns its output."""
        done = run_tairitsu(*arguments, **options)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stderr}")
        return done.stdout

    def refusal(self, code, *arguments, **options):
        """Runs a command that has to fail with the code. Returns its message, which must be a few safe lines."""
        done = run_tairitsu(*arguments, **options)
        self.assertEqual((done.returncode, done.stdout), (code, ""), f"{arguments}: {done.stdout}{done.stderr}")
        self.assertRegex(done.stderr, r"\A(?:[^\x00-\x1f\x7f]+\n){1,6}\Z")
        self.assertIn("tairitsu: ", done.stderr)
        return done.stderr

    def images(self, *arguments, **options):
        lines = self.output("images", "--format", "json", *arguments, **options).splitlines()
        return [json.loads(line) for line in lines]

    def names(self, *arguments, **options):
        return sorted(name for image in self.images(*arguments, **options) for name in image["names"])

    def blobs(self):
        return list((self.home / "images" / "blobs" / "sha256").glob("*"))

    def expect_sound(self, home=None):
        """Checks that all images in the store are complete and usable."""
        home = home or self.home
        self.assertEqual(problems_of_store(home), [])
        self.assertEqual([image for image in self.images(env={"TAIRITSU_HOME": str(home)}) if image.get("problem")], [])

    def small_disk(self, size):
        """Mounts a small file system. Skips the test if this user cannot mount."""
        directory = self.directory / "disk"
        directory.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory], capture_output=True,
                                 check=False)
        if mounted.returncode != 0:
            self.skipTest("cannot mount a small disk")
        self.addCleanup(subprocess.run, ["umount", "-l", directory], check=False)
        return directory


class SharedHomeCase(CliCase):
    """Shares a data directory between the tests of a class, so that each guest is compiled only once."""

    @classmethod
    def setUpClass(cls):
        home = tempfile.TemporaryDirectory()
        cls.addClassCleanup(home.cleanup)
        cls.home = home.name

    def setUp(self):
        super().setUp()
        os.environ["TAIRITSU_HOME"] = self.home


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])

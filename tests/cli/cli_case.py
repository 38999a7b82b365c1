"""What the tests of the program's commands share: a folder of their own, and how a run has to end.

A test file is called as `…_cli_test.py TAIRITSU GUESTS [unittest arguments]`.
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
    """How a command ends and what it prints whose input, output and errors are a terminal. Whenever it asks, the next
    line is typed.
    """
    typed = list(typed)
    ours, its = pty.openpty()
    with subprocess.Popen([TAIRITSU, *map(str, arguments)], stdin=its, stdout=its, stderr=its,
                          start_new_session=True, env={**os.environ, "TERM": "xterm"}) as process:
        os.close(its)
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
                    printed += b"\n"  # So that it is not taken for a question again.
        except OSError:  # The other end is closed: it has ended.
            pass
        finally:
            os.close(ours)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
    return process.returncode, printed.decode().replace("\r\n", "\n")


def problems_of_store(home):
    """What is wrong in a data folder's images: half-written or missing content, and an index that is none."""
    layout = pathlib.Path(home) / "images"
    blobs = {}
    for path in sorted((layout / "blobs" / "sha256").glob("*")):
        blobs["sha256:" + path.name] = path.read_bytes()
    problems = [f"{digest} has other bytes" for digest, blob in blobs.items()
                if digest != "sha256:" + hashlib.sha256(blob).hexdigest()]
    if not (layout / "index.json").exists():
        return problems
    for entry in json.loads((layout / "index.json").read_bytes())["manifests"]:
        manifest = json.loads(blobs.get(entry["digest"], b"{}"))
        for needed in (entry, manifest.get("config"), *manifest.get("layers", [])):
            if not needed or needed["digest"] not in blobs:
                problems.append(f"{entry} lacks {needed}")
            elif needed["size"] != len(blobs[needed["digest"]]):
                problems.append(f"{needed['digest']} has another size than {entry} says")
    return problems


class CliCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

        # What the program keeps, it keeps here.
        os.environ["TAIRITSU_HOME"] = str(self.folder / "home")

    def write(self, name, contents):
        path = self.folder / name
        path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
        return path

    def expect(self, done, code, stdout="", *messages):
        """It ended with the code and printed that; errors are there only where messages are, with each of them."""
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, stdout)
        if not messages:
            self.assertEqual(done.stderr, "")
        for message in messages:
            self.assertIn(message, done.stderr)


    def expect_end_at(self, number, code, *arguments):
        """The program, which runs and waits meanwhile, ends with the code soon after the signal, and says nothing."""
        with subprocess.Popen([TAIRITSU, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            time.sleep(0.7)
            begin = time.monotonic()
            process.send_signal(number)
            self.assertEqual(process.wait(timeout=20), code, arguments)
            self.assertLess(time.monotonic() - begin, 5)
            self.assertEqual(process.stderr.read(), b"")


class ImageCase(CliCase):
    """For commands of images: an empty store, and no logins but what a test makes."""

    def setUp(self):
        super().setUp()
        self.home = self.folder / "home"
        os.environ["DOCKER_CONFIG"] = str(self.folder / "docker")

    def output(self, *arguments, **options):
        """What a command prints that has to succeed."""
        done = run_tairitsu(*arguments, **options)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stderr}")
        return done.stdout

    def refusal(self, code, *arguments, **options):
        """What a command says that has to fail with the code, in a few lines that no terminal obeys."""
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
        """The store has nothing but whole images, and each can be used."""
        home = home or self.home
        self.assertEqual(problems_of_store(home), [])
        self.assertEqual([image for image in self.images(env={"TAIRITSU_HOME": str(home)}) if image.get("problem")], [])

    def small_disk(self, size):
        """A folder with little room, or a skipped test where this user cannot mount one."""
        folder = self.folder / "disk"
        folder.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True,
                                 check=False)
        if mounted.returncode != 0:
            self.skipTest("cannot mount a small disk")
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=False)
        return folder


class SharedHomeCase(CliCase):
    """One folder for what the program keeps, for all tests of a class: each guest is compiled once."""

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

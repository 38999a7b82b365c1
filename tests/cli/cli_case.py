"""What the tests of the program's commands share: a folder of their own, and how a run has to end.

A test file is called as `…_cli_test.py TAIRITSU GUESTS [unittest arguments]`.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TAIRITSU = str(pathlib.Path(sys.argv[1]).resolve())
GUESTS = pathlib.Path(sys.argv[2]).resolve()


def run_tairitsu(*arguments, stdin="", env=None):
    return subprocess.run([TAIRITSU, *map(str, arguments)], capture_output=True, text=True, input=stdin,
                          timeout=60, check=False, env={**os.environ, **(env or {})})


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

#!/usr/bin/env python3
"""`tairitsu run` and `serve` with guests written in Python, JavaScript and Rust.

usage: languages_cli_test.py TAIRITSU GUESTS [unittest arguments]

What was not built, for want of the tools, is skipped.
"""

import contextlib
import http.client
import select
import subprocess
import time

from cli_case import GUESTS, TAIRITSU, SharedHomeCase, main, run_tairitsu


class LanguageCase(SharedHomeCase):
    language = ""

    def guest(self, kind):
        path = GUESTS / f"{self.language}_{kind}.wasm"
        if not path.exists():
            self.skipTest(f"{path.name} is not there: the tools for guests in {self.language} were not found")
        return path

    def run_guest(self, *words, options=(), stdin="", timeout="60s"):
        # The timeout always, so that all of them run the same code.
        return run_tairitsu("run", "--timeout", timeout, *options, self.guest("command"), *words, stdin=stdin)


class Command:
    """For each language."""

    def test_sees_the_environment_that_it_is_given(self):
        self.expect(self.run_guest("environment"), 0)
        self.expect(self.run_guest("environment", options=("-e", "A=1", "-e", "B=x=y")), 0, "A=1\nB=x=y\n")

    def test_reads_standard_input(self):
        self.expect(self.run_guest("input", stdin="one\ntwo\n"), 0, "ONE\nTWO\n")

    def test_sees_the_folders_that_it_is_given(self):
        data = self.folder / "data"
        data.mkdir()
        (data / "in.txt").write_text("inside\n")
        (self.folder / "secret.txt").write_text("secret\n")
        share = ("-v", f"{data}:/data")
        self.expect(self.run_guest("read", "/data/in.txt", options=share), 0, "inside\n")
        for path in ("/data/../secret.txt", "/secret.txt", str(self.folder / "secret.txt")):
            done = self.run_guest("read", path, options=share)
            self.assertEqual((done.returncode, done.stdout), (1, ""), path)
        self.assertEqual(self.run_guest("read", "/data/in.txt").returncode, 1)
        read_only = ("-v", f"{data}:/data:ro")
        self.assertEqual(self.run_guest("write", "/data/new.txt", "x", options=read_only).returncode, 1)
        self.assertFalse((data / "new.txt").exists())
        self.expect(self.run_guest("write", "/data/new.txt", "written", options=share), 0)
        self.assertEqual((data / "new.txt").read_text(), "written")

    def test_fails_as_the_guest_does(self):
        self.assertEqual(self.run_guest("nonsense").returncode, 1)

    def test_is_cut_off_at_the_timeout(self):
        self.run_guest("sleep", "0")  # So that it is compiled.
        for words in (("spin",), ("sleep", "30")):
            with self.subTest(words=words):
                begin = time.monotonic()
                self.expect(self.run_guest(*words, timeout="500ms"), 124, "", "deadline", "--timeout")
                self.assertLess(time.monotonic() - begin, 10)


class Server:
    """For each language."""

    def serve(self, *options):
        process = subprocess.Popen([TAIRITSU, "serve", "--addr", "127.0.0.1:0", "--log", "none", *options,
                                    self.guest("server")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)

        def stop():
            if process.poll() is None:
                process.kill()
            process.communicate()

        self.addCleanup(stop)
        # It compiles before it listens.
        self.assertTrue(select.select([process.stderr], [], [], 90)[0], "it does not listen")
        first = process.stderr.readline()
        self.assertRegex(first, r"^listening on http://127\.0\.0\.1:\d+$")
        self.process = process
        self.port = int(first.rsplit(":", 1)[1])

    def request(self, path, body=None):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request("GET" if body is None else "POST", path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def test_answers(self):
        self.serve()
        for path in ("/", "/a?b=c"):
            hello = f"Hello from {self.name}: {path}\n".encode()
            self.assertEqual(self.request(path), (200, hello))
        body = bytes(range(256)) * 1000
        self.assertEqual(self.request("/echo", body), (200, body))
        self.process.terminate()
        self.assertEqual(self.process.wait(timeout=30), 0)

    def test_goes_on_where_the_guest_raises(self):
        self.serve()
        self.assertEqual(self.request("/raise")[0], 500)
        self.assertEqual(self.request("/")[0], 200)


class PythonCommand(Command, LanguageCase):
    language = "python"

    def test_lists_a_folder(self):
        (self.folder / "b").touch()
        (self.folder / "a").touch()
        self.expect(self.run_guest("list", "/data", options=("-v", f"{self.folder}:/data:ro")), 0, "a\nb\n")


class PythonServer(Server, LanguageCase):
    language = "python"
    name = "Python"


class RustCommand(Command, LanguageCase):
    """WASI 0.3 beside 0.2, of which the program exports a run that only panics."""

    language = "rust"

    def test_lists_a_folder(self):
        (self.folder / "b").touch()
        (self.folder / "a").touch()
        self.expect(self.run_guest("list", "/data", options=("-v", f"{self.folder}:/data:ro")), 0, "a\nb\n")

    def test_exits_with_a_code_of_its_own(self):
        for code in (0, 7, 255):
            self.expect(self.run_guest("exit", str(code)), code)

    def test_panics(self):
        self.expect(self.run_guest("panic"), 134, "", "as asked")

    def test_streams_standard_input(self):
        text = "".join(f"line {number}\n" for number in range(20000))
        self.expect(self.run_guest("input", stdin=text), 0, text.upper())


class RustServer(Server, LanguageCase):
    language = "rust"
    name = "Rust"


class JavaScriptCommand(Command, LanguageCase):
    language = "javascript"


class JavaScriptServer(Server, LanguageCase):
    language = "javascript"
    name = "JavaScript"

    def test_streams_a_body(self):
        self.serve()
        self.assertEqual(self.request("/stream"), (200, b"".join(b"piece %d\n" % i for i in range(5))))


if __name__ == "__main__":
    main()

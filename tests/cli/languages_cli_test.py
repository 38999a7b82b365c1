#!/usr/bin/env python3
"""Tests of `tairitsu run` and `serve` with guests written in Python, JavaScript and Rust.

usage: languages_cli_test.py TAIRITSU GUESTS [unittest arguments]

Skips guests that were not built because their tools are missing.
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
            self.skipTest(f"{path.name} was not built: the tools for guests in {self.language} were not found")
        return path

    def run_guest(self, *words, options=(), stdin="", timeout="60s"):
        # Always with a timeout, so that all tests use the same compiled code.
        return run_tairitsu("run", "--timeout", timeout, *options, self.guest("command"), *words, stdin=stdin)


class Command:
    """The tests of a command, for each language."""

    def test_sees_only_the_environment_that_is_passed_on(self):
        self.expect(self.run_guest("environment"), 0)
        self.expect(self.run_guest("environment", options=("-e", "A=1", "-e", "B=x=y")), 0, "A=1\nB=x=y\n")

    def test_reads_standard_input(self):
        self.expect(self.run_guest("input", stdin="one\ntwo\n"), 0, "ONE\nTWO\n")

    def test_sees_only_directories_that_are_mounted(self):
        data = self.directory / "data"
        data.mkdir()
        (data / "in.txt").write_text("inside\n")
        (self.directory / "secret.txt").write_text("secret\n")
        share = ("-v", f"{data}:/data")
        self.expect(self.run_guest("read", "/data/in.txt", options=share), 0, "inside\n")
        for path in ("/data/../secret.txt", "/secret.txt", str(self.directory / "secret.txt")):
            done = self.run_guest("read", path, options=share)
            self.assertEqual((done.returncode, done.stdout), (1, ""), path)
        self.assertEqual(self.run_guest("read", "/data/in.txt").returncode, 1)
        read_only = ("-v", f"{data}:/data:ro")
        self.assertEqual(self.run_guest("write", "/data/new.txt", "x", options=read_only).returncode, 1)
        self.assertFalse((data / "new.txt").exists())
        self.expect(self.run_guest("write", "/data/new.txt", "written", options=share), 0)
        self.assertEqual((data / "new.txt").read_text(), "written")

    def test_fails_if_the_guest_fails(self):
        self.assertEqual(self.run_guest("nonsense").returncode, 1)

    def test_is_interrupted_at_the_timeout(self):
        self.run_guest("sleep", "0")  # Compiles it.
        for words in (("spin",), ("sleep", "30")):
            with self.subTest(words=words):
                begin = time.monotonic()
                self.expect(self.run_guest(*words, timeout="500ms"), 124, "", "deadline", "--timeout")
                self.assertLess(time.monotonic() - begin, 10)


class Server:
    """The tests of a server, for each language."""

    def serve(self, *options):
        process = subprocess.Popen([TAIRITSU, "serve", "--addr", "127.0.0.1:0", "--log", "none", *options,
                                    self.guest("server")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)

        def stop():
            if process.poll() is None:
                process.kill()
            process.communicate()

        self.addCleanup(stop)
        # The server compiles the guest before it listens.
        self.assertTrue(select.select([process.stderr], [], [], 90)[0], "the server does not listen")
        first = process.stderr.readline()
        self.assertRegex(first, r"^listening on http://127\.0\.0\.1:\d+$")
        self.process = process
        self.port = int(first.rsplit(":", 1)[1])

    def request(self, path, body=None):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request("GET" if body is None else "POST", path, body)
            response = connection.getresponse()
            return response.status, response.read()

    def test_serves_requests(self):
        self.serve()
        for path in ("/", "/a?b=c"):
            hello = f"Hello from {self.name}: {path}\n".encode()
            self.assertEqual(self.request(path), (200, hello))
        body = bytes(range(256)) * 1000
        self.assertEqual(self.request("/echo", body), (200, body))
        self.process.terminate()
        self.assertEqual(self.process.wait(timeout=30), 0)

    def test_continues_after_a_guest_raises_an_exception(self):
        self.serve()
        self.assertEqual(self.request("/raise")[0], 500)
        self.assertEqual(self.request("/")[0], 200)


class PythonCommand(Command, LanguageCase):
    language = "python"

    def test_lists_a_directory(self):
        (self.directory / "b").touch()
        (self.directory / "a").touch()
        self.expect(self.run_guest("list", "/data", options=("-v", f"{self.directory}:/data:ro")), 0, "a\nb\n")


class PythonServer(Server, LanguageCase):
    language = "python"
    name = "Python"


class RustCommand(Command, LanguageCase):
    """The program exports the run of WASI 0.3, and one of WASI 0.2 that only panics."""

    language = "rust"

    def test_lists_a_directory(self):
        (self.directory / "b").touch()
        (self.directory / "a").touch()
        self.expect(self.run_guest("list", "/data", options=("-v", f"{self.directory}:/data:ro")), 0, "a\nb\n")

    def test_exits_with_any_code(self):
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

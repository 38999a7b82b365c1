#!/usr/bin/env python3
"""Tests of `tairitsu run` and `serve` with WASI 0.3 guests.

usage: async_cli_test.py TAIRITSU GUESTS [unittest arguments]
"""

import concurrent.futures
import contextlib
import http.client
import signal
import socket
import subprocess
import time

from cli_case import GUESTS, TAIRITSU, SharedHomeCase, main, run_tairitsu

COMMAND = GUESTS / "async_command.wasm"
SERVICE = GUESTS / "async_service.wasm"


def run(*arguments, stdin=""):
    return run_tairitsu("run", *arguments, stdin=stdin)


class Command(SharedHomeCase):
    def test_prints_and_exits(self):
        self.expect(run(COMMAND, "print", "hello"), 0, "hello\n")
        self.expect(run(COMMAND, "print-error", "on standard error"), 0, "", "on standard error")
        self.expect(run(COMMAND, "nonsense"), 1)
        self.expect(run("-e", "A=1", "-e", "B=x=y", COMMAND, "environment"), 0, "A=1\nB=x=y\n")

    def test_exits_with_any_code(self):
        for code in (0, 1, 3, 255):
            self.expect(run(COMMAND, "exit", str(code)), code)

    def test_streams_standard_input(self):
        text = "one\ntwo\n" * 20000
        self.expect(run(COMMAND, "input", stdin=text), 0, text)
        self.expect(run(COMMAND, "input"), 0)

    def test_sleeps(self):
        begin = time.monotonic()
        self.expect(run(COMMAND, "sleep", "300"), 0, "slept\n")
        self.assertGreaterEqual(time.monotonic() - begin, 0.3)

    def test_is_interrupted_at_the_timeout(self):
        self.expect(run(COMMAND, "exit", "0"), 0)  # Compiles it.
        for verb in (["sleep", "20000"], ["spin"]):
            begin = time.monotonic()
            self.expect(run("--timeout", "300ms", COMMAND, *verb), 124, "", "deadline", "--timeout")
            self.assertLess(time.monotonic() - begin, 5)

    def test_opens_only_files_that_are_allowed(self):
        directory = self.directory / "shared"
        directory.mkdir()
        (directory / "a.txt").write_text("a")
        (self.directory / "b.txt").write_text("b")
        allowed = ("--log-denied", "-v", f"{directory}:/data")
        read_only = ("--log-denied", "-v", f"{directory}:/data:ro")
        for options, verb, path in ((allowed, "open", "a.txt"), (read_only, "open", "a.txt"),
                                    (allowed, "create", "c.txt")):
            done = run(*options, COMMAND, verb, path)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "opened\n", ""))
        for options, verb, path in ((allowed, "open", "../b.txt"), (read_only, "create", "d.txt")):
            self.expect(run(*options, COMMAND, verb, path), 1, "denied\n",
                        f"tairitsu: denied: access to '/data/{path}'", "--volume")
        done = run(*allowed, COMMAND, "open", "none.txt")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (1, "failed\n", ""))

    def test_connects_only_to_allowed_addresses(self):
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
            where = f"127.0.0.1:{server.getsockname()[1]}"
            for options in (("--network", "loopback"), ("--allow-connect", f"tcp://{where}")):
                self.expect(run(*options, COMMAND, "connect", where), 0, "connected\n")
            for options in ((), ("--network", "public"), ("--allow-connect", "udp://*"),
                            ("--allow-connect", "127.0.0.2")):
                done = run(*options, COMMAND, "connect", where)
                # Without any rule for sockets, the guest cannot create one.
                self.assertIn((done.returncode, done.stdout), ((1, "denied\n"), (1, "no socket\n")))

    def test_clocks_and_random_numbers_can_be_fixed(self):
        for verb in ("time", "random"):
            options = ("--clock", "1700000000", "--seed", "7")
            first = run(*options, COMMAND, verb)
            self.expect(first, 0, "1700000000 0\n" if verb == "time" else first.stdout)
            self.assertEqual(run(*options, COMMAND, verb).stdout, first.stdout)
            self.assertNotEqual(run(COMMAND, verb).stdout, first.stdout)

    def test_reports_traps_and_exceeded_limits(self):
        self.expect(run(COMMAND, "trap"), 134, "", "unreachable")
        self.expect(run("--fuel", "100000", COMMAND, "spin"), 134, "", "fuel", "--fuel")

    def test_detects_a_deadlock(self):
        self.expect(run("--timeout", "20s", COMMAND, "wait"), 134, "", "deadlock")

    def test_sigint_ends_it(self):
        self.expect(run(COMMAND, "exit", "0"), 0)
        for verb in (["sleep", "20000"], ["input"], ["spin"]):
            self.expect_end_at(signal.SIGINT, 130, "run", COMMAND, *verb)

    def test_runs_precompiled(self):
        artifact = self.directory / "command.cwasm"
        self.expect(run_tairitsu("compile", COMMAND, "-o", artifact), 0)
        self.expect(run("--allow-precompiled", artifact, "print", "hello"), 0, "hello\n")


class Service(SharedHomeCase):
    def serve(self, *options):
        process = subprocess.Popen([TAIRITSU, "serve", "--addr", "127.0.0.1:0", "--log", "none", *options, SERVICE],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   text=True)

        def stop():
            if process.poll() is None:
                process.kill()
            process.communicate()

        self.addCleanup(stop)
        self.process = process
        first = process.stderr.readline()
        self.assertRegex(first, r"^listening on http://127\.0\.0\.1:\d+$")
        self.port = int(first.rsplit(":", 1)[1])

    def request(self, path, method="GET", body=None):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read()

    def test_serves_requests(self):
        self.serve()
        self.assertEqual(self.request("/"), (200, b"Hello, world!\n"))
        self.assertEqual(self.request("/nowhere"), (404, b"not found\n"))
        self.process.terminate()
        self.assertEqual(self.process.wait(timeout=20), 0)

    def test_streams_a_body_that_is_written_after_the_response(self):
        self.serve()
        self.assertEqual(self.request("/pieces/5"), (200, b"".join(b"piece %d\n" % i for i in range(5))))

    def test_sends_each_part_of_a_body_at_once(self):
        self.serve()
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as client:
            client.sendall(b"GET /pieces/200 HTTP/1.1\r\nhost: a\r\n\r\n")
            begin = time.monotonic()
            text = b""
            while b"piece 3" not in text:
                text += client.recv(4096)
            self.assertLess(time.monotonic() - begin, 1.5)  # The whole body takes two seconds.
            self.assertNotIn(b"piece 199", text)

    def test_streams_request_bodies(self):
        self.serve()
        body = bytes(range(256)) * 4000
        self.assertEqual(self.request("/echo", "POST", body), (200, body))
        self.assertEqual(self.request("/echo", "POST", (body[i:i + 70000] for i in range(0, len(body), 70000))),
                         (200, body))
        self.assertEqual(self.request("/echo", "POST", b""), (200, b""))

    def test_sends_requests_only_to_allowed_hosts(self):
        self.serve("--allow-host", "GET http://127.0.0.1")
        own = f"127.0.0.1:{self.port}"
        self.assertEqual(self.request(f"/fetch/{own}/"), (200, b"status 200\n"))
        self.assertEqual(self.request(f"/fetch/{own}/nowhere"), (200, b"status 404\n"))
        self.assertEqual(self.request(f"/fetch/127.0.0.2:{self.port}/"), (200, b"denied\n"))
        self.serve("--network", "public")
        self.assertEqual(self.request(f"/fetch/{own}/"), (200, b"denied\n"))

    def test_requests_can_wait_concurrently(self):
        self.serve()
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            responses = list(pool.map(self.request, ["/sleep/500"] * 16))
        self.assertEqual(responses, [(200, b"slept\n")] * 16)
        self.assertLess(time.monotonic() - begin, 4)

    def test_responds_with_an_error_if_the_guest_fails(self):
        self.serve("--timeout", "400ms")
        for path, status in (("/trap", 500), ("/error", 500), ("/sleep/20000", 504), ("/loop", 504)):
            with self.subTest(path=path):
                self.assertEqual(self.request(path)[0], status)
                self.assertEqual(self.request("/"), (200, b"Hello, world!\n"))

    def test_an_unfinished_response_does_not_look_complete(self):
        self.serve("--timeout", "400ms")
        # The client sees an incomplete body, or a connection that is closed without a response.
        for path in ("/late-trap", "/pieces/1000"):
            with self.subTest(path=path), self.assertRaises((http.client.HTTPException, ConnectionResetError)):
                self.request(path)


if __name__ == "__main__":
    main()

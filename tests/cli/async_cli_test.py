#!/usr/bin/env python3
"""`tairitsu run` and `serve` with guests of WASI 0.3.

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

    def test_is_cut_off_at_the_timeout(self):
        self.expect(run(COMMAND, "exit", "0"), 0)  # So that it is compiled.
        for verb in (["sleep", "20000"], ["spin"]):
            begin = time.monotonic()
            self.expect(run("--timeout", "300ms", COMMAND, *verb), 124, "", "deadline", "--timeout")
            self.assertLess(time.monotonic() - begin, 5)

    def test_opens_what_it_may(self):
        folder = self.folder / "shared"
        folder.mkdir()
        (folder / "a.txt").write_text("a")
        (self.folder / "b.txt").write_text("b")
        may = ("--log-denied", "-v", f"{folder}:/data")
        read_only = ("--log-denied", "-v", f"{folder}:/data:ro")
        for options, verb, path in ((may, "open", "a.txt"), (read_only, "open", "a.txt"), (may, "create", "c.txt")):
            done = run(*options, COMMAND, verb, path)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "opened\n", ""))
        for options, verb, path in ((may, "open", "../b.txt"), (read_only, "create", "d.txt")):
            self.expect(run(*options, COMMAND, verb, path), 1, "denied\n",
                        f"tairitsu: denied: to use '/data/{path}'", "--volume")
        done = run(*may, COMMAND, "open", "none.txt")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (1, "failed\n", ""))

    def test_connects_where_it_may(self):
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
            where = f"127.0.0.1:{server.getsockname()[1]}"
            for options in (("--network", "loopback"), ("--allow-connect", f"tcp://{where}")):
                self.expect(run(*options, COMMAND, "connect", where), 0, "connected\n")
            for options in ((), ("--network", "public"), ("--allow-connect", "udp://*"),
                            ("--allow-connect", "127.0.0.2")):
                done = run(*options, COMMAND, "connect", where)
            # Without any rule for sockets there are none.
            self.assertIn((done.returncode, done.stdout), ((1, "denied\n"), (1, "no socket\n")))

    def test_reads_the_clocks_and_numbers_that_it_is_given(self):
        for verb in ("time", "random"):
            options = ("--clock", "1700000000", "--seed", "7")
            first = run(*options, COMMAND, verb)
            self.expect(first, 0, "1700000000 0\n" if verb == "time" else first.stdout)
            self.assertEqual(run(*options, COMMAND, verb).stdout, first.stdout)
            self.assertNotEqual(run(COMMAND, verb).stdout, first.stdout)

    def test_tells_a_trap_and_a_limit(self):
        self.expect(run(COMMAND, "trap"), 134, "", "unreachable")
        self.expect(run("--fuel", "100000", COMMAND, "spin"), 134, "", "fuel", "--fuel")

    def test_does_not_wait_for_what_cannot_come(self):
        self.expect(run("--timeout", "20s", COMMAND, "wait"), 134, "", "deadlock")

    def test_ends_at_an_interrupt(self):
        self.expect(run(COMMAND, "exit", "0"), 0)
        for verb in (["sleep", "20000"], ["input"], ["spin"]):
            self.expect_end_at(signal.SIGINT, 130, "run", COMMAND, *verb)

    def test_runs_precompiled(self):
        artifact = self.folder / "command.cwasm"
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
            answer = connection.getresponse()
            return answer.status, answer.read()

    def test_answers(self):
        self.serve()
        self.assertEqual(self.request("/"), (200, b"Hello, world!\n"))
        self.assertEqual(self.request("/nowhere"), (404, b"not found\n"))
        self.process.terminate()
        self.assertEqual(self.process.wait(timeout=20), 0)

    def test_streams_what_the_guest_writes_after_it_answered(self):
        self.serve()
        self.assertEqual(self.request("/pieces/5"), (200, b"".join(b"piece %d\n" % i for i in range(5))))

    def test_sends_a_piece_before_the_next_is_there(self):
        self.serve()
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as client:
            client.sendall(b"GET /pieces/200 HTTP/1.1\r\nhost: a\r\n\r\n")
            begin = time.monotonic()
            text = b""
            while b"piece 3" not in text:
                text += client.recv(4096)
            self.assertLess(time.monotonic() - begin, 1.5)  # All of them take two seconds.
            self.assertNotIn(b"piece 199", text)

    def test_streams_what_the_guest_reads(self):
        self.serve()
        body = bytes(range(256)) * 4000
        self.assertEqual(self.request("/echo", "POST", body), (200, body))
        self.assertEqual(self.request("/echo", "POST", (body[i:i + 70000] for i in range(0, len(body), 70000))),
                         (200, body))
        self.assertEqual(self.request("/echo", "POST", b""), (200, b""))

    def test_sends_requests_where_it_may(self):
        self.serve("--allow-host", "GET http://127.0.0.1")
        own = f"127.0.0.1:{self.port}"
        self.assertEqual(self.request(f"/fetch/{own}/"), (200, b"status 200\n"))
        self.assertEqual(self.request(f"/fetch/{own}/nowhere"), (200, b"status 404\n"))
        self.assertEqual(self.request(f"/fetch/127.0.0.2:{self.port}/"), (200, b"denied\n"))
        self.serve("--network", "public")
        self.assertEqual(self.request(f"/fetch/{own}/"), (200, b"denied\n"))

    def test_lets_requests_wait_at_the_same_time(self):
        self.serve()
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(self.request, ["/sleep/500"] * 16))
        self.assertEqual(answers, [(200, b"slept\n")] * 16)
        self.assertLess(time.monotonic() - begin, 4)

    def test_answers_for_a_guest_that_fails(self):
        self.serve("--timeout", "400ms")
        for path, status in (("/trap", 500), ("/error", 500), ("/sleep/20000", 504), ("/loop", 504)):
            with self.subTest(path=path):
                self.assertEqual(self.request(path)[0], status)
                self.assertEqual(self.request("/"), (200, b"Hello, world!\n"))

    def test_does_not_end_a_body_whose_guest_failed(self):
        self.serve("--timeout", "400ms")
        # The client learns of it, by a body without an end or a connection without an answer.
        for path in ("/late-trap", "/pieces/1000"):
            with self.subTest(path=path), self.assertRaises((http.client.HTTPException, ConnectionResetError)):
                self.request(path)


if __name__ == "__main__":
    main()

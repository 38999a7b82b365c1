#!/usr/bin/env python3
"""Tests of `tairitsu serve`, with well-behaved and misbehaving guests.

usage: serve_cli_test.py TAIRITSU GUESTS [unittest arguments]
"""

import http.client
import json
import signal
import socket
import threading
import time

from cli_case import GUESTS, main, run_tairitsu
from server_case import SERVER, ServerCase


class Serve(ServerCase):
    def test_serves_requests_on_one_connection(self):
        server = self.serve()
        with server.connect() as connection:
            for _ in range(5):
                connection.request("GET", "/")
                response = connection.getresponse()
                self.assertEqual((response.status, response.read()), (200, b"Hello, world!\n"))
            connection.request("GET", "/nowhere")
            self.assertEqual(connection.getresponse().status, 404)
        self.assertEqual(server.end(), (0, "", "draining: waiting for running requests\n"))

    def test_each_request_gets_a_fresh_instance_by_default(self):
        server = self.serve()
        self.assertEqual({server.get("/count")[1] for _ in range(4)}, {b"request 1 of this instance\n"})
        server = self.serve("--requests-per-instance", "3")
        counts = [int(server.get("/count")[1].split()[1]) for _ in range(7)]
        self.assertEqual(counts, [1, 2, 3, 1, 2, 3, 1])
        # An instance that failed is not used again.
        self.assertEqual(server.get("/trap")[0], 500)
        self.assertEqual(server.get("/count")[1], b"request 1 of this instance\n")

    def test_streams_bodies_both_ways(self):
        server = self.serve()
        body = bytes(range(256)) * 20000
        self.assertEqual(server.exchange("/echo", body), (200, body))
        self.assertEqual(server.exchange("/echo", (body[i:i + 70000] for i in range(0, len(body), 70000))), (200, body))
        self.assertEqual(len(server.get("/big/30000000")[1]), 30000000)
        status, text, _ = server.get("/big/1000", "HEAD")
        self.assertEqual((status, text), (200, b""))

    def test_does_not_buffer_a_body_that_the_guest_does_not_read(self):
        server = self.serve("--memory", "32m")
        with socket.create_connection(server.address, timeout=30) as client:
            client.sendall(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n")
            client.settimeout(1)
            sent = 0
            with self.assertRaises(socket.timeout):  # The echoed body is not read, so the guest stops reading.
                while sent < 100_000_000:
                    sent += client.send(b"x" * 100_000)
            self.assertLess(sent, 50_000_000)

    def test_responds_with_an_error_if_the_guest_fails(self):
        server = self.serve("--timeout", "500ms", "--memory", "32m")
        for path, status, why in (("/trap", 500, "unreachable"), ("/silent", 500, "without a response"),
                                  ("/leak", 500, "memory"), ("/loop", 504, "deadline"), ("/sleep/60000", 504, "deadline")):
            response = server.get(path)
            self.assertEqual(response[0], status, path)
            request = response[2]["x-request-id"]
            self.assertRegex(request, "^[0-9a-f]{16}$")
            self.assertIn(request.encode(), response[1])
            self.assertEqual(server.get("/")[0], 200)
        # The client can tell that the body is incomplete.
        with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
            server.get("/late-trap")
        self.assertEqual(server.get("/")[0], 200)
        _, _, errors = server.end()
        for why in ("unreachable", "without a response", "memory_limit", "deadline_exceeded", "handle", "/late-trap"):
            self.assertIn(why, errors)

    def test_a_guest_that_computes_does_not_block_others(self):
        server = self.serve("--timeout", "3s", "--threads", "1")
        loops = [threading.Thread(target=server.get, args=("/loop",)) for _ in range(4)]
        for loop in loops:
            loop.start()
        time.sleep(0.3)
        for _ in range(5):
            begin = time.monotonic()
            self.assertEqual(server.get("/")[0], 200)
            self.assertLess(time.monotonic() - begin, 1.5)
        for loop in loops:
            loop.join()

    def test_queues_requests_and_then_responds_503(self):
        server = self.serve("--max-requests", "2", "--max-queue", "2")
        statuses = []
        asks = [threading.Thread(target=lambda: statuses.append(server.get("/sleep/700"))) for _ in range(6)]
        for ask in asks:
            ask.start()
        for ask in asks:
            ask.join()
        self.assertEqual(sorted(status for status, _, _ in statuses), [200] * 4 + [503] * 2)
        self.assertEqual([headers["retry-after"] for status, _, headers in statuses if status == 503], ["1"] * 2)

    def test_clients_wait_for_a_free_connection(self):
        server = self.serve("--max-connections", "1")
        with socket.create_connection(server.address, timeout=30):
            time.sleep(0.2)
            waiting = threading.Thread(target=lambda: self.assertEqual(server.get("/")[0], 200))
            waiting.start()
            waiting.join(0.5)
            self.assertTrue(waiting.is_alive())
        waiting.join(10)
        self.assertFalse(waiting.is_alive())

    def test_ends_the_guest_if_its_client_disconnects(self):
        server = self.serve("--admin-addr", "127.0.0.1:0", "--timeout", "60s")
        for path in (b"/loop", b"/sleep/60000", b"/big/100000000"):
            with socket.create_connection(server.address, timeout=30) as client:
                client.sendall(b"GET " + path + b" HTTP/1.1\r\nhost: a\r\n\r\n")
                time.sleep(0.3)
        deadline = time.monotonic() + 10
        while b"tairitsu_http_requests_running 0\n" not in server.get("/metrics", address=server.admin)[1]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)

    def test_a_guest_can_continue_after_its_response(self):
        server = self.serve()
        begin = time.monotonic()
        self.assertEqual(server.get("/linger/700")[1], b"answered\n")
        self.assertLess(time.monotonic() - begin, 0.6)
        self.assertIn("lingered\n", server.end()[2])

    def test_prints_the_output_of_guests(self):
        server = self.serve()
        self.assertEqual(server.get("/print")[0], 200)
        errors = server.end()[2]
        self.assertIn("on standard output\n", errors)
        self.assertIn("on standard error\n", errors)

    def test_logs_as_text_or_json(self):
        server = self.serve("--log", "text")
        server.get("/?a=b|c")
        server.get("/trap")
        _, output, _ = server.end()
        self.assertRegex(output, r'^\S+Z 127\.0\.0\.1:\d+ "GET /\?a=b\|c" 404 10 [\d.]+ms\n')
        self.assertRegex(output, r'"GET /trap" 500 \d+ [\d.]+ms request=[0-9a-f]{16} error=trap: ')
        server = self.serve("--log", "json")
        server.get("/")
        request = server.get("/trap")[2]["x-request-id"]
        lines = [json.loads(line) for line in server.end()[1].splitlines()]
        self.assertEqual([(line["method"], line["target"], line["status"]) for line in lines],
                         [("GET", "/", 200), ("GET", "/trap", 500)])
        self.assertEqual(lines[0]["bytes"], 14)
        self.assertEqual(lines[1]["request"], request)
        self.assertEqual(lines[1]["error"]["code"], "trap")
        self.assertIn("handle", lines[1]["error"]["backtrace"])
        server = self.serve("--log", "none")
        server.get("/trap")
        self.assertEqual(server.end()[1:], ("", "draining: waiting for running requests\n"))

    def test_serves_health_and_metrics(self):
        server = self.serve("--admin-addr", "127.0.0.1:0")
        self.assertEqual(server.get("/healthz", address=server.admin)[:2], (200, b"ok\n"))
        server.get("/")
        server.get("/trap")
        metrics = server.get("/metrics", address=server.admin)[1].decode()
        for line in ('tairitsu_http_requests_total{code="2xx"} 1', 'tairitsu_http_requests_total{code="5xx"} 1',
                     "tairitsu_http_requests_failed_total 1", "tairitsu_instances_total 2"):
            self.assertIn(line + "\n", metrics)
        self.assertEqual(server.get("/", address=server.admin)[0], 404)

    def test_finishes_running_requests_at_a_signal(self):
        server = self.serve("--admin-addr", "127.0.0.1:0")
        responses = []
        slow = threading.Thread(target=lambda: responses.append(server.get("/sleep/1500")))
        slow.start()
        with socket.create_connection(server.address, timeout=30) as idle:
            time.sleep(0.4)
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(idle.recv(1), b"")  # An idle connection is closed at once.
        self.assertEqual(server.get("/healthz", address=server.admin)[:2], (503, b"draining\n"))
        with self.assertRaises(OSError):
            server.get("/")
        slow.join()
        self.assertEqual(responses[0][:2], (200, b"slept\n"))
        self.assertEqual(server.process.wait(10), 0)

    def test_cancels_requests_that_exceed_the_grace_period(self):
        server = self.serve("--grace", "300ms", "--timeout", "60s")
        hanging = [threading.Thread(target=lambda p=path: self.assertRaises(Exception, server.get, p))
                   for path in ("/loop", "/sleep/60000")]
        for ask in hanging:
            ask.start()
        time.sleep(0.4)
        begin = time.monotonic()
        code, _, errors = server.end()
        self.assertEqual(code, 0)
        self.assertIn("cancelling the requests", errors)
        self.assertLess(time.monotonic() - begin, 8)
        for ask in hanging:
            ask.join()

    def test_a_second_signal_ends_it_at_once(self):
        server = self.serve("--timeout", "60s")
        hanging = threading.Thread(target=lambda: self.assertRaises(Exception, server.get, "/sleep/60000"))
        hanging.start()
        time.sleep(0.3)
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        self.assertEqual(server.end(signal.SIGINT)[0], 130)
        hanging.join()

    def test_rejects_invalid_requests(self):
        server = self.serve()
        self.assertIn(b" 400 ", server.raw(b"nonsense\r\n\r\n"))
        self.assertIn(b" 400 ", server.raw(b"GET / HTTP/1.0\r\n\r\n"))
        self.assertIn(b"Hello", server.raw(b"GET / HTTP/1.0\r\nhost: a\r\n\r\n"))
        self.assertIn(b" 431 ", server.raw(b"GET / HTTP/1.1\r\nhost: a\r\n" + b"a: b\r\n" * 1000 + b"\r\n"))
        self.assertEqual(server.get("/")[0], 200)

    def test_rejects_invalid_host_headers(self):
        server = self.serve()
        for hosts in ([], [b"a", b"b"], [b"a", b"a"], [b"a b/\\"], [b"a/b"], [b"user@a"], [b"a:99999"], [b"a:b"], [b""]):
            head = b"".join(b"Host: " + host + b"\r\n" for host in hosts)
            self.assertIn(b" 400 ", server.raw(b"GET / HTTP/1.1\r\n" + head + b"Connection: close\r\n\r\n"), hosts)
        for host in (b"a", b"a.example:80", b"[::1]", b"[::1]:8080", b"127.0.0.1:1", b"a:"):
            head = b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
            self.assertIn(b" 200 ", server.raw(head), host)

    def test_the_guest_sees_the_host_of_the_request(self):
        for guest in (SERVER, GUESTS / "async_service.wasm"):
            server = self.serve(guest=guest)
            head = b"GET %s HTTP/1.1\r\nHost: a.example:81\r\nConnection: close\r\n\r\n"
            self.assertTrue(server.raw(head % b"/origin").endswith(b"http a.example:81\n\r\n0\r\n\r\n"), guest)
            self.assertIn(b"http b.example:82\n", server.raw(head % b"http://b.example:82/origin"), guest)

    def test_an_unfinished_response_does_not_look_complete(self):
        server = self.serve()
        for reuse in ("1", "100"):
            server = self.serve("--requests-per-instance", reuse)
            response = server.raw(b"GET /unfinished HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertIn(b"the first half\n", response)
            self.assertFalse(response.endswith(b"0\r\n\r\n"))
            self.assertEqual(server.get("/")[0], 200)
            self.assertIn("did not finish", server.end()[2])

    def test_denies_outgoing_requests_unless_allowed(self):
        inner = self.serve()
        host, port = inner.address
        target = f"/fetch/http/{host}:{port}/"
        self.assertEqual(self.serve().get(target)[1], b"error denied\n")
        self.assertEqual(self.serve("--network", "loopback").get(target)[1], b"status 200\n")
        server = self.serve("--allow-host", f"GET http://{host}:{port}", "--log-denied")
        self.assertEqual(server.get(target)[1], b"status 200\n")
        self.assertEqual(server.get(target + "nowhere")[1], b"status 404\n")
        self.assertEqual(server.get(f"/fetch/http/{host}:1/")[1], b"error denied\n")
        self.assertIn(f"--allow-host 'GET http://{host}:1'", server.end()[2])

    def test_reports_why_it_cannot_serve(self):
        def serve(*arguments):
            return run_tairitsu("serve", "--addr", "127.0.0.1:0", *arguments)
        self.expect(serve(GUESTS / "wasi_tool.wasm"), 126, "", "not an HTTP component", "wasi:http/incoming-handler")
        self.expect(serve(self.directory / "none.wasm"), 127, "", "no such file")
        self.expect(serve(GUESTS / "echo.wat"), 126, "", "not an HTTP component")
        self.expect(run_tairitsu("serve", "--addr", "nowhere:x", SERVER), 125, "", "nowhere:x")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            self.expect(run_tairitsu("serve", "--addr", address, SERVER), 125, "", address)


if __name__ == "__main__":
    main()

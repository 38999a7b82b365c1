#!/usr/bin/env python3
"""`tairitsu serve` under attack. Whatever clients and guests do, the server keeps running and responds to good
requests within two seconds.

usage: server_hostile_test.py TAIRITSU GUESTS [unittest arguments]
"""

import contextlib
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))

from cli_case import GUESTS, TAIRITSU, main  # pylint: disable=wrong-import-position
from server_case import SERVER, Client, ServerCase  # pylint: disable=wrong-import-position

SERVICE = GUESTS / "async_service.wasm"
MAX_SECONDS = 2  # For a good request.


def head(path, method=b"GET", more=b""):
    return method + b" " + path + b" HTTP/1.1\r\nHost: a\r\n" + more + b"\r\n"


def hang_up(client):
    """Resets the connection, so that the server's next write to it fails."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


class Hostile(ServerCase):
    def attack(self, server, count, data, source="127.0.0.1", address=None):
        """Opens `count` connections that send `data` and then do nothing, not even read."""
        clients = []
        for _ in range(count):
            client = socket.create_connection(address or server.address, timeout=30, source_address=(source, 0))
            self.addCleanup(client.close)
            clients.append(client)
            if data:
                client.sendall(data)
        return clients

    def expect_good(self, server, times=5, path="/", address=None):
        """Expects timely responses to good requests, each on a new connection."""
        for _ in range(times):
            begin = time.monotonic()
            self.assertEqual(server.get(path, address=address)[0], 200)
            self.assertLess(time.monotonic() - begin, MAX_SECONDS)

    def metrics(self, server):
        lines = server.get("/metrics", address=server.admin)[1].decode().splitlines()
        return {line.split()[0]: int(line.split()[1]) for line in lines if re.fullmatch(r"[a-z_]+ [0-9]+", line)}

    def metric(self, server, name):
        return self.metrics(server)[name]

    def wait_for_requests(self, server, count, within=10):
        """Waits until `count` requests are running, queued or rejected."""
        end = time.monotonic() + within
        names = ("requests_running", "requests_queued", "requests_rejected_total")
        while True:
            metrics = self.metrics(server)
            seen = sum(metrics[f"tairitsu_http_{name}"] for name in names)
            if seen >= count:
                return
            self.assertLess(time.monotonic(), end, f"{seen} of {count} requests")
            time.sleep(0.05)

    def expect_metric(self, server, name, value, within):
        end = time.monotonic() + within
        while self.metric(server, name) != value:
            self.assertLess(time.monotonic(), end, name)
            time.sleep(0.1)

    def test_survives_clients_that_disconnect(self):
        for guest in (SERVER, SERVICE):
            server = self.serve(guest=guest)
            for i in range(400):
                client = socket.create_connection(server.address, timeout=30)
                client.sendall(head(b"/") * 3)
                if i % 2:
                    client.recv(1)
                hang_up(client)
            self.expect_good(server)
            self.assertEqual(server.end()[0], 0)

    def start(self, *arguments):
        """Starts a server whose output goes to pipes. Returns the process, a client, the two pipes and the admin
        address.
        """
        log, log_end = os.pipe()
        notes, notes_end = os.pipe()
        process = subprocess.Popen([TAIRITSU, "serve", "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0",
                                    *arguments, SERVER], stdin=subprocess.DEVNULL, stdout=log_end, stderr=notes_end)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(log_end)
        os.close(notes_end)
        text = b""
        while text.count(b"\n") < 2:
            text += os.read(notes, 4096)
        ports = [int(line.rsplit(b":", 1)[1]) for line in text.splitlines()]
        return process, Client(("127.0.0.1", ports[0])), log, notes, ("127.0.0.1", ports[1])

    def test_survives_a_log_reader_that_goes_away(self):
        for kind in ("text", "json", "errors"):
            process, server, log, notes, _ = self.start("--log", kind)
            os.close(log)
            os.close(notes)
            for _ in range(20):
                self.assertEqual(server.get("/trap")[0], 500)
                self.assertEqual(server.get("/print")[0], 200)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(10), 0)

    def test_does_not_wait_for_readers_of_its_output(self):
        process, server, log, notes, admin = self.start("--log", "json")
        for _ in range(3):
            begin = time.monotonic()
            self.assertEqual(server.get("/shout")[0], 200)  # 4 MB each: more than the server buffers.
            self.assertLess(time.monotonic() - begin, MAX_SECONDS)
        target = "/" + "x" * 8000
        for _ in range(400):
            self.assertEqual(server.get(target)[0], 404)
        self.expect_good(server)
        self.assertEqual(server.get("/healthz", address=admin)[0], 200)
        # When the output is read, the server reports what it dropped.
        printed = []
        reading = [threading.Thread(target=lambda file=file: printed.append(read_all(file))) for file in (log, notes)]
        for reader in reading:
            reader.start()
        time.sleep(0.5)
        self.expect_good(server)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 0)
        for reader in reading:
            reader.join()
        self.assertIn(b" log lines: standard output was not read", b"".join(printed))
        self.assertIn(b" messages: standard error was not read", b"".join(printed))

    def test_ends_in_time_if_its_output_is_not_read(self):
        process, server, log, notes, _ = self.start("--log", "text")
        self.addCleanup(os.close, log)
        self.addCleanup(os.close, notes)
        for _ in range(100):
            server.get("/" + "x" * 8000)
        server.get("/shout")
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 0)
        self.assertLess(time.monotonic() - begin, 5)

    def test_keeps_the_deadline_if_a_client_does_not_read(self):
        for guest in (SERVER, SERVICE):
            server = self.serve("--timeout", "1s", "--admin-addr", "127.0.0.1:0", guest=guest)
            self.attack(server, 300, head(b"/forever"))
            self.expect_good(server, 10)
            self.expect_metric(server, "tairitsu_http_requests_running", 0, 6)
            self.expect_metric(server, "tairitsu_http_connections", 0, 6)

    def test_disconnects_clients_that_do_not_read_while_others_wait(self):
        server = self.serve("--timeout", "60s", "--max-requests", "32", "--admin-addr", "127.0.0.1:0")
        self.attack(server, 32, head(b"/forever"))
        self.wait_for_requests(server, 32)
        self.expect_good(server)

    def test_closes_a_connection_that_is_not_read(self):
        server = self.serve("--timeout", "60s", "--write-timeout", "500ms", "--admin-addr", "127.0.0.1:0")
        self.attack(server, 3, head(b"/forever"))
        # Checked first, because there are no connections before the server accepts them either.
        self.expect_metric(server, "tairitsu_http_clients_timed_out_total", 3, 5)
        self.expect_metric(server, "tairitsu_http_connections", 0, 1)
        # A client that reads slowly but steadily receives everything.
        with socket.create_connection(server.address, timeout=30) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(head(b"/big/1500000", more=b"Connection: close\r\n"))
            size = 0
            while part := client.recv(100_000):
                size += len(part)
                time.sleep(0.005)
        self.assertGreater(size, 1_500_000)

    def test_does_not_wait_for_slow_bodies(self):
        for guest in (SERVER, SERVICE):
            server = self.serve("--timeout", "60s", "--max-requests", "64", "--admin-addr", "127.0.0.1:0", guest=guest)
            self.attack(server, 64, head(b"/echo", b"POST", b"Content-Length: 1000000\r\n"))
            self.wait_for_requests(server, 64)
            self.expect_good(server)

    def test_returns_408_if_the_body_does_not_arrive(self):
        server = self.serve("--body-timeout", "300ms")
        begin = time.monotonic()
        self.assertIn(b" 408 ", server.raw(head(b"/swallow", b"POST", b"Content-Length: 5\r\n") + b"ab"))
        self.assertEqual(server.get("/swallow", "POST", b"x" * 100_000)[1], b"100000 bytes\n")
        # A guest that does not read the body can respond.
        more = b"Content-Length: 5\r\nConnection: close\r\n"
        self.assertIn(b" 200 ", server.raw(head(b"/count", b"POST", more) + b"ab"))
        for guest in (SERVER, SERVICE):
            server = self.serve("--body-timeout", "300ms", "--admin-addr", "127.0.0.1:0", guest=guest)
            response = server.raw(head(b"/echo", b"POST", b"Content-Length: 5\r\n") + b"ab")
            self.assertFalse(response.endswith(b"0\r\n\r\n"))
            self.assertLess(time.monotonic() - begin, 5)
            self.assertEqual(self.metric(server, "tairitsu_http_clients_timed_out_total"), 1)

    def test_makes_room_for_new_connections(self):
        server = self.serve("--max-connections", "100", "--admin-addr", "127.0.0.1:0")
        self.attack(server, 100, b"GET / HTTP/1.1\r\nHo")
        self.expect_good(server)
        self.attack(server, 100, b"")
        self.expect_good(server)
        self.assertGreater(self.metric(server, "tairitsu_http_connections_refused_total"), 0)

    def test_closes_heads_that_do_not_end(self):
        server = self.serve("--header-timeout", "500ms", "--max-head", "2k", "--admin-addr", "127.0.0.1:0")
        self.attack(server, 20, b"GET / HTTP/1.1\r\nHo")
        self.expect_metric(server, "tairitsu_http_connections", 0, 4)
        self.assertIn(b" 431 ", server.raw(head(b"/", more=b"A: " + b"b" * 2048 + b"\r\n")))
        self.assertIn(b" 200 ", server.raw(head(b"/", more=b"A: " + b"b" * 1024 + b"\r\nConnection: close\r\n")))

    def test_leaves_room_for_other_addresses(self):
        server = self.serve("--max-requests", "8", "--timeout", "60s", "--max-connections", "64", "--admin-addr",
                            "127.0.0.1:0")
        self.attack(server, 40, head(b"/sleep/60000"), source="127.0.0.2")
        self.wait_for_requests(server, 40)
        self.expect_good(server)
        # Connections above the limit of the address are closed at once.
        more = self.attack(server, 20, head(b"/sleep/60000"), source="127.0.0.2")
        ended = sum(1 for client in more if has_ended(client))
        self.assertGreater(ended, 5)
        self.expect_good(server)

    def test_does_not_let_one_address_fill_the_queue(self):
        server = self.serve("--max-requests", "4", "--max-queue", "8", "--timeout", "60s", "--admin-addr",
                            "127.0.0.1:0")
        attackers = self.attack(server, 30, head(b"/sleep/60000"), source="127.0.0.2")
        self.wait_for_requests(server, 30)
        self.expect_good(server)
        refused = sum(1 for client in attackers if received(client, b" 503 "))
        self.assertGreater(refused, 10)

    def test_keeps_the_admin_address_free(self):
        server = self.serve("--admin-addr", "127.0.0.1:0", "--threads", "1", "--timeout", "20s")
        self.attack(server, 100, b"", address=server.admin)
        self.attack(server, 100, head(b"/loop"), source="127.0.0.2")
        self.expect_good(server, path="/healthz", address=server.admin)

    def test_responds_while_guests_compute(self):
        for guest in (SERVER, SERVICE):
            server = self.serve("--timeout", "8s", guest=guest)
            self.attack(server, 150, head(b"/loop"))
            time.sleep(0.5)
            self.expect_good(server, 10)


def read_all(file):
    parts = []
    while part := os.read(file, 65536):
        parts.append(part)
    os.close(file)
    return b"".join(parts)


def has_ended(client):
    client.settimeout(0.5)
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def received(client, what):
    client.settimeout(0.5)
    with contextlib.suppress(OSError):
        return what in client.recv(4096)
    return False


if __name__ == "__main__":
    main()

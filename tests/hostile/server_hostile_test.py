#!/usr/bin/env python3
"""`tairitsu serve` under attack. Whatever clients and guests do, the server goes on, and good requests are answered
within two seconds.

usage: server_hostile_test.py TAIRITSU GUESTS [unittest arguments]
"""

import contextlib
import os
import pathlib
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
WITHIN = 2


def head(path, method=b"GET", more=b""):
    return method + b" " + path + b" HTTP/1.1\r\nHost: a\r\n" + more + b"\r\n"


def hang_up(client):
    """Resets the connection, so that the server's next write to it fails."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


class Hostile(ServerCase):
    def attack(self, server, count, data, source="127.0.0.1", address=None):
        """So many connections that send this and then do nothing, not even read."""
        clients = []
        for _ in range(count):
            client = socket.create_connection(address or server.address, timeout=30, source_address=(source, 0))
            self.addCleanup(client.close)
            clients.append(client)
            if data:
                client.sendall(data)
        return clients

    def expect_good(self, server, times=5, path="/", address=None):
        """Good requests are answered in time, each on a connection of its own."""
        for _ in range(times):
            begin = time.monotonic()
            self.assertEqual(server.get(path, address=address)[0], 200)
            self.assertLess(time.monotonic() - begin, WITHIN)

    def metric(self, server, name):
        for line in server.get("/metrics", address=server.admin)[1].decode().splitlines():
            if line.startswith(name + " "):
                return int(line.split()[1])
        raise AssertionError(f"no metric {name}")

    def expect_metric(self, server, name, value, within):
        end = time.monotonic() + within
        while self.metric(server, name) != value:
            self.assertLess(time.monotonic(), end, name)
            time.sleep(0.1)

    def test_survives_clients_that_hang_up(self):
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
        """A server whose output goes to pipes that are ours to read: it, what asks it, the pipes, and the admin
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

    def test_does_not_wait_for_whoever_reads_its_output(self):
        process, server, log, notes, admin = self.start("--log", "json")
        for _ in range(3):
            begin = time.monotonic()
            self.assertEqual(server.get("/shout")[0], 200)  # 4 MB each: more than is kept.
            self.assertLess(time.monotonic() - begin, WITHIN)
        target = "/" + "x" * 8000
        for _ in range(400):
            self.assertEqual(server.get(target)[0], 404)
        self.expect_good(server)
        self.assertEqual(server.get("/healthz", address=admin)[0], 200)
        # Somebody reads: what was dropped is said.
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
        self.assertIn(b"lines of the log were dropped", b"".join(printed))
        self.assertIn(b"messages were dropped", b"".join(printed))

    def test_ends_in_time_when_nobody_reads_its_output(self):
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

    def test_keeps_the_deadline_when_a_client_does_not_read(self):
        for guest in (SERVER, SERVICE):
            server = self.serve("--timeout", "1s", "--admin-addr", "127.0.0.1:0", guest=guest)
            self.attack(server, 300, head(b"/forever"))
            self.expect_good(server, 10)
            self.expect_metric(server, "tairitsu_http_requests_running", 0, 6)
            self.expect_metric(server, "tairitsu_http_connections", 0, 6)

    def test_cuts_clients_that_do_not_read_while_others_wait(self):
        server = self.serve("--timeout", "60s", "--max-requests", "32")
        self.attack(server, 32, head(b"/forever"))
        time.sleep(0.5)
        self.expect_good(server)

    def test_closes_a_connection_that_is_not_read(self):
        server = self.serve("--timeout", "60s", "--write-timeout", "500ms", "--admin-addr", "127.0.0.1:0")
        self.attack(server, 3, head(b"/forever"))
        # No connection is there before they are accepted either.
        self.expect_metric(server, "tairitsu_http_clients_timed_out_total", 3, 5)
        self.expect_metric(server, "tairitsu_http_connections", 0, 1)
        # One that reads slowly but steadily gets all of it.
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
            server = self.serve("--timeout", "60s", "--max-requests", "64", guest=guest)
            self.attack(server, 64, head(b"/echo", b"POST", b"Content-Length: 1000000\r\n"))
            time.sleep(0.3)
            self.expect_good(server)

    def test_answers_408_to_a_body_that_does_not_come(self):
        server = self.serve("--body-timeout", "300ms")
        begin = time.monotonic()
        self.assertIn(b" 408 ", server.raw(head(b"/swallow", b"POST", b"Content-Length: 5\r\n") + b"ab"))
        self.assertEqual(server.get("/swallow", "POST", b"x" * 100_000)[1], b"100000 bytes\n")
        # A guest that does not ask for it answers.
        more = b"Content-Length: 5\r\nConnection: close\r\n"
        self.assertIn(b" 200 ", server.raw(head(b"/count", b"POST", more) + b"ab"))
        for guest in (SERVER, SERVICE):
            server = self.serve("--body-timeout", "300ms", "--admin-addr", "127.0.0.1:0", guest=guest)
            answer = server.raw(head(b"/echo", b"POST", b"Content-Length: 5\r\n") + b"ab")
            self.assertFalse(answer.endswith(b"0\r\n\r\n"))
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
        server = self.serve("--max-requests", "8", "--timeout", "60s", "--max-connections", "64")
        self.attack(server, 40, head(b"/sleep/60000"), source="127.0.0.2")
        time.sleep(0.2)
        self.expect_good(server)
        # More connections than the address may have are closed at once.
        more = self.attack(server, 20, head(b"/sleep/60000"), source="127.0.0.2")
        ended = sum(1 for client in more if has_ended(client))
        self.assertGreater(ended, 5)
        self.expect_good(server)

    def test_lets_a_queue_not_be_filled_by_one_address(self):
        server = self.serve("--max-requests", "4", "--max-queue", "8", "--timeout", "60s")
        attackers = self.attack(server, 30, head(b"/sleep/60000"), source="127.0.0.2")
        time.sleep(0.3)
        self.expect_good(server)
        refused = sum(1 for client in attackers if answered(client, b" 503 "))
        self.assertGreater(refused, 10)

    def test_keeps_the_admin_address_free(self):
        server = self.serve("--admin-addr", "127.0.0.1:0", "--threads", "1", "--timeout", "20s")
        self.attack(server, 100, b"", address=server.admin)
        self.attack(server, 100, head(b"/loop"), source="127.0.0.2")
        self.expect_good(server, path="/healthz", address=server.admin)

    def test_does_not_starve_while_guests_compute(self):
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


def answered(client, what):
    client.settimeout(0.5)
    with contextlib.suppress(OSError):
        return what in client.recv(4096)
    return False


if __name__ == "__main__":
    main()

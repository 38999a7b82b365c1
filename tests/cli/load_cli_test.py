#!/usr/bin/env python3
"""Load test of a server whose guests also trap, loop, leak and hang: no good request may fail, and its memory may not
grow.

usage: load_cli_test.py TAIRITSU GUESTS [unittest arguments]

Runs for TAIRITSU_LOAD_SECONDS seconds, 6 by default.
"""

import http.client
import itertools
import os
import re
import subprocess
import threading
import time
from pathlib import Path

from cli_case import GUESTS, TAIRITSU, CliCase, main

SECONDS = float(os.environ.get("TAIRITSU_LOAD_SECONDS", "6"))
GOOD = {"/": b"Hello, world!\n", "/count": b"request 1 of this instance\n", "/sleep/5": b"slept\n",
        "/big/200000": b"x" * 200000, "/nowhere": b"not found\n"}
HOSTILE = ("/trap", "/loop", "/leak", "/silent", "/late-trap", "/sleep/60000", "/linger/60000")
# How long a good request may have to wait while hostile ones use all instances, on a busy machine.
TIMEOUT_SECONDS = 30


class Load(CliCase):
    def resident_mib(self):
        status = Path(f"/proc/{self.server.pid}/status").read_text(encoding="utf-8")
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def setUp(self):
        super().setUp()
        self.server = subprocess.Popen([TAIRITSU, "serve", "--addr", "127.0.0.1:0", "--timeout", "1s", "--memory", "32m",
                                        "--max-requests", "64", "--log", "none", GUESTS / "http_server.wasm"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.server.stderr.close)
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.kill)
        host, port = re.search(r"http://(.*):(\d+)", self.server.stderr.readline()).groups()
        self.address = (host, int(port))
        # Keeps its standard error from filling up.
        threading.Thread(target=self.server.stderr.read, daemon=True).start()
        self.done = threading.Event()
        self.good = itertools.count()
        self.lost = []

    def send_good_requests(self, first):
        connection = http.client.HTTPConnection(*self.address, timeout=TIMEOUT_SECONDS)
        for path in itertools.islice(itertools.cycle(GOOD), first, None):
            if self.done.is_set():
                break
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                text = response.read()
                if response.status not in (200, 404) or text != GOOD[path]:
                    self.lost.append((path, response.status, text[:100]))
            except (OSError, http.client.HTTPException) as error:
                self.lost.append((path, repr(error)))
                connection.close()
            next(self.good)
        connection.close()

    def send_hostile_requests(self, first):
        for number, path in enumerate(itertools.islice(itertools.cycle(HOSTILE), first, None)):
            if self.done.is_set():
                break
            connection = http.client.HTTPConnection(*self.address, timeout=TIMEOUT_SECONDS)
            try:
                connection.request("GET", path)
                if number % 3:  # Every third client leaves without waiting for a response.
                    connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                pass
            connection.close()

    def test_handles_all_good_requests_and_memory_does_not_grow(self):
        threads = [threading.Thread(target=self.send_good_requests, args=(i,)) for i in range(8)]
        threads += [threading.Thread(target=self.send_hostile_requests, args=(i,)) for i in range(len(HOSTILE))]
        for thread in threads:
            thread.start()
        # By then all slots have been used.
        time.sleep(SECONDS / 2)
        before = self.resident_mib()
        time.sleep(SECONDS / 2)
        after = self.resident_mib()
        self.done.set()
        for thread in threads:
            thread.join(2 * TIMEOUT_SECONDS)
        self.assertEqual(self.lost, [])
        served = next(self.good)
        print(f"{served} good requests in {SECONDS:.0f} s, {before:.0f} MiB and then {after:.0f} MiB")
        self.assertGreater(served, 20 * SECONDS)
        # A slot keeps up to 1.2 MiB, and more slots may still come into use. The address sanitizer delays the release
        # of freed memory.
        if "ASAN_OPTIONS" not in os.environ:
            self.assertLess(after, before + 100)
        self.assertIsNone(self.server.poll())


if __name__ == "__main__":
    main()

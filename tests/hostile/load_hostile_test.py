#!/usr/bin/env python3
"""Good requests among hostile clients and guests: none is lost, none is late, and memory stays flat.

usage: load_hostile_test.py TAIRITSU GUESTS [unittest arguments]

TAIRITSU_LOAD_SECONDS is the duration (6 by default). Prints statistics at the end.
"""

import asyncio
import contextlib
import os
import pathlib
import random
import socket
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))

from cli_case import main  # pylint: disable=wrong-import-position
from server_case import ServerCase  # pylint: disable=wrong-import-position

SECONDS = float(os.environ.get("TAIRITSU_LOAD_SECONDS", "6"))
MAX_SECONDS = 2  # For a good request.
MAX_GROWTH = 100 << 20
REQUEST = b"GET / HTTP/1.1\r\nHost: good\r\n\r\n"


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    raise AssertionError("VmRSS not found")


class Load:
    def __init__(self, server):
        self.server = server
        self.end = time.monotonic() + SECONDS
        self.good = 0
        self.lost = []
        self.slowest = 0
        self.hostile = 0
        self.memory = []

    def running(self):
        return time.monotonic() < self.end

    async def open(self):
        return await asyncio.open_connection(*self.server.address)

    async def good_client(self):
        """Sends requests in a loop, 50 on each connection."""
        while self.running():
            try:
                begin = time.monotonic()
                reader, writer = await self.open()
                for _ in range(50):
                    writer.write(REQUEST)
                    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
                    rest = await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 30)
                    if not head.startswith(b"HTTP/1.1 200 ") or b"Hello, world!\n" not in rest:
                        raise ValueError(head)
                    self.good += 1
                    self.slowest = max(self.slowest, time.monotonic() - begin)
                    await asyncio.sleep(0.002)
                    begin = time.monotonic()
                writer.close()
            except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
                self.lost.append(repr(error))

    async def hostile_client(self, data, hold, reset=False, read=0):
        """Sends data, reads at most `read` bytes, holds the connection, then closes or resets it."""
        while self.running():
            with contextlib.suppress(OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                reader, writer = await self.open()
                writer.transport.set_write_buffer_limits(high=1 << 20)
                if not read:
                    writer.transport.pause_reading()
                writer.write(data)
                self.hostile += 1
                if read:
                    await asyncio.wait_for(reader.read(read), 5)
                await asyncio.sleep(random.random() * hold)
                if reset:
                    own = writer.get_extra_info("socket")
                    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort() if reset else writer.close()
            await asyncio.sleep(0.01)

    async def watch(self):
        """Records memory, and checks that the admin address responds."""
        while self.running():
            self.memory.append(resident(self.server.process.pid))
            begin = time.monotonic()
            reader, writer = await asyncio.open_connection(*self.server.admin)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            if b" 200 " not in await reader.read():
                self.lost.append("/healthz")
            self.slowest = max(self.slowest, time.monotonic() - begin)
            writer.close()
            await asyncio.sleep(min(1, SECONDS / 20))

    async def run(self):
        def head(path, method=b"GET", more=b""):
            return method + b" " + path + b" HTTP/1.1\r\nHost: a\r\n" + more + b"\r\n"

        clients = [self.watch(), *(self.good_client() for _ in range(4))]
        for count, data, hold, options in (
                (4, head(b"/") * 3, 0, {"reset": True}),
                (2, head(b"/big/100000") * 3, 0, {"reset": True, "read": 1}),
                (30, head(b"/forever"), 5, {}),
                (30, head(b"/echo", b"POST", b"Content-Length: 1000\r\n") + b"x", 5, {}),
                (60, b"GET / HTTP/1.1\r\nHo", 5, {}),
                (30, b"", 5, {}),
                (4, head(b"/trap"), 0, {"read": 100}),
                (4, head(b"/late-trap"), 0, {"read": 100}),
                (4, head(b"/unfinished"), 0, {"read": 100}),
                (2, head(b"/leak"), 0, {"read": 100}),
                (6, head(b"/loop"), 3, {}),
                (2, head(b"/shout"), 0, {"read": 100}),
                (4, head(b"/sleep/5000"), 1, {"reset": True}),
                (2, head(b"/", more=b"A: " + b"a" * 100_000 + b"\r\n"), 0, {"read": 100}),
                (2, os.urandom(20_000), 0, {"read": 100})):
            clients += [self.hostile_client(data, hold, **options) for _ in range(count)]
        await asyncio.gather(*clients)


class LoadTest(ServerCase):
    def test_loses_no_good_request(self):
        server = self.serve("--timeout", "2s", "--memory", "64m", "--admin-addr", "127.0.0.1:0", "--log", "text")
        load = Load(server)
        asyncio.run(load.run())
        settled = load.memory[len(load.memory) // 5]
        print(f"\n{load.good} good requests, {len(load.lost)} lost, slowest {load.slowest:.3f} s; {load.hostile} "
              f"hostile requests; {settled >> 20} MiB after a fifth of the time, {max(load.memory) >> 20} MiB maximum, "
              f"{load.memory[-1] >> 20} MiB at the end", file=sys.stderr)
        self.assertEqual(load.lost, [])
        self.assertGreater(load.good, 50 * SECONDS)
        self.assertLess(load.slowest, MAX_SECONDS)
        if SECONDS >= 60:  # In a shorter run, the pool is still growing.
            self.assertLess(max(load.memory) - settled, MAX_GROWTH)
        # The server still works and shuts down cleanly.
        self.assertEqual(server.get("/")[0], 200)
        server.process.terminate()
        self.assertEqual(server.process.wait(20), 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Tests with greedy guests and code: each command must stay within its limits.

usage: limits_cli_test.py TAIRITSU GUESTS [unittest arguments]
"""

import contextlib
import http.client
import os
import pathlib
import re
import signal
import subprocess
import time

from cli_case import GUESTS, TAIRITSU, CliCase, main

GREEDY = GUESTS / "greedy.wasm"
MIB = 1 << 20
# A limit may be exceeded by this much plus a tenth.
SLACK = 64 * MIB
# The address sanitizer delays the release of freed memory, by default of up to 256 MiB.
SANITIZED = "ASAN_OPTIONS" in os.environ
if SANITIZED:
    os.environ["ASAN_OPTIONS"] += ":quarantine_size_mb=1:thread_local_quarantine_size_kb=64"


def run(*arguments):
    """Runs a command. Returns its exit code, output, errors and peak memory."""
    with subprocess.Popen([TAIRITSU, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        output, errors = process.stdout.read(), process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, output.decode(), errors.decode(), usage.ru_maxrss * 1024


def peak(process):
    """Returns the peak memory of a running process."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def status_of(port, path):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as client:
        client.request("GET", path)
        return client.getresponse().status


class Limits(CliCase):
    def expect_limit(self, done, code, *words):
        self.assertEqual((done[0], done[1]), (code, ""), done[2])
        for word in words:
            self.assertIn(word, done[2])

    def test_memory_limit_covers_what_the_host_allocates(self):
        base = run("call", GREEDY, "bodies(1)")
        self.assertEqual((base[0], base[1]), (0, "1\n"), base[2])
        # The first run compiled it, in another process.
        base = run("call", GREEDY, "bodies(1)")[3]
        volume = self.directory / "shared"
        volume.mkdir()
        (volume / "file").write_bytes(b"x" * 100_000)
        for call in ("bodies", "fields", "methods", "streams", "listings", "pollables"):
            done = run("call", "-v", f"{volume}:/", "--memory", "64m", "--max-handles", "1000000", GREEDY,
                       f"{call}(1000000000)")
            self.expect_limit(done, 134, "--memory")
            self.assertLess(done[3], base + 64 * MIB * 1.1 + SLACK, call)

    def test_tables_handles_and_descriptors_are_limited(self):
        table = self.write("table.wat", "(module (table 500000000 funcref) (memory (export \"memory\") 1)"
                                        " (func (export \"_start\")))")
        done = run("run", table)
        self.expect_limit(done, 134, "table", "--max-table-elements")
        self.assertLess(done[3], 200 * MIB)
        self.expect_limit(run("call", "--max-handles", "100", GREEDY, "pollables(1000)"), 134, "--max-handles")
        self.expect_limit(run("call", "--max-instances", "1", GREEDY, "pollables(1)"), 134, "--max-instances")
        volume = self.directory / "shared"
        volume.mkdir()
        (volume / "file").write_text("x")
        share = ("-v", f"{volume}:/")
        self.expect_limit(run("call", *share, GREEDY, "files(100000)"), 134, "--max-descriptors")
        self.assertEqual(run("call", *share, "--max-descriptors", "50", GREEDY, "files(40)")[:2], (0, "40\n"))
        self.expect_limit(run("call", *share, "--max-descriptors", "50", GREEDY, "files(60)"), 134, "descriptor")

    def test_descriptors_of_a_core_module_are_limited(self):
        opens = self.write("opens.wat", r"""(module
          (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1) (data (i32.const 16) "file")
          (func (export "_start") (local $left i32)
            (local.set $left (i32.const 100))
            (loop $again
              (if (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 0)
                   (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 8)) (then (call $exit (i32.const 9))))
              (local.set $left (i32.sub (local.get $left) (i32.const 1)))
              (br_if $again (local.get $left)))))""")
        volume = self.directory / "shared"
        volume.mkdir()
        (volume / "file").write_text("x")
        share = ("-v", f"{volume}:/")
        self.assertEqual(run("run", *share, opens)[:3], (0, "", ""))
        self.expect_limit(run("run", *share, "--max-descriptors", "50", opens), 134, "--max-descriptors")

    def server(self, *arguments):
        process = subprocess.Popen([TAIRITSU, "serve", "--addr", "127.0.0.1:0", *map(str, arguments)],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        port = int(re.search(rb":(\d+)\n", process.stderr.readline())[1])
        return process, port

    def test_one_request_cannot_exhaust_the_servers_memory(self):
        # One server per path, because the address sanitizer reuses freed memory only for blocks of the same size.
        for path in ("/bodies", "/fields"):
            process, port = self.server("--log", "none", GREEDY)
            self.assertEqual(status_of(port, "/"), 200)
            base = peak(process)
            self.assertEqual(status_of(port, path), 500)
            self.assertLess(peak(process), base + 256 * MIB * 1.1 + SLACK, path)
            self.assertEqual(status_of(port, "/"), 200)

    def nested(self, depth):
        return self.write("nested.wat", "(module (memory (export \"memory\") 1) (func (export \"_start\") "
                          + "block " * depth + "end " * depth + "))")

    def test_rejects_code_that_exceeds_compile_limits(self):
        nested = self.nested(140_000)
        for command in (("run",), ("serve",), ("compile", "-o", self.directory / "out")):
            began = time.monotonic()
            done = run(*command, nested)
            self.expect_limit(done, 126, "nested blocks")
            self.assertLess(time.monotonic() - began, 20)
            self.assertLess(done[3], 300 * MIB)
        self.expect_limit(run("inspect", nested), 126, "nested blocks")
        many = self.write("many.wat", "(component " + "(component (core module))" * 15_000 + ")")
        for command in ("call", "inspect", "wit"):
            self.expect_limit(run(command, many), 126, "modules")
        self.expect_limit(run("run", "--compile-limit", "nesting=x", nested), 125, "nesting")
        self.expect_limit(run("run", "--compile-limit", "colour=1", nested), 125, "colour")
        self.assertEqual(run("run", "--compile-limit", "nesting=100", self.nested(50))[:3], (0, "", ""))
        self.expect_limit(run("run", "--compile-limit", "nesting=100", self.nested(200)), 126, "nested blocks")

    def slow(self):
        """Writes a module that takes long to compile, although it is within the limits."""
        body = "(i32.store (i32.const 0) (i32.add (i32.load (i32.const 4)) (i32.load (i32.const 8))))" * 2_000
        functions = f"(func {body})" * 60
        return self.write("slow.wat", "(module (memory (export \"memory\") 1) " + functions
                          + " (func (export \"_start\")))")

    def test_compilation_time_and_memory_are_limited(self):
        slow = self.slow()
        for arguments, code, words in (((), 126, "--compile-timeout"), (("--timeout", "200ms"), 124, "timeout")):
            began = time.monotonic()
            limit = ("--compile-timeout", "300ms") if not arguments else arguments
            self.expect_limit(run("run", "--no-cache", *limit, slow), code, words)
            self.assertLess(time.monotonic() - began, 10)
        if not SANITIZED:  # With its shadow memory, there is no memory limit.
            self.expect_limit(run("run", "--no-cache", "--compile-memory", "40m", slow), 126, "--compile-memory")

    def test_a_signal_ends_a_server_that_is_compiling(self):
        with subprocess.Popen([TAIRITSU, "serve", "--no-cache", "--addr", "127.0.0.1:0", self.slow()],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            time.sleep(0.5)
            self.assertIsNone(process.poll())
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            self.assertLess(time.monotonic() - began, 5)
            self.assertEqual(process.returncode, 0)

    def test_code_compiled_in_a_child_process_is_cached_unless_disabled(self):
        hello = GUESTS / "hello.wasm"
        for _ in range(2):
            code, output, errors, _ = run("run", hello)
            self.assertEqual((code, errors), (0, ""))
            self.assertTrue(output)
        self.assertEqual(len(list((self.directory / "home" / "artifacts").rglob("*-program*"))), 1)
        self.assertEqual(run("run", "--no-cache", hello)[:3], (0, output, ""))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Tests of what `tairitsu run` lets a guest access, and of its exit codes.

usage: run_cli_test.py TAIRITSU GUESTS [unittest arguments]
"""

import os
import signal
import subprocess
import threading
import time

from cli_case import GUESTS, TAIRITSU, CliCase, main, run_tairitsu

TOOL = GUESTS / "wasi_tool.wasm"
# The same program as a core module.
MODULE = GUESTS / "wasi_tool.dir" / "core.wasm"


def run(*arguments, stdin="", env=None):
    return run_tairitsu("run", *arguments, stdin=stdin, env=env)


class Run(CliCase):
    def setUp(self):
        super().setUp()
        (self.directory / "data").mkdir()
        (self.directory / "data" / "in.txt").write_text("inside\n")
        (self.directory / "secret.txt").write_text("secret\n")
        (self.directory / "data" / "out").symlink_to(self.directory / "secret.txt")

    def share(self, mode=""):
        return ("-v", f"{self.directory / 'data'}:/data{mode}")

    def test_passes_arguments_after_the_file_to_the_guest(self):
        self.expect(run(TOOL, "arguments", "-e", "--help", "a b"), 0,
                    "wasi_tool.wasm\narguments\n-e\n--help\na b\n")

    def test_streams_standard_input(self):
        self.expect(run(TOOL, "input", stdin="one\ntwo\n" * 5000), 0, "one\ntwo\n" * 5000)

    def run_into(self, write_end, *arguments):
        """Runs a guest that prints to a pipe. Returns its exit code, its errors and the seconds it took."""
        begin = time.monotonic()
        done = subprocess.run([TAIRITSU, "run", *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=write_end,
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        os.close(write_end)
        return done.returncode, done.stderr, time.monotonic() - begin

    def test_timeout_applies_while_output_is_not_read(self):
        for guest in (TOOL, MODULE):
            read_end, write_end = os.pipe()
            code, errors, took = self.run_into(write_end, "--timeout", "1s", guest, "shout")
            os.close(read_end)
            self.assertEqual(code, 124, errors)
            self.assertLess(took, 10)

    def test_the_guest_gets_an_error_if_its_output_is_closed(self):
        # The exit code of a WASI 0.2 component can only be 0 or 1.
        for guest, code in ((TOOL, 1), (MODULE, 3)):
            for options in ((), ("--timeout", "20s")):
                read_end, write_end = os.pipe()
                os.close(read_end)
                self.assertEqual(self.run_into(write_end, *options, guest, "shout")[:2], (code, ""))

    def test_prints_everything_to_a_slow_reader(self):
        text = "one\ntwo\n" * 60000
        for options in ((), ("--timeout", "20s")):
            with subprocess.Popen([TAIRITSU, "run", *options, TOOL, "input"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE) as process:
                typing = threading.Thread(target=lambda: (process.stdin.write(text.encode()), process.stdin.close()))
                typing.start()
                read = b""
                while part := os.read(process.stdout.fileno(), 20000):
                    read += part
                    time.sleep(0.002)
                typing.join()
            self.assertEqual(read.decode(), text)

    def test_the_guest_sees_only_the_environment_that_is_passed_on(self):
        self.expect(run(TOOL, "environment"), 0)
        self.expect(run("-e", "A=1", "-e", "B=x=y", "-e", "TEST_HERE", "-e", "TEST_NOWHERE", TOOL, "environment",
                        env={"TEST_HERE": "yes"}), 0, "A=1\nB=x=y\nTEST_HERE=yes\n")
        self.assertIn("TEST_HERE=yes\n", run("--env-all", TOOL, "environment", env={"TEST_HERE": "yes"}).stdout)

    def test_the_guest_sees_only_directories_that_are_mounted(self):
        self.expect(run(TOOL, "list", "/"), 1, "", "/")
        self.expect(run(*self.share(), TOOL, "list", "/data"), 0, "in.txt\nout\n")
        self.expect(run(*self.share(), TOOL, "read", "/data/in.txt"), 0, "inside\n")

    def test_no_path_leads_out_of_a_mounted_directory(self):
        for path in ("/data/../secret.txt", "/data/out", "/secret.txt", str(self.directory / "secret.txt")):
            done = run(*self.share(), TOOL, "read", path)
            self.assertEqual(done.returncode, 1, path)
            self.assertEqual(done.stdout, "", path)

    def test_cannot_write_to_a_read_only_volume(self):
        self.expect(run(*self.share(":ro"), TOOL, "write", "/data/new.txt", "x"), 1, "", "/data/new.txt")
        self.assertFalse((self.directory / "data" / "new.txt").exists())
        self.expect(run(*self.share(), TOOL, "write", "/data/new.txt", "x"), 0)
        self.assertEqual((self.directory / "data" / "new.txt").read_text(), "x")

    def test_exits_with_the_guests_exit_code(self):
        self.expect(run(TOOL, "exit", "0"), 0)
        # The exit code of a WASI 0.2 component can only be 0 or 1.
        self.expect(run(TOOL, "exit", "3"), 1)
        self.expect(run(TOOL, "nonsense"), 1, "", "unknown verb 'nonsense'")

    def test_reports_traps_and_exceeded_limits(self):
        self.expect(run(TOOL, "trap"), 134, "", "unreachable")
        self.expect(run("--fuel", "100000", TOOL, "spin"), 134, "", "fuel", "--fuel")
        self.expect(run("--memory", "4m", TOOL, "grow"), 134, "", "memory", "--memory")
        self.expect(run("--timeout", "60s", TOOL, "exit", "0"), 0)  # Compiles it.
        for verb in (["spin"], ["sleep", "20000"]):
            begin = time.monotonic()
            self.expect(run("--timeout", "300ms", TOOL, *verb), 124, "", "deadline", "--timeout")
            self.assertLess(time.monotonic() - begin, 10)

    def test_rejects_invalid_arguments(self):
        self.expect(run("-v", "nowhere", TOOL), 125, "", "HOST-DIRECTORY:GUEST-DIRECTORY")
        self.expect(run("-v", "/nowhere-at-all:/data", TOOL), 125, "", "no such directory")
        self.expect(run("--memory", "4x", TOOL), 125, "", "invalid size '4x'")
        self.expect(run("--timeout", "soon", TOOL), 125, "", "invalid time 'soon'")
        self.expect(run("--allow-connect", "1.2.3.4:99999", TOOL), 125, "", "invalid network rule '1.2.3.4:99999'")
        self.expect(run("--network", "some", TOOL), 125, "", "loopback")
        self.expect(run(self.directory / "none.wasm"), 127, "", "no such file")
        self.expect(run(GUESTS / "echo.wat"), 126, "", "not a command component", "tairitsu call")
        self.expect(run("--allow-host", "ftp://a", TOOL), 125, "", "invalid HTTP rule 'ftp://a'")
        self.expect(run("--clock", "yesterday", TOOL), 125, "", "--clock")
        self.assertEqual(run().returncode, 125)

    def test_runs_core_modules_natively(self):
        self.expect(run(MODULE, "exit", "0"), 0)
        self.expect(run(MODULE, "exit", "3"), 3)
        self.expect(run(MODULE, "exit", "255"), 255)
        self.expect(run(MODULE, "arguments", "x"), 0, "core.wasm\narguments\nx\n")
        self.expect(run(*self.share(":ro"), MODULE, "read", "/data/in.txt"), 0, "inside\n")
        self.expect(run(*self.share(":ro"), MODULE, "write", "/data/new.txt", "x"), 1, "", "/data/new.txt")
        self.expect(run(*self.share(), MODULE, "read", "/data/../secret.txt"), 1, "", "secret.txt")
        self.expect(run(MODULE, "input", stdin="text"), 0, "text")
        self.expect(run(MODULE, "trap"), 134, "", "unreachable")
        self.expect(run("--memory", "4m", MODULE, "grow"), 134, "", "memory", "--memory")
        self.expect(run("--fuel", "100000", MODULE, "spin"), 134, "", "fuel", "--fuel")
        self.expect(run("--timeout", "60s", MODULE, "exit", "0"), 0)  # Compiles it.
        for verb in (["spin"], ["sleep", "20000"]):
            self.expect(run("--timeout", "300ms", MODULE, *verb), 124, "", "deadline", "--timeout")

    def test_says_what_a_core_module_is_missing(self):
        text = '(module (import "env" "f" (func)) (func (export "_start")))'
        self.expect(run(self.write("imports.wat", text)), 126, "", "env", "imports.wat")
        self.expect(run(self.write("empty.wat", "(module)")), 126, "", "does not export '_start'")

    def test_the_backtrace_names_the_functions(self):
        for file in (TOOL, MODULE):
            for start in (1, 2):  # The second time from the cache.
                self.assertRegex(run(file, "trap").stderr, r"main\w*\n.*tool\.c:\d+", (file, start))

    def artifacts(self):
        directory = self.directory / "home" / "artifacts"
        return sorted(directory.iterdir()) if directory.exists() else []

    def test_compiles_once(self):
        self.expect(run("--no-cache", TOOL, "exit", "0"), 0)
        self.assertEqual(self.artifacts(), [])
        self.expect(run(TOOL, "exit", "0"), 0)
        kept = self.artifacts()
        self.assertEqual(len(kept), 1)
        written = kept[0].stat().st_mtime_ns
        self.expect(run(TOOL, "exit", "0"), 0)
        self.assertEqual(self.artifacts(), kept)
        self.assertEqual(kept[0].stat().st_mtime_ns, written)
        # With fuel, the code is compiled again.
        self.expect(run("--fuel", "1000000000", TOOL, "exit", "0"), 0)
        self.assertEqual(len(self.artifacts()), 2)

    def test_compiles_a_damaged_artifact_again(self):
        self.expect(run(TOOL, "exit", "0"), 0)
        [kept] = self.artifacts()
        whole = kept.read_bytes()
        for damaged in (b"", whole[:1000], whole[:-1], b"x" * len(whole)):
            kept.write_bytes(damaged)
            self.expect(run(TOOL, "exit", "0"), 0)
            self.assertEqual(self.artifacts()[0].stat().st_size, len(whole))

    def test_runs_without_the_cache_if_it_is_unsafe_or_not_writable(self):
        home = self.directory / "home"
        (home / "artifacts").mkdir(parents=True)
        (home / "artifacts").chmod(0o777)
        self.expect(run(TOOL, "exit", "0"), 0, "", "warning", "writable by group or others")
        (home / "artifacts").rmdir()
        home.rmdir()
        home.write_text("a file")
        self.assertEqual(run(TOOL, "exit", "0").returncode, 0)

    def test_many_processes_can_share_an_empty_cache(self):
        started = [subprocess.Popen([TAIRITSU, "run", TOOL, "arguments"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                   for _ in range(8)]
        for process in started:
            output, errors = process.communicate(timeout=60)
            self.assertEqual((process.returncode, output, errors), (0, b"wasi_tool.wasm\narguments\n", b""))
        self.assertEqual(len(self.artifacts()), 1)

    def test_runs_precompiled_code_only_if_allowed(self):
        for source in (TOOL, MODULE):
            artifact = self.directory / "tool.cwasm"
            self.expect(run_tairitsu("compile", source, "-o", artifact), 0)
            self.expect(run(artifact, "exit", "0"), 126, "", "--allow-precompiled")
            self.expect(run("--allow-precompiled", artifact, "arguments"), 0, "tool.cwasm\narguments\n")
            self.expect(run("--allow-precompiled", "--fuel", "1000", artifact), 126, "", "compile the component again")
            artifact.write_bytes(artifact.read_bytes()[:-9])
            self.assertEqual(run("--allow-precompiled", artifact).returncode, 126)

    def test_reads_code_from_a_pipe(self):
        artifact = self.directory / "piped.cwasm"
        for source in (TOOL, MODULE, GUESTS / "http_hello.wasm"):
            done = subprocess.run([TAIRITSU, "compile", "/dev/stdin", "-o", artifact], input=source.read_bytes(),
                                  capture_output=True, timeout=60, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, b""), source)
            self.assertGreater(artifact.stat().st_size, 1000)
            artifact.unlink()
        done = subprocess.run([TAIRITSU, "run", "/dev/stdin", "exit", "0"], input=TOOL.read_bytes(),
                              capture_output=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))

    def test_runs_text_format(self):
        text = """(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                   (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const 9))))"""
        self.expect(run(self.write("nine.wat", text)), 9)

    def test_invokes_a_function(self):
        self.expect(run("--invoke", "echo-u8([1, 2])", GUESTS / "echo.wat"), 0, "[1, 2]\n")
        self.expect(run("--invoke", 'nonsense("a")', GUESTS / "echo.wat"), 127, "", "nonsense")

    def test_a_signal_ends_the_guest(self):
        for file in (TOOL, MODULE):
            self.expect(run(file, "exit", "0"), 0)  # Compiles it before the signal comes.
            for verb in (["spin"], ["sleep", "20000"], ["input"]):
                for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
                    self.expect_end_at(number, code, "run", file, *verb)


if __name__ == "__main__":
    main()

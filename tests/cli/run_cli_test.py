#!/usr/bin/env python3
"""What `tairitsu run` lets a guest see, and how it ends.

usage: run_cli_test.py TAIRITSU GUESTS [unittest arguments]
"""

import time

from cli_case import GUESTS, CliCase, main, run_tairitsu

TOOL = GUESTS / "wasi_tool.wasm"


def run(*arguments, stdin="", env=None):
    return run_tairitsu("run", *arguments, stdin=stdin, env=env)


class Run(CliCase):
    def setUp(self):
        super().setUp()
        (self.folder / "data").mkdir()
        (self.folder / "data" / "in.txt").write_text("inside\n")
        (self.folder / "secret.txt").write_text("secret\n")
        (self.folder / "data" / "out").symlink_to(self.folder / "secret.txt")

    def share(self, mode=""):
        return ("-v", f"{self.folder / 'data'}:/data{mode}")

    def test_gives_what_follows_the_file_to_the_guest(self):
        self.expect(run(TOOL, "arguments", "-e", "--help", "a b"), 0,
                    "wasi_tool.wasm\narguments\n-e\n--help\na b\n")

    def test_streams_standard_input(self):
        self.expect(run(TOOL, "input", stdin="one\ntwo\n" * 5000), 0, "one\ntwo\n" * 5000)

    def test_shows_no_environment_but_what_is_named(self):
        self.expect(run(TOOL, "environment"), 0)
        self.expect(run("-e", "A=1", "-e", "B=x=y", "-e", "TEST_HERE", "-e", "TEST_NOWHERE", TOOL, "environment",
                        env={"TEST_HERE": "yes"}), 0, "A=1\nB=x=y\nTEST_HERE=yes\n")
        self.assertIn("TEST_HERE=yes\n", run("--env-all", TOOL, "environment", env={"TEST_HERE": "yes"}).stdout)

    def test_shows_no_folder_but_what_is_shared(self):
        self.expect(run(TOOL, "list", "/"), 1, "", "/")
        self.expect(run(*self.share(), TOOL, "list", "/data"), 0, "in.txt\nout\n")
        self.expect(run(*self.share(), TOOL, "read", "/data/in.txt"), 0, "inside\n")

    def test_lets_nothing_lead_out_of_a_folder(self):
        for path in ("/data/../secret.txt", "/data/out", "/secret.txt", str(self.folder / "secret.txt")):
            done = run(*self.share(), TOOL, "read", path)
            self.assertEqual(done.returncode, 1, path)
            self.assertEqual(done.stdout, "", path)

    def test_writes_only_where_it_may(self):
        self.expect(run(*self.share(":ro"), TOOL, "write", "/data/new.txt", "x"), 1, "", "/data/new.txt")
        self.assertFalse((self.folder / "data" / "new.txt").exists())
        self.expect(run(*self.share(), TOOL, "write", "/data/new.txt", "x"), 0)
        self.assertEqual((self.folder / "data" / "new.txt").read_text(), "x")

    def test_exits_as_the_guest_does(self):
        self.expect(run(TOOL, "exit", "0"), 0)
        self.assertNotEqual(run(TOOL, "exit", "3").returncode, 0)
        self.expect(run(TOOL, "nonsense"), 1, "", "unknown verb 'nonsense'")

    def test_tells_a_trap_and_each_limit(self):
        self.expect(run(TOOL, "trap"), 134, "", "unreachable")
        self.expect(run("--fuel", "100000", TOOL, "spin"), 134, "", "fuel", "--fuel")
        self.expect(run("--memory", "4m", TOOL, "grow"), 134, "", "memory", "--memory")
        for verb in (["spin"], ["sleep", "20000"]):
            begin = time.monotonic()
            self.expect(run("--timeout", "300ms", TOOL, *verb), 124, "", "deadline", "--timeout")
            self.assertLess(time.monotonic() - begin, 10)

    def test_refuses_what_it_cannot_read(self):
        self.expect(run("-v", "nowhere", TOOL), 125, "", "HOST-FOLDER:GUEST-FOLDER")
        self.expect(run("-v", "/nowhere-at-all:/data", TOOL), 125, "", "no such folder")
        self.expect(run("--memory", "4x", TOOL), 125, "", "'4x' is no size")
        self.expect(run("--timeout", "soon", TOOL), 125, "", "'soon' is no time")
        self.expect(run("--allow-connect", "1.2.3.4:99999", TOOL), 125, "", "is no network rule")
        self.expect(run("--network", "some", TOOL), 125, "", "loopback")
        self.expect(run(self.folder / "none.wasm"), 127, "", "no such file")
        self.expect(run(GUESTS / "echo.wat"), 126, "", "no command", "tairitsu call")
        self.assertEqual(run().returncode, 125)


if __name__ == "__main__":
    main()

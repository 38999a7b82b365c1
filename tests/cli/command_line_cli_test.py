#!/usr/bin/env python3
"""Tests of messages and exit codes for command lines that are invalid or cannot be carried out.

usage: command_line_cli_test.py TAIRITSU GUESTS [unittest arguments]
"""

import json
import re
import signal
import socket
import subprocess

from cli_case import GUESTS, TAIRITSU, CliCase, main, run_tairitsu

TOOL = GUESTS / "wasi_tool.wasm"
ECHO = GUESTS / "echo.wat"


class CommandLine(CliCase):
    def refuses(self, *arguments, says, hint):
        with self.subTest(arguments=arguments):
            done = run_tairitsu(*arguments)
            self.assertEqual((done.returncode, done.stdout), (125, ""))
            self.assertEqual(done.stderr.splitlines()[0], "tairitsu: " + says)
            self.assertEqual(done.stderr.splitlines()[-1].split(" for ")[0], f"Run '{hint} --help'")

    def test_suggests_a_similar_command(self):
        for typed, meant in (("rnu", "run"), ("serv", "serve"), ("inspct", "inspect"), ("puhs", "push"),
                             ("bindgne", "bindgen")):
            self.refuses(typed, says=f"unknown command '{typed}'; did you mean '{meant}'?", hint="tairitsu")
        self.refuses("xylophone", says="unknown command 'xylophone'", hint="tairitsu")
        self.refuses("system", "prun", says="unknown command 'prun'; did you mean 'prune'?", hint="tairitsu system")
        self.refuses("bindgen", "guest", "cxx", says="unknown command 'cxx'; did you mean 'c'?",
                     hint="tairitsu bindgen guest")

    def test_names_the_unexpected_argument(self):
        self.refuses("inspect", "a.wasm", "b.wasm", "c.wasm", says="unexpected argument 'b.wasm'",
                     hint="tairitsu inspect")
        self.refuses("inspect", "a.wasm", "--fromat", "json",
                     says="unknown option '--fromat'; did you mean '--format'?", hint="tairitsu inspect")
        self.refuses("inspect", "--fromat=json", "a.wasm",
                     says="unknown option '--fromat'; did you mean '--format'?", hint="tairitsu inspect")
        self.refuses("run", "--memry", "64m", TOOL, says="unknown option '--memry'; did you mean '--memory'?",
                     hint="tairitsu run")
        self.refuses("system", "df", "all", says="unexpected argument 'all'", hint="tairitsu system df")
        self.refuses("--versoin", says="unknown option '--versoin'; did you mean '--version'?", hint="tairitsu")

    def test_refers_to_the_help_of_the_command(self):
        for command in ("run", "call", "serve", "inspect", "wit", "compile", "componentize"):
            done = run_tairitsu(command)
            self.assertEqual(done.returncode, 125, command)
            self.assertIn(f"Run 'tairitsu {command} --help'", done.stderr)

    def test_a_missing_file_has_the_same_exit_code_in_all_commands(self):
        none = self.directory / "none.wasm"
        wit = self.directory / "none.wit"
        output = self.directory / "out"
        for arguments in (("run", none), ("call", none), ("serve", none), ("inspect", none), ("wit", none),
                          ("wit", wit), ("compile", none, "-o", output), ("import", none, "a:1"),
                          ("load", "-i", none), ("componentize", none, "-o", output),
                          ("componentize", GUESTS / "wasi_tool.dir" / "core.wasm", "--wit", wit, "-o", output),
                          ("bindgen", "host", wit, "-o", output), ("bindgen", "guest", "c", wit, "-o", output)):
            with self.subTest(arguments=arguments):
                done = run_tairitsu(*arguments)
                self.assertEqual((done.returncode, done.stdout), (127, ""), done.stderr)
                self.assertIn("none.", done.stderr)
                self.assertIn("no such file", done.stderr)

    def test_load_rejects_files_that_are_not_archives(self):
        for name, contents in (("text", "hello"), ("empty", ""), ("guest", TOOL.read_bytes()),
                               ("zeros", b"\x01" * 2000)):
            self.expect(run_tairitsu("load", "-i", self.write(name, contents)), 126, "", "not a tar archive", name)

    def test_help_and_version_fail_if_they_cannot_be_written(self):
        for arguments in (["--version"], ["--help"], ["run", "--help"]):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([TAIRITSU, *arguments], stdout=full, stderr=subprocess.PIPE, text=True,
                                      timeout=30, check=False)
            self.assertEqual(done.returncode, 125, arguments)
            self.assertIn("No space left", done.stderr)
            self.assertEqual(run_tairitsu(*arguments).returncode, 0)

    def test_serves_on_loopback_if_only_a_port_is_given(self):
        for form in ("{}", ":{}"):
            # Finds a free port.
            with socket.create_server(("127.0.0.1", 0)) as probe:
                port = probe.getsockname()[1]
            address = form.format(port)
            with subprocess.Popen([TAIRITSU, "serve", "--addr", address, GUESTS / "http_hello.wasm"],
                                  stderr=subprocess.PIPE, text=True) as process:
                try:
                    self.assertEqual(process.stderr.readline(), f"listening on http://127.0.0.1:{port}\n")
                finally:
                    process.send_signal(signal.SIGTERM)
                    process.communicate(timeout=30)

    def test_serve_rejects_a_component_without_a_handler(self):
        # The component also has a missing import, which is not what the message should be about.
        self.expect(run_tairitsu("serve", "--addr", "127.0.0.1:0", GUESTS / "callback.wat"), 126, "",
                    "not an HTTP component")

    def test_gives_advice_for_the_command_line_not_for_cpp(self):
        callback = GUESTS / "callback.wat"
        for arguments, advice in ((("call", callback, "run(1)"), "Pass --stub-imports"),
                                  (("run", "--invoke", "run(1)", callback), "'tairitsu call --stub-imports'")):
            done = run_tairitsu(*arguments)
            self.assertEqual(done.returncode, 126, done.stderr)
            self.assertIn("missing imports:", done.stderr)
            self.assertIn(advice, done.stderr)
            for name in ("Linker", "with_bindings", "with_imports"):
                self.assertNotIn(name, done.stderr)

    def test_a_signal_ends_guests_with_a_deadline_or_fuel(self):
        for arguments in (("run", "--timeout", "20s", TOOL, "spin"), ("run", "--timeout", "20s", TOOL, "sleep", "9000"),
                          ("run", "--fuel", "900000000000", TOOL, "spin")):
            for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
                self.expect(run_tairitsu(*arguments[:-1 if arguments[-1] == "spin" else -2], "exit", "0"), 0)
                self.expect_end_at(number, code, *arguments)


class Terminal(CliCase):
    """Untrusted text on a terminal."""

    # Clears the screen, sets a title, changes the text direction, and contains C1 and DEL characters.
    HOSTILE = "a\x1b[2J\x1b]0;t\x07\u202eb\u009bc\x7f"

    def expect_harmless(self, text):
        self.assertNotRegex(text, "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

    def guest(self, name, text):
        return self.write(name, text.replace("HOSTILE", "".join("\\%02x" % byte for byte in self.HOSTILE.encode())))

    def test_names_are_escaped(self):
        trap = self.guest("trap.wat", """(component
          (core module $m (func $"HOSTILE" (export "f") unreachable))
          (core instance $i (instantiate $m))
          (func (export "f") (canon lift (core func $i "f"))))""")
        imports = self.guest("imports.wat", '(module (import "HOSTILE" "HOSTILE" (func)) (func (export "_start")))')
        for arguments in (("call", trap, "f()"), ("run", trap), ("run", imports), ("inspect", imports),
                          ("call", imports, "f()"), ("call", trap, self.HOSTILE), ("wit", imports), ("serve", imports),
                          ("inspect", self.directory / (self.HOSTILE + ".wasm")), (self.HOSTILE,),
                          ("inspect", trap, self.HOSTILE), ("compile", imports, "-o", self.directory / "o"),
                          ("import", trap, self.HOSTILE), ("images", "--filter", self.HOSTILE),
                          ("run", "-v", self.HOSTILE, trap), ("run", "--allow-connect", self.HOSTILE, trap)):
            with self.subTest(arguments=arguments):
                done = run_tairitsu(*arguments)
                self.expect_harmless(done.stdout)
                self.expect_harmless(done.stderr)
        # The text is still shown.
        self.assertIn("unreachable", run_tairitsu("call", trap, "f()").stderr)
        self.assertIn("\\u{1b}[2J", run_tairitsu("run", imports).stderr)

    def test_excerpts_of_source_text_are_escaped(self):
        text = self.write("bad.wat", f"(component {self.HOSTILE}")
        wit = self.write("bad.wit", f"package a:b;\ninterface c {{ {self.HOSTILE} }}\n")
        for arguments in (("inspect", text), ("run", text), ("call", text, "f()"), ("wit", wit),
                          ("bindgen", "host", wit, "-o", self.directory / "out"),
                          ("componentize", text, "-o", self.directory / "out.wasm")):
            with self.subTest(arguments=arguments):
                done = run_tairitsu(*arguments)
                self.assertNotEqual(done.returncode, 0)
                self.expect_harmless(done.stdout)
                self.expect_harmless(done.stderr)

    def test_escaped_json_has_the_same_value(self):
        # Hebrew with a direction mark, which is printed escaped and can be read back.
        done = run_tairitsu("call", ECHO, "echo-string", '[["\u05d0\u200f\u007f"]]', "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.expect_harmless(done.stdout)
        self.assertEqual(json.loads(done.stdout), ["\u05d0\u200f\u007f"])

    def test_suggested_rules_are_quoted_for_a_shell(self):
        # The name of a method may contain a quote.
        done = run_tairitsu("run", "--log-denied", GUESTS / "network.wasm", "http", "GET'", "http://127.0.0.1:1/")
        lines = [line for line in done.stderr.splitlines() if "--allow-host" in line]
        self.assertEqual(len(lines), 1, done.stderr)
        option = re.search(r"--allow-host (.*)\)$", lines[0])[1]
        printed = subprocess.run(["sh", "-c", f"printf %s {option}"], capture_output=True, text=True, cwd=self.directory,
                                 timeout=30, check=False)
        self.assertEqual((printed.returncode, printed.stderr, printed.stdout), (0, "", "GET' http://127.0.0.1:1"))


if __name__ == "__main__":
    main()

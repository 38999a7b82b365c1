#!/usr/bin/env python3
"""Tests of the output and the exit codes of `tairitsu call`.

usage: call_cli_test.py TAIRITSU GUESTS [unittest arguments]
"""

import signal

from cli_case import GUESTS, CliCase, main, run_tairitsu

TRAPS = """(component
  (core module $m (func (export "f") unreachable))
  (core instance $i (instantiate $m))
  (func (export "f") (canon lift (core func $i "f"))))"""
SPINS = """(component
  (core module $m (func (export "f") (loop br 0)))
  (core instance $i (instantiate $m))
  (func (export "f") (canon lift (core func $i "f"))))"""
IMPORTS = """(component
  (import "missing" (func $missing (result u32)))
  (core func $core (canon lower (func $missing)))
  (core module $m (import "" "missing" (func $f (result i32)))
    (func (export "one") (result i32) (i32.const 1))
    (func (export "ask") (result i32) (call $f)))
  (core instance $i (instantiate $m (with "" (instance (export "missing" (func $core))))))
  (func (export "one") (result u32) (canon lift (core func $i "one")))
  (func (export "ask") (result u32) (canon lift (core func $i "ask"))))"""


def call(*arguments, stdin=""):
    return run_tairitsu("call", *arguments, stdin=stdin)


class Call(CliCase):
    def test_reads_and_prints_wave(self):
        echo = GUESTS / "echo.wat"
        self.expect(call(echo, 'flat-string("tea")'), 0, '"tea"\n')
        self.expect(call(echo, "echo-enum([red, blue])"), 0, "[red, blue]\n")
        self.expect(call(echo, "flat-option-u32(none)"), 0, "none\n")

    def test_reads_and_prints_json(self):
        echo = GUESTS / "echo.wat"
        self.expect(call(echo, "flat-string", '["tea"]', "--json"), 0, '"tea"\n')
        self.expect(call(echo, "flat-string", '{"a": "tea"}'), 0, '"tea"\n')
        self.expect(call(echo, "echo-u64([18446744073709551615])", "--json"), 0, "[18446744073709551615]\n")
        self.expect(call(echo, "echo-u8", "-", "--json", "--base64", stdin='["AAEC"]'), 0, '"AAEC"\n')

    def test_lists_the_functions_if_no_call_is_given(self):
        done = call(GUESTS / "echo.wat")
        self.assertEqual(done.returncode, 0)
        self.assertIn("flat-tuple: func(a: tuple<u8, u64, string>) -> tuple<u8, u64, string>\n", done.stdout)

    def test_exits_with_1_if_the_function_returns_an_error(self):
        echo = GUESTS / "echo.wat"
        self.expect(call(echo, 'flat-result-u32-string(err("no"))'), 1, 'err("no")\n')
        self.expect(call(echo, "flat-result-u32-string(ok(7))"), 0, "ok(7)\n")

    def test_exit_code_tells_the_kind_of_failure(self):
        echo = GUESTS / "echo.wat"
        self.expect(call(echo, "flat-u8(300)"), 125, "", "parameter 'a'", "0 to 255")
        self.expect(call(echo, "flat-u8"), 125, "", "in parentheses")
        self.expect(call(echo, "flat-u8(1)", "[1]"), 125, "", "twice")
        self.expect(call(echo, "flat-u9(1)"), 127, "", "'flat-u8'")
        self.expect(call(self.directory / "none.wasm", "f()"), 127, "", "no such file")
        self.expect(call(self.write("x.wasm", "hello"), "f()"), 126, "", "x.wasm", "neither")
        self.expect(call(self.write("t.wat", TRAPS), "f()"), 134, "", "unreachable")
        self.assertEqual(call().returncode, 125)

    def test_names_missing_imports_and_can_stub_them(self):
        component = self.write("i.wat", IMPORTS)
        self.expect(call(component, "one()"), 126, "", "missing: func() -> u32", "--stub-imports")
        self.expect(call(component, "--stub-imports", "one()"), 0, "1\n")
        self.expect(call(component, "--stub-imports", "ask()"), 126, "", "'missing'")

    def test_a_signal_ends_it(self):
        spins = self.write("s.wat", SPINS)
        for options in ((), ("--timeout", "20s")):
            self.expect(call("--timeout", "1ms", spins, "f()"), 124, "", "--timeout")  # Compiles it.
            for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
                self.expect_end_at(number, code, "call", *options, spins, "f()")

    def test_enforces_limits(self):
        spins = self.write("s.wat", SPINS)
        self.expect(call("--timeout", "200ms", spins, "f()"), 124, "", "--timeout")
        self.expect(call("--fuel", "1000", spins, "f()"), 134, "", "--fuel")

    def test_help_has_an_example(self):
        done = call("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("tairitsu call greeter.wasm 'greet(\"world\")'", done.stdout)


if __name__ == "__main__":
    main()

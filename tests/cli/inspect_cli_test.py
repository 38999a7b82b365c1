#!/usr/bin/env python3
"""Tests of the output and the exit codes of `tairitsu wit` and `tairitsu inspect`.

usage: inspect_cli_test.py TAIRITSU GUESTS [unittest arguments]
"""

import json
import re
import subprocess

from cli_case import GUESTS, TAIRITSU, CliCase, main, run_tairitsu

OUR_ERROR = 125
CANNOT_RUN = 126
NOT_FOUND = 127

SHOP = """(component $shop
  (import "example:shop/journal@1.2.0" (instance
    (export "log" (func (param "message" string)))))
  (import "wasi:random/random@0.2.6" (instance (export "get-random-u64" (func (result u64)))))
  (core module $core (@producers (language "C11" "") (processed-by "clang" "19.1.7")) (func (export "f")))
  (core instance $i (instantiate $core))
  (func (export "count-items") (canon lift (core func $i "f")))
  (@custom "licenses" "Apache-2.0")
  (@custom "description" "A \\1b[31mred\\1b[0m\\0ashop\\c2\\9b"))"""
MODULE = """(module (import "env" "a\\1b[2J" (func))
  (import "wasi_snapshot_preview1" "proc_exit" (func (param i32))))"""
BEYOND_WIT = '(component (core module $m) (export "m" (core module $m)))'


class Case(CliCase):
    def output(self, *arguments):
        done = run_tairitsu(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def refusal(self, *arguments, code=OUR_ERROR):
        done = run_tairitsu(*arguments)
        self.assertEqual((done.returncode, done.stdout), (code, ""))
        self.assertTrue(done.stderr.startswith("tairitsu: "), done.stderr)
        self.assertEqual(done.stderr.count("panicked"), 0)
        return done.stderr

    def check_invalid_files(self, command):
        whole = (GUESTS / "wasi_command.wasm").read_bytes()
        for name, contents, words in [
            ("empty.wasm", "", "it is empty"),
            ("text.txt", "hello\n", "not WebAssembly: "),
            ("broken.wat", "(component (import", "invalid WebAssembly text"),
            ("cut.wasm", whole[:20000], "truncated"),
            ("cut-short.wasm", whole[:5], "truncated"),
            ("changed.wasm", whole[:8] + b"\xee" + whole[9:], "it is damaged"),
        ]:
            with self.subTest(name):
                message = self.refusal(command, self.write(name, contents), code=CANNOT_RUN)
                self.assertIn(name + ": ", message)
                self.assertIn(words, message)
        self.assertIn("none.wasm: no such file",
                      self.refusal(command, self.directory / "none.wasm", code=NOT_FOUND))

    def check_help(self, command, *options):
        help_text = self.output(command, "--help")
        self.assertIn(f"Examples:\n  tairitsu {command} ", help_text)
        for option in options:
            self.assertIn(option, help_text)
        self.assertIn(f"  {command} ", self.output("--help"))
        self.refusal(command)
        self.refusal(command, "--unknown", "file")


class Wit(Case):
    def test_prints_the_world_of_a_component(self):
        wit = self.output("wit", self.write("shop.wat", SHOP))
        self.assertTrue(wit.startswith("package root:component;\n\nworld root {\n"), wit)
        self.assertIn("  import example:shop/journal@1.2.0;\n", wit)
        self.assertIn("  export count-items: func();\n", wit)
        self.assertIn("package example:shop@1.2.0 {\n  interface journal {\n    log: func(message: string);\n", wit)

    def test_can_read_its_own_output(self):
        wit = self.write("again.wit", self.output("wit", GUESTS / "wasi_command.wasm"))
        self.assertEqual(self.output("wit", wit), wit.read_text())

    def test_writes_a_file(self):
        component = self.write("shop.wat", SHOP)
        file = self.directory / "shop.wit"
        self.assertEqual(self.output("wit", component, "-o", file), "")
        self.assertEqual(file.read_text(), self.output("wit", component))
        self.assertIn("no/shop.wit: ", self.refusal("wit", component, "-o", self.directory / "no/shop.wit"))

    def test_prints_the_wit_that_bindings_embed_in_a_core_module(self):
        core = next(GUESTS.glob("wasi_command.dir/*.wasm"))
        wit = self.output("wit", core)
        self.assertIn("world root {", wit)
        self.assertIn("package test:", wit)
        message = self.refusal("wit", self.write("plain.wat", "(module)"), code=CANNOT_RUN)
        self.assertIn("carries no WIT", message)

    def test_prints_wit_files_with_the_packages_that_they_use(self):
        (self.directory / "wit/deps").mkdir(parents=True)
        self.write("wit/a.wit", "package a:b;\nworld w { import c:d/i; @unstable(feature = x) import f: func(); }\n")
        self.write("wit/deps/c.wit", "package c:d;\ninterface i { g: func(s: string); }\n")
        for path in (self.directory, self.directory / "wit"):
            wit = self.output("wit", path)
            self.assertTrue(wit.startswith("package a:b;\n"), wit)
            self.assertIn("package c:d {\n  interface i {\n    g: func(s: string);\n", wit)
            self.assertNotIn("import f", wit)
        self.assertIn("import f: func();", self.output("wit", self.directory, "--features", "x"))

    def test_shows_the_position_of_a_syntax_error(self):
        message = self.refusal("wit", self.write("wrong.wit", "package a:b;\nworld w { import f: fun(); }\n"))
        self.assertIn("wrong.wit:2:", message)
        self.assertIn("^", message)
        self.assertIn("none.wit", self.refusal("wit", self.directory / "none.wit", code=127))

    def test_rejects_files_that_are_not_components(self):
        self.check_invalid_files("wit")
        self.assertIn(".wit", self.refusal("wit", self.write("shop.txt", "package a:b;\n"), code=CANNOT_RUN))

    def test_rejects_a_component_that_wit_cannot_describe(self):
        self.assertIn("WIT cannot express", self.refusal("wit", self.write("beyond.wat", BEYOND_WIT), code=CANNOT_RUN))

    def test_help_has_examples(self):
        self.check_help("wit", "--output", "--features")


class Inspect(Case):
    def test_describes_a_component(self):
        text = self.output("inspect", self.write("shop.wat", SHOP))
        for line in [
            "Kind        component",
            "Name        shop",
            "WASI        0.2.6",
            "Licenses    Apache-2.0",
            "Imports\n  interface example:shop/journal@1.2.0\n    log: func(message: string)",
            "Imports that the runtime provides\n  wasi:random/random@0.2.6",
            "Exports\n  count-items: func()",
            "  processed-by  clang 19.1.7",
            "  language      C11",
        ]:
            self.assertIn(line + "\n", text)
        self.assertRegex(text, r"Size        \d+ B \(\d+ bytes\)\n")
        self.assertRegex(text, r"Digest      sha256:[0-9a-f]{64}\n")
        self.assertRegex(text, r"Parts\n +\d+ B  component shop\n +\d+ B    core module core\n")
        self.assertRegex(text, r"Custom sections\n(?: +\d+ B  \S+\n)+$")

    def test_prints_json(self):
        path = self.write("shop.wat", SHOP)
        printed = json.loads(self.output("inspect", path, "--format", "json"))
        self.assertEqual((printed["file"], printed["kind"], printed["name"]), (str(path), "component", "shop"))
        self.assertEqual(printed["wasi_versions"], ["0.2.6"])
        self.assertEqual(printed["annotations"]["licenses"], "Apache-2.0")
        journal, random = printed["imports"]
        self.assertEqual(
            journal,
            {
                "name": "example:shop/journal@1.2.0",
                "kind": "interface",
                "provided": False,
                "items": [{"name": "log", "kind": "function", "type": "func(message: string)"}],
            },
        )
        self.assertTrue(random["provided"])
        self.assertEqual(printed["exports"], [{"name": "count-items", "kind": "function", "type": "func()"}])
        (core,) = printed["parts"]
        self.assertEqual((core["kind"], core["name"]), ("core-module", "core"))
        self.assertEqual(core["producers"], {"language": {"C11": ""}, "processed-by": {"clang": "19.1.7"}})
        self.assertLess(core["size"], printed["size"])
        self.assertIn({"name": "licenses", "size": 10}, printed["custom_sections"])
        self.assertIn(printed["digest"], self.output("inspect", path))

    def test_describes_a_core_module(self):
        path = self.write("m.wat", MODULE)
        text = self.output("inspect", path)
        self.assertIn("Kind        core module\n", text)
        self.assertIn("WASI        0.1 (preview 1)\n", text)
        self.assertIn("WIT         none\n", text)
        self.assertIn("Imports\n  module env\n", text)
        self.assertIn("provides\n  wasi_snapshot_preview1\n", text)
        printed = json.loads(self.output("inspect", path, "--format", "json"))
        self.assertEqual((printed["kind"], printed["wasi_versions"]), ("core-module", ["0.1"]))
        core = next(GUESTS.glob("wasi_command.dir/*.wasm"))
        self.assertIn(f"print it with 'tairitsu wit {core}'", self.output("inspect", core))

    def test_prints_no_control_characters(self):
        for contents in (SHOP, MODULE):
            path = self.write("x.wat", contents)
            for arguments in ([], ["--format", "json"]):
                self.assertIsNone(re.search(r"[^\n\x20-\x7e]", self.output("inspect", path, *arguments)))
        self.assertIn("Description A ?[31mred?[0m shop?\n", self.output("inspect", self.write("x.wat", SHOP)))

    def test_names_exports_that_wit_cannot_describe(self):
        text = self.output("inspect", self.write("beyond.wat", BEYOND_WIT))
        self.assertIn("Exports\n  module m\n", text)

    def test_reads_every_guest(self):
        for guest in sorted([*GUESTS.glob("*.wat"), *GUESTS.glob("*.wasm")]):
            with self.subTest(guest.name):
                self.assertIn("Kind        component\n", self.output("inspect", guest))
                printed = json.loads(self.output("inspect", guest, "--format", "json"))
                self.assertEqual(printed["kind"], "component")

    def test_rejects_files_that_are_not_components(self):
        self.check_invalid_files("inspect")
        directory = self.refusal("inspect", self.directory)
        self.assertIn("is a directory; to print WIT in it, run 'tairitsu wit ", directory)
        wit = self.refusal("inspect", self.write("shop.wit", "package a:b;\n"), code=CANNOT_RUN)
        self.assertIn("this is WIT, not a component; print it with 'tairitsu wit ", wit)
        self.assertIn("yaml", self.refusal("inspect", self.directory, "--format", "yaml"))

    def test_fails_if_it_cannot_print(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run(
                [TAIRITSU, "inspect", self.write("shop.wat", SHOP)], stdout=full, stderr=subprocess.PIPE, check=False
            )
        self.assertEqual(done.returncode, OUR_ERROR)
        self.assertIn(b"standard output: ", done.stderr)

    def test_help_has_examples(self):
        self.check_help("inspect", "--format")


if __name__ == "__main__":
    main()

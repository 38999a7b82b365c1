#!/usr/bin/env python3
"""Tests of the image commands that need no network (import, images, tag, rmi, save, load, system), and of image names
in other commands.

usage: images_cli_test.py TAIRITSU GUESTS [unittest arguments]
"""

import concurrent.futures
import gzip
import hashlib
import io
import json
import os
import re
import stat
import shutil
import signal
import subprocess
import tarfile
import unittest
import urllib.request

from cli_case import (GUESTS, TAIRITSU, CliCase, ImageCase, main, problems_of_store, run_on_terminal,
                      run_tairitsu)
from faulty_registry import MANIFEST, OciImage, descriptor, digest_of, numbered

HELLO = GUESTS / "hello.wasm"
SHOP = GUESTS / "bindgen_shop.wasm"
# The same program as HELLO, as a core module.
MODULE = GUESTS / "hello.dir" / "core.wasm"
ECHO = GUESTS / "echo.wat"

DIGEST = "sha256:[0-9a-f]{64}"
# Control characters, including C1, and one that changes the direction of text.
UNSAFE = "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]"
HELLO_SAYS = "Hello, world!\n"


def run_bytes(*arguments, stdin=b"", env=None):
    """Like run_tairitsu, for binary input and output."""
    return subprocess.run([TAIRITSU, *map(str, arguments)], capture_output=True, input=stdin, timeout=60, check=False,
                          env={**os.environ, **(env or {})})


def archive_of(image, names=("",), mode="w", damage=None):
    """Packs an image as an OCI layout in a tar archive. An empty name means no name."""
    blobs = dict(image.blobs)
    if damage:
        blobs[damage] = bytes(len(blobs[damage]))
    entries = [descriptor(MANIFEST, image.manifest,
                          **({"annotations": {"org.opencontainers.image.ref.name": name}} if name else {}))
               for name in names]
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
             "index.json": json.dumps({"schemaVersion": 2, "manifests": entries}).encode(),
             **{"blobs/" + digest.replace(":", "/"): blob for digest, blob in blobs.items()}}
    return tar_of(files, mode)


def tar_of(files, mode="w"):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


class Import(ImageCase):
    def test_prints_the_digest_and_runs(self):
        self.assertRegex(self.output("import", HELLO, "hello:1"), f"^{DIGEST}\n$")
        self.assertEqual(self.names(), ["hello:1"])
        self.assertEqual(self.output("run", "hello:1"), HELLO_SAYS)
        self.expect_sound()

    def test_adds_the_tag_latest(self):
        self.output("import", HELLO, "me/hello")
        self.assertEqual(self.names(), ["me/hello:latest"])
        self.assertEqual(self.output("run", "me/hello"), HELLO_SAYS)

    def test_reads_text_format_and_standard_input(self):
        self.output("import", ECHO, "echo")
        self.assertEqual(self.output("call", "echo", 'flat-string("tea")'), '"tea"\n')
        done = run_bytes("import", "-", "piped", stdin=HELLO.read_bytes())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.output("run", "piped"), HELLO_SAYS)
        text = '(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))' \
               ' (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const 9))))'
        self.output("import", "-", "nine", stdin=text)
        self.assertEqual(run_tairitsu("run", "nine").returncode, 9)

    def test_imports_a_core_module(self):
        self.output("import", MODULE, "module")
        self.assertEqual(self.output("run", "module"), HELLO_SAYS)
        [image] = self.images()
        self.assertEqual(image["os"], "wasip1")

    def test_stores_the_description(self):
        self.output("import", HELLO, "hello", "--author", "Me", "--annotation", "a.b=c=d", "--annotation", "empty=",
                    "--created", "2024-05-06T07:08:09Z")
        [image] = self.images()
        self.assertEqual((image["author"], image["created"], image["os"], image["media_type"]),
                         ("Me", "2024-05-06T07:08:09Z", "wasip2", "application/wasm"))
        self.assertEqual(image["annotations"]["a.b"], "c=d")
        self.assertEqual(image["annotations"]["empty"], "")
        self.assertEqual(image["component_digest"], digest_of(HELLO.read_bytes()))
        self.assertEqual(image["component_size"], HELLO.stat().st_size)
        self.assertGreater(image["size"], image["component_size"])
        self.assertTrue(any(name.startswith("wasi:cli/run@") for name in image["exports"]), image)
        self.assertTrue(any(name.startswith("wasi:cli/stdout@") for name in image["imports"]), image)

    def test_the_same_input_has_the_same_digest(self):
        def digest_with(*more):
            return self.output("import", HELLO, "hello", "--created", "2024-01-01T00:00:00Z", *more)
        self.assertEqual(digest_with(), digest_with())
        self.assertNotEqual(digest_with(), digest_with("--author", "Me"))

    def test_rejects_invalid_input(self):
        self.assertIn("none.wasm", self.refusal(127, "import", self.directory / "none.wasm", "a"))
        text = self.write("text.wasm", "hello")
        self.assertIn("text.wasm", self.refusal(126, "import", text, "a"))
        empty = self.write("empty.wasm", "")
        self.assertIn("empty.wasm", self.refusal(126, "import", empty, "a"))
        damaged = self.write("damaged.wasm", HELLO.read_bytes()[:5000])
        self.assertIn("damaged.wasm", self.refusal(126, "import", damaged, "a"))
        self.assertIn("directory", self.refusal(125, "import", self.directory, "a"))
        for name in ("", "Upper", "a b", "a:", "a:b:c", "-a", "a/", "a@sha256:12", "f" * 64):
            self.refusal(125, "import", HELLO, "--", name)
        self.assertIn("KEY=VALUE", self.refusal(125, "import", HELLO, "a", "--annotation", "nothing"))
        self.assertNotEqual(run_tairitsu("import", HELLO).returncode, 0)
        self.assertEqual(self.images(), [])

    def test_rejects_invalid_times(self):
        for time in ("2024-13-45", "yesterday", "2024-13-01T00:00:00Z"):
            self.assertIn(time, self.refusal(125, "import", HELLO, "a", "--created", time))

    def test_rejects_a_name_with_a_digest(self):
        self.refusal(125, "import", HELLO, "a@sha256:" + "1" * 64)
        self.assertEqual(self.images(), [])


class Images(ImageCase):
    def setUp(self):
        super().setUp()
        self.digests = [
            self.output("import", file, name, "--created", f"{year}-01-01T00:00:00Z", *more).strip()
            for file, name, year, more in (
                (HELLO, "me/hello:1", 2021, ("--annotation", "color=red")),
                (ECHO, "echo", 2022, ("--annotation", "color=blue")),
                (SHOP, "127.0.0.1:5000/shop:2", 2023, ()))
        ]
        self.output("tag", "me/hello:1", "hello:stable")

    def rows(self, *arguments):
        head, *rows = self.output("images", *arguments).splitlines()
        self.assertEqual(re.split(r"  +", head.strip()), ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"])
        return [re.split(r"  +", row.strip()) for row in rows]

    def test_has_a_row_for_each_name(self):
        rows = self.rows()
        self.assertEqual(sorted(tuple(row[:3]) for row in rows), sorted([
            ("me/hello", "1", self.digests[0][7:19]),
            ("hello", "stable", self.digests[0][7:19]),
            ("echo", "latest", self.digests[1][7:19]),
            ("127.0.0.1:5000/shop", "2", self.digests[2][7:19]),
        ]))
        for row in rows:
            self.assertRegex(row[3], r"year|20\d\d")
            self.assertRegex(row[4], r"^[\d.]+ ?[kKM]?i?B$")
        self.assertEqual({row[2] for row in self.rows("--no-trunc")}, set(self.digests))

    def test_has_a_row_for_an_image_without_a_name(self):
        image = OciImage(HELLO.read_bytes())
        self.output("load", "-i", self.write("unnamed.tar", archive_of(image)))
        self.assertIn(["<none>", "<none>", image.digest[7:19]], [row[:3] for row in self.rows()])
        [unnamed] = self.images("--filter", "dangling=true")
        self.assertEqual((unnamed["digest"], unnamed["names"]), (image.digest, []))
        self.assertEqual(self.output("images", "-q", "--filter", "dangling=true"), image.digest[7:19] + "\n")
        self.assertEqual(self.names("--filter", "dangling=false"),
                         ["127.0.0.1:5000/shop:2", "echo:latest", "hello:stable", "me/hello:1"])

    def test_quiet_prints_only_ids(self):
        self.assertEqual(set(self.output("images", "--quiet").split()), {digest[7:19] for digest in self.digests})
        self.assertEqual(set(self.output("images", "-q", "--no-trunc").split()), set(self.digests))
        self.assertEqual(self.output("images", "-q", "echo").split(), [self.digests[1][7:19]])

    def test_has_a_line_of_json_for_each_image(self):
        images = self.images()
        self.assertEqual({image["digest"] for image in images}, set(self.digests))
        [hello] = [image for image in images if image["digest"] == self.digests[0]]
        self.assertEqual(sorted(hello["names"]), ["hello:stable", "me/hello:1"])
        for image in images:
            self.assertLessEqual({"digest", "names", "component_digest", "size", "component_size", "created", "author",
                                  "os", "media_type", "exports", "imports", "target", "annotations"}, image.keys())
            self.assertFalse(image.get("problem"))

    def test_filters_by_name(self):
        self.assertEqual({row[0] for row in self.rows("echo")}, {"echo"})
        self.assertEqual({row[0] for row in self.rows("me/hello")}, {"me/hello"})
        self.assertEqual({row[0] for row in self.rows("me/hello:1")}, {"me/hello"})
        self.assertEqual(self.rows("me/hello:2"), [])
        self.assertEqual({row[0] for row in self.rows("h*")}, {"hello"})
        self.assertEqual({row[0] for row in self.rows("127.0.0.1:5000/*")}, {"127.0.0.1:5000/shop"})
        self.assertEqual({row[0] for row in self.rows("--filter", "reference=e*")}, {"echo"})
        self.assertEqual({row[0] for row in self.rows("--filter", "reference=*:stable")}, {"hello"})
        self.assertEqual({row[0] for row in self.rows("echo", "--filter", "label=color")}, {"echo"})

    def test_accepts_a_name_after_a_filter(self):
        self.assertEqual({row[0] for row in self.rows("--filter", "label=color", "echo")}, {"echo"})

    def found(self, *filters):
        arguments = [argument for text in filters for argument in ("--filter", text)]
        return {image["digest"] for image in self.images(*arguments)}

    def test_filters_by_annotation_and_age(self):
        found = self.found
        first, second, third = self.digests
        self.assertEqual(found("label=color"), {first, second})
        self.assertEqual(found("label=color=blue"), {second})
        self.assertEqual(found("label=color=green"), set())
        self.assertEqual(found("before=echo"), {first})
        self.assertEqual(found("since=echo"), {third})
        self.assertEqual(found("since=me/hello:1", "before=127.0.0.1:5000/shop:2"), {second})
        self.assertEqual(found("since=" + first[7:15], "label=color"), {second})

    def test_filters_by_time_in_any_time_zone(self):
        first, _, third = self.digests
        other = OciImage(HELLO.read_bytes(), config={"architecture": "wasm", "created": "2022-01-01T01:30:00+02:00"})
        self.output("load", "-i", self.write("other.tar", archive_of(other)))
        self.assertEqual(self.found("before=echo"), {first, other.digest})
        self.output("import", HELLO, "later", "--created", "2022-01-01T00:00:00.5Z")
        self.assertEqual(self.found("since=echo"), {third, *(image["digest"] for image in self.images("later"))})

    def test_rejects_unknown_filters_and_formats(self):
        message = self.refusal(125, "images", "--filter", "colour=red")
        for known in ("reference", "dangling", "label", "before", "since"):
            self.assertIn(known, message)
        self.refusal(125, "images", "--filter", "dangling=maybe")
        self.refusal(125, "images", "--filter", "label")
        self.assertIn("nowhere", run_tairitsu("images", "--filter", "before=nowhere").stderr)
        self.assertIn("json", self.refusal(125, "images", "--format", "yaml"))

    def test_prints_no_control_characters(self):
        self.import_evil()
        for command in (["images"], ["images", "--no-trunc"], ["inspect", "evil"]):
            self.assertNotRegex(self.output(*command), UNSAFE, command)

    def test_prints_json_without_control_characters(self):
        evil = self.import_evil()
        for command in (["images", "--format", "json"], ["inspect", "evil", "--format", "json"]):
            self.assertNotRegex(self.output(*command), UNSAFE, command)
        [image] = self.images("evil")
        self.assertEqual((image["author"], image["annotations"]["k"]), (evil, evil))

    def import_evil(self):
        evil = "a\x1b[31mb\x7f\x9b31m\u202e"
        self.output("import", HELLO, "evil", "--author", evil, "--annotation", f"k={evil}")
        return evil

    def test_lists_nothing_without_images(self):
        env = {"TAIRITSU_HOME": str(self.directory / "empty")}
        self.assertEqual(len(self.output("images", env=env).splitlines()), 1)
        self.assertEqual(self.output("images", "-q", env=env), "")
        self.assertEqual(self.output("images", "--format", "json", env=env), "")
        self.assertFalse((self.directory / "empty").exists())


class TagAndRemove(ImageCase):
    def test_adds_names_to_an_image(self):
        digest = self.output("import", HELLO, "hello:1").strip()
        self.assertEqual(self.output("tag", "hello:1", "hello:2"), "")
        self.assertEqual(self.output("tag", digest, "registry.example/me/hello"), "")
        self.assertEqual(self.output("tag", digest[7:14], "short"), "")
        self.assertEqual(self.names(), ["hello:1", "hello:2", "registry.example/me/hello:latest", "short:latest"])
        self.assertEqual({image["digest"] for image in self.images()}, {digest})

    def test_moves_a_name(self):
        first = self.output("import", HELLO, "hello:1").strip()
        second = self.output("import", ECHO, "echo").strip()
        self.output("tag", "hello:1", "hello:2")
        self.output("tag", "echo", "hello:2")
        self.assertEqual({image["digest"]: image["names"] for image in self.images()},
                         {first: ["hello:1"], second: ["echo:latest", "hello:2"]})

    def test_tag_rejects_a_missing_image_and_an_invalid_name(self):
        self.assertIn("none", self.refusal(127, "tag", "none", "other"))
        self.output("import", HELLO, "hello")
        self.refusal(125, "tag", "hello", "Upper Case")
        self.assertEqual(self.names(), ["hello:latest"])

    def test_removes_the_content_with_the_last_name(self):
        digest = self.output("import", HELLO, "hello:1").strip()
        self.output("tag", "hello:1", "hello:2")
        self.output("run", "hello:1")
        self.assertEqual(self.output("rmi", "hello:1"), "Untagged: hello:1\n")
        self.assertEqual(self.output("run", "hello:2"), HELLO_SAYS)
        self.assertEqual(self.output("rmi", "hello:2"), f"Untagged: hello:2\nDeleted: {digest}\n")
        self.assertEqual(self.images(), [])
        self.assertEqual(self.blobs(), [])
        self.assertEqual(run_tairitsu("run", "hello:2").returncode, 127)

    def test_removes_an_image_with_several_names_only_with_force(self):
        digest = self.output("import", HELLO, "hello:1").strip()
        self.output("tag", "hello:1", "other")
        message = self.refusal(125, "rmi", digest)
        for words in ("hello:1", "other:latest", "force"):
            self.assertIn(words, message)
        self.assertEqual(self.names(), ["hello:1", "other:latest"])
        self.assertEqual(sorted(self.output("rmi", "-f", digest[7:19]).splitlines()),
                         [f"Deleted: {digest}", "Untagged: hello:1", "Untagged: other:latest"])
        self.assertEqual(self.images(), [])

    def test_keeps_content_that_another_image_needs(self):
        self.output("import", HELLO, "a", "--author", "A")
        self.output("import", HELLO, "b", "--author", "B")
        self.output("rmi", "a")
        self.assertEqual(self.output("run", "b"), HELLO_SAYS)
        self.expect_sound()

    def test_continues_after_a_failure(self):
        self.output("import", HELLO, "a")
        self.output("import", ECHO, "b")
        done = run_tairitsu("rmi", "a", "none", "b")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Untagged: a:latest\n", done.stdout)
        self.assertIn("Untagged: b:latest\n", done.stdout)
        self.assertIn("none", done.stderr)
        self.assertEqual(self.images(), [])
        self.assertIn("none", self.refusal(127, "rmi", "none"))
        self.assertNotEqual(run_tairitsu("rmi").returncode, 0)


class SaveAndLoad(ImageCase):
    def test_saves_and_loads_by_file_and_by_pipe(self):
        digest = self.output("import", HELLO, "hello:1", "--annotation", "a=b").strip()
        self.output("tag", "hello:1", "me/hello:2")
        self.output("import", ECHO, "echo")
        before = self.images()
        file = self.directory / "images.tar"
        self.assertEqual(self.output("save", "hello:1", "me/hello:2", "echo", "-o", file), "")
        piped = run_bytes("save", "hello:1", "me/hello:2", "echo")
        self.assertEqual((piped.returncode, piped.stderr), (0, b""))
        packed = self.write("images.tar.gz", gzip.compress(file.read_bytes()))

        def loaded(name, *arguments, stdin=b""):
            env = {"TAIRITSU_HOME": str(self.directory / name)}
            done = run_bytes("load", *arguments, stdin=stdin, env=env)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(sorted(done.stdout.decode().splitlines()), [
                "Loaded image: echo:latest", "Loaded image: hello:1", "Loaded image: me/hello:2"])
            self.assertEqual(self.images(env=env), before)
            self.assertEqual(self.output("run", digest, env=env), HELLO_SAYS)
            self.expect_sound(self.directory / name)
        loaded("one", "-i", file)
        loaded("two", "-i", packed)
        loaded("three", stdin=piped.stdout)
        loaded("four", stdin=packed.read_bytes())
        loaded("five", "--input", file)
        loaded("five", "-i", file)  # Loading again does no harm.

    def test_writes_an_image_layout(self):
        digest = self.output("import", HELLO, "hello:1").strip()
        self.output("save", "hello:1", "-o", self.directory / "hello.tar")
        with tarfile.open(self.directory / "hello.tar") as tar:
            files = {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}
        self.assertEqual(json.loads(files.pop("oci-layout")), {"imageLayoutVersion": "1.0.0"})
        [entry] = json.loads(files.pop("index.json"))["manifests"]
        self.assertEqual(entry["digest"], digest)
        self.assertEqual(entry["annotations"]["org.opencontainers.image.ref.name"], "hello:1")
        for name, content in files.items():
            self.assertEqual(name, "blobs/sha256/" + hashlib.sha256(content).hexdigest())
        self.assertEqual(len(files), 3)

    def test_saves_an_image_by_its_digest_with_its_names(self):
        image = OciImage(HELLO.read_bytes())
        self.output("load", "-i", self.write("unnamed.tar", archive_of(image)))
        file = self.directory / "saved.tar"
        env = {"TAIRITSU_HOME": str(self.directory / "other")}
        self.output("save", image.digest[:17], "-o", file)
        self.assertEqual(self.output("load", "-i", file, env=env), f"Loaded image ID: {image.digest}\n")
        self.assertEqual(self.output("run", image.digest[7:19], env=env), HELLO_SAYS)
        self.output("tag", image.digest, "a:1")
        self.output("tag", image.digest, "b:1")
        self.output("save", image.digest, "-o", file)
        self.assertEqual(self.output("load", "-i", file, env=env), "Loaded image: a:1\nLoaded image: b:1\n")

    def test_loads_archives_of_other_tools(self):
        image = OciImage(HELLO.read_bytes())
        unnamed = self.write("unnamed.tar", archive_of(image))
        self.assertEqual(self.output("load", "-i", unnamed), f"Loaded image ID: {image.digest}\n")
        twice = self.write("twice.tar", archive_of(image, ("a:1", "registry.example/b:2"), "w:gz"))
        self.assertEqual(sorted(self.output("load", "-i", twice).splitlines()),
                         ["Loaded image: a:1", "Loaded image: registry.example/b:2"])
        for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT):
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w", format=form) as tar:
                with tarfile.open(fileobj=io.BytesIO(archive_of(image, ("b:1",)))) as plain:
                    for member in plain:
                        content = plain.extractfile(member).read()
                        member.name = "./" + member.name
                        member.mtime = 1.5 if form == tarfile.PAX_FORMAT else 1
                        tar.addfile(member, io.BytesIO(content))
            self.assertIn("Loaded image: b:1\n", self.output("load", "-i", self.write("form.tar", packed.getvalue())))
        self.expect_sound()

    def test_load_prints_only_the_names_in_the_archive(self):
        image = OciImage(HELLO.read_bytes())
        for name in ("a:1", "b:1"):
            file = self.write("image.tar", archive_of(image, (name,)))
            self.assertEqual(self.output("load", "-i", file), f"Loaded image: {name}\n")

    def test_ignores_names_with_a_wrong_digest(self):
        image = OciImage(HELLO.read_bytes())
        for name in ("registry.example/a@sha256:" + "1" * 64, "a@sha256:" + "1" * 64, "1" * 64):
            run_tairitsu("load", "-i", self.write("image.tar", archive_of(image, (name,))))
            for pull in ("never", "missing") if "/" not in name else ("never",):
                self.refusal(127, "run", "--pull", pull, name)

    @unittest.skipUnless(shutil.which("skopeo"), "skopeo is not installed")
    def test_exchanges_archives_with_skopeo(self):
        digest = self.output("import", HELLO, "hello:1").strip()
        ours = self.directory / "ours.tar"
        self.output("save", "hello:1", "-o", ours)

        def skopeo(*arguments):
            subprocess.run(["skopeo", "--insecure-policy", *map(str, arguments)], check=True, capture_output=True,
                           timeout=60)
        skopeo("copy", f"oci-archive:{ours}", f"oci-archive:{self.directory / 'theirs.tar'}:theirs:3")
        env = {"TAIRITSU_HOME": str(self.directory / "other")}
        self.assertEqual(self.output("load", "-i", self.directory / "theirs.tar", env=env), "Loaded image: theirs:3\n")
        self.assertEqual({image["digest"] for image in self.images(env=env)}, {digest})
        self.assertEqual(self.output("run", "theirs:3", env=env), HELLO_SAYS)

    def test_save_rejects_a_missing_image_and_a_terminal(self):
        self.assertIn("none", self.refusal(127, "save", "none", "-o", self.directory / "none.tar"))
        self.assertFalse((self.directory / "none.tar").exists())
        self.output("import", HELLO, "hello")
        self.assertIn("none", self.refusal(127, "save", "hello", "none", "-o", self.directory / "none.tar"))
        self.assertFalse((self.directory / "none.tar").exists())
        self.refusal(125, "save", "hello", "-o", self.directory / "no" / "a.tar")
        code, printed = run_on_terminal("save", "hello")
        self.assertEqual(code, 125)
        self.assertIn("-o", printed)
        self.assertLess(len(printed), 1000)
        with open("/dev/full", "wb") as full:
            done = subprocess.run([TAIRITSU, "save", "hello"], stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"No space left", done.stderr)

    def test_does_not_print_content_of_an_invalid_archive(self):
        file = self.write("text.tar", b"a\x1b[31m\nb\x07" * 500)
        done = run_tairitsu("load", "-i", file)
        self.assertEqual(done.returncode, 126)
        self.assertRegex(done.stderr, r"\Atairitsu: [^\x00-\x1f\x7f]+\n\Z")

    def test_saves_to_a_pipe_and_a_device(self):
        self.output("import", HELLO, "hello")
        whole = run_bytes("save", "hello").stdout
        pipe = self.directory / "pipe"
        os.mkfifo(pipe)
        with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
            try:
                self.output("save", "hello", "-o", pipe)
                self.assertTrue(stat.S_ISFIFO(pipe.stat().st_mode))
                self.assertEqual(reader.communicate(timeout=20)[0], whole)
            finally:
                reader.kill()

        device = self.directory / "null"
        try:
            os.mknod(device, stat.S_IFCHR | 0o600, os.makedev(1, 3))
        except PermissionError:
            return
        self.output("save", "hello", "-o", device)
        self.assertTrue(stat.S_ISCHR(device.stat().st_mode))

    def test_rejects_invalid_archives_and_adds_nothing(self):
        image = OciImage(HELLO.read_bytes())
        good = archive_of(image, ("a:1",))
        linked = tarfile.TarInfo("index.json")
        linked.type = tarfile.SYMTYPE
        linked.linkname = "/etc/passwd"
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.addfile(linked)
        index = {"schemaVersion": 2, "manifests": [descriptor(MANIFEST, image.manifest)]}
        outside = self.directory / "outside"
        for name, content in {
            "empty": b"",
            "text": b"hello, this is not an archive " * 100,
            "component": HELLO.read_bytes(),
            "no-layout": tar_of({"manifest.json": b"[]"}),
            "cut": good[:len(good) // 2],
            "cut-gzip": gzip.compress(good)[:-5000],
            "damaged-gzip": gzip.compress(good, 0)[:30000] + bytes(200) + gzip.compress(good, 0)[30200:],
            "other-content": archive_of(image, ("a:1",), damage=digest_of(image.component)),
            "other-manifest": archive_of(image, ("a:1",), damage=image.digest),
            "bad-index": tar_of({"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": b"{{{"}),
            "missing-blobs": tar_of({"oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
                                     "index.json": json.dumps(index).encode()}),
            "link": packed.getvalue(),
            "path": tar_of({"../../outside": b"x", str(outside): b"x"}),
        }.items():
            with self.subTest(name):
                file = self.write(name + ".tar", content)
                done = run_tairitsu("load", "-i", file)
                self.assertIn(done.returncode, (125, 126, 127), done.stderr)
                self.assertEqual(done.stdout, "")
                self.assertRegex(done.stderr, r"\Atairitsu: (?:[^\x00-\x1f\x7f]+\n){1,4}\Z")
                self.assertEqual(self.images(), [])
                self.assertEqual(problems_of_store(self.home), [])
                self.assertFalse(outside.exists())
        self.assertIn("none.tar", self.refusal(127, "load", "-i", self.directory / "none.tar"))
        self.output("load", "-i", self.write("good.tar", good))
        self.assertEqual(self.output("run", "a:1"), HELLO_SAYS)


class System(ImageCase):
    def test_df_shows_the_disk_space(self):
        self.output("import", HELLO, "hello")
        self.output("run", "hello")
        text = self.output("system", "df")
        self.assertRegex(text.lower(), "images")
        self.assertRegex(text.lower(), "reclaimable")
        printed = json.loads(self.output("system", "df", "--format", "json"))
        self.assertEqual((printed["images"]["count"], printed["artifacts"]["count"]), (1, 1))
        self.assertEqual(printed["images"]["bytes"], sum(blob.stat().st_size for blob in self.blobs()))
        self.assertEqual(printed["images"]["reclaimable_bytes"], 0)
        self.output("import", ECHO, "hello")
        self.assertGreater(json.loads(self.output("system", "df", "--format", "json"))["images"]["reclaimable_bytes"],
                           HELLO.stat().st_size)

    def test_prune_removes_what_has_no_name(self):
        self.output("import", HELLO, "hello")
        self.output("import", ECHO, "hello")  # The first image has no name any more.
        unnamed = OciImage(SHOP.read_bytes())
        self.output("load", "-i", self.write("unnamed.tar", archive_of(unnamed)))
        self.assertEqual((len(self.images()), len(self.blobs())), (2, 9))
        some = r"Total reclaimed space: [1-9][\d.]* [KM]iB\n$"
        printed = self.output("system", "prune", "--force")
        self.assertRegex(printed, some)
        self.assertIn(f"Deleted: {unnamed.digest}\n", printed)
        self.assertEqual(self.names(), ["hello:latest"])
        self.assertEqual((len(self.images()), len(self.blobs())), (1, 3))
        self.assertEqual(self.output("system", "prune", "-f"), "Total reclaimed space: 0 B\n")
        # Compiled code is removed with its image, or with --all.
        self.output("call", "hello")
        self.assertEqual(len(list((self.home / "artifacts").iterdir())), 1)
        self.output("system", "prune", "-f")
        self.assertEqual(len(list((self.home / "artifacts").iterdir())), 1)
        self.assertRegex(self.output("system", "prune", "--all", "-f"), some)
        self.assertEqual(list((self.home / "artifacts").iterdir()), [])
        self.output("call", "hello")
        self.output("rmi", "hello")
        self.assertEqual(list((self.home / "artifacts").iterdir()), [])
        self.expect_sound()

    def test_prune_asks_for_confirmation(self):
        self.output("import", HELLO, "hello")
        self.output("import", ECHO, "hello")
        message = self.refusal(125, "system", "prune")
        self.assertRegex(message, r"--force|-f\b")
        run_on_terminal("system", "prune", typed=["n"])
        self.assertEqual(len(self.blobs()), 6)
        code, printed = run_on_terminal("system", "prune", typed=["y"])
        self.assertEqual(code, 0, printed)
        self.assertIn("Total reclaimed space: ", printed)
        self.assertEqual(len(self.blobs()), 3)


class ByName(ImageCase):
    """Commands that take a file also take an image's name, its digest or the first digits of the digest."""

    def setUp(self):
        super().setUp()
        self.digest = self.output("import", HELLO, "me/hello:1").strip()

    def references(self):
        return ("me/hello:1", self.digest, self.digest[7:], self.digest[7:19], self.digest[7:11],
                "me/hello:1@" + self.digest)

    def test_runs(self):
        for reference in self.references():
            self.assertEqual(self.output("run", reference), HELLO_SAYS, reference)
        self.output("import", GUESTS / "wasi_tool.wasm", "tool")
        self.assertEqual(self.output("run", "tool", "arguments", "-e", "a").splitlines()[1:], ["arguments", "-e", "a"])

    def test_calls(self):
        self.output("import", ECHO, "echo")
        self.assertEqual(self.output("call", "echo:latest", 'flat-string("tea")'), '"tea"\n')
        self.assertEqual(self.output("run", "--invoke", 'flat-string("tea")', "echo"), '"tea"\n')

    def test_inspects_and_compiles(self):
        self.assertEqual(self.output("wit", "me/hello:1"), self.output("wit", HELLO))
        by_file = json.loads(self.output("inspect", HELLO, "--format", "json"))
        for reference in self.references():
            by_name = json.loads(self.output("inspect", reference, "--format", "json"))
            for key in ("kind", "size", "exports", "imports", "parts", "digest"):
                self.assertEqual(by_name[key], by_file[key], (reference, key))
            self.assertEqual((by_name["image"]["digest"], by_name["image"]["names"]), (self.digest, ["me/hello:1"]))
        self.assertRegex(self.output("inspect", "me/hello:1"), f" {self.digest}\n")
        self.output("compile", "me/hello:1", "-o", self.directory / "hello.cwasm")
        self.assertEqual(self.output("run", "--allow-precompiled", self.directory / "hello.cwasm"), HELLO_SAYS)

    def test_serves(self):
        self.output("import", GUESTS / "http_hello.wasm", "web")
        process = subprocess.Popen([TAIRITSU, "serve", "--addr", "127.0.0.1:0", "web"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        with process:
            try:
                address = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())[0]
                with urllib.request.urlopen(address, timeout=20) as response:
                    self.assertIn(b"Hello", response.read())
                # Removing the image does not affect the server.
                self.output("rmi", "web")
                with urllib.request.urlopen(address, timeout=20) as response:
                    self.assertIn(b"Hello", response.read())
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(20), 0)
            finally:
                process.kill()

    def test_a_file_takes_precedence_over_an_image(self):
        self.output("import", HELLO, "thing")
        (self.directory / "thing").write_bytes((GUESTS / "wasi_tool.wasm").read_bytes())
        self.assertEqual(self.output("run", "thing", "arguments", cwd=self.directory), "thing\narguments\n")
        self.assertEqual(self.output("run", "thing:latest", cwd=self.directory), HELLO_SAYS)

    def test_suggests_what_to_do_if_an_image_is_not_found(self):
        for verb, *more in (["run"], ["call"], ["serve"], ["inspect"], ["compile", "-o", self.directory / "a"]):
            message = self.refusal(127, verb, *more, "me/hello:2")
            self.assertIn("image 'me/hello:2' not found", message)
        self.assertRegex(self.refusal(127, "run", "me/hello:2"), "me/hello:1|tairitsu import")
        self.assertRegex(self.refusal(127, "run", "nothing-like-it"), "tairitsu import")
        # A name without a registry is never pulled.
        for pull in ("missing", "never"):
            self.refusal(127, "run", "--pull", pull, "me/hello:2")
        self.assertNotEqual(run_tairitsu("run", "--pull", "always", "me/hello:2").returncode, 0)
        self.refusal(127, "run", "--pull", "never", "registry.example/me/hello")
        self.refusal(127, "run", self.digest[7:10])
        self.refusal(127, "run", "sha256:" + "0" * 64)

    def test_lists_the_valid_values_of_pull(self):
        message = self.refusal(125, "run", "--pull", "sometimes", "me/hello:1")
        for known in ("missing", "always", "never"):
            self.assertIn(known, message)

    def test_wit_reports_a_missing_image(self):
        self.assertIn("image 'me/hello:2' not found", self.refusal(127, "wit", "me/hello:2"))

    def test_inspect_describes_the_image(self):
        self.output("import", HELLO, "described", "--author", "Me")
        text = self.output("inspect", "described")
        self.assertRegex(text, r"(?m)^  org\.opencontainers\.image\.created: \d{4}-")
        self.assertRegex(text, r"(?m)^Author +Me$")

    def test_compiles_once(self):
        for _ in range(3):
            self.output("run", "me/hello:1")
        self.output("run", HELLO)
        self.assertEqual(len(list((self.home / "artifacts").iterdir())), 1)


class Damage(ImageCase):
    def test_is_detected_and_repaired_by_importing_again(self):
        def import_hello():
            return self.output("import", HELLO, "hello", "--created", "2024-01-01T00:00:00Z").strip()
        digest = import_hello()
        component = digest_of(HELLO.read_bytes())
        for damaged in (component, digest):
            for content in (b"", HELLO.read_bytes()[:-1] + b"x", b"{}"):
                blob = self.home / "images" / "blobs" / damaged.replace(":", "/")
                blob.chmod(0o600)
                blob.write_bytes(content)
                message = self.refusal(126, "run", "--no-cache", "hello")
                self.assertIn(damaged[:17], message)
                # The first attempt did not make it usable.
                self.assertNotEqual(run_tairitsu("run", "--no-cache", "hello").returncode, 0)
                if damaged == digest:
                    [image] = self.images()
                    self.assertTrue(image["problem"])
                self.assertEqual(import_hello(), digest)
                self.assertEqual(self.output("run", "--no-cache", "hello"), HELLO_SAYS)
                self.expect_sound()

    def test_of_the_index_is_reported(self):
        self.output("import", HELLO, "hello")
        index = self.home / "images" / "index.json"
        index.write_text('{"schemaVersion":2,"manifests":[{"a":')
        for command in (["images"], ["run", "hello"], ["tag", "hello", "b"], ["rmi", "hello"],
                        ["import", HELLO, "c"], ["system", "prune", "-f"]):
            done = run_tairitsu(*command)
            self.assertEqual((done.returncode in (125, 126), done.stdout), (True, ""), (command, done.stderr))
            self.assertIn("index.json", done.stderr)
        self.assertEqual(self.output("run", HELLO), HELLO_SAYS)


class Disk(ImageCase):
    def leftovers(self):
        directory = self.home / "images" / ".tairitsu" / "tmp"
        return list(directory.iterdir()) if directory.exists() else []

    def test_that_is_full_is_reported_and_changes_nothing(self):
        self.home = self.small_disk("360k")
        os.environ["TAIRITSU_HOME"] = str(self.home)
        self.output("import", HELLO, "hello")
        before = self.images()
        message = self.refusal(125, "import", SHOP, "shop")
        self.assertIn("No space left", message)
        big = self.write("big.tar", archive_of(OciImage(SHOP.read_bytes()), ("a:1",)))
        self.assertIn("No space left", self.refusal(125, "load", "-i", big))
        self.assertEqual(self.images(), before)
        self.assertEqual(self.leftovers(), [])
        self.expect_sound()
        # If the compiled code does not fit, the program runs anyway.
        self.assertEqual(self.output("run", "hello"), HELLO_SAYS)

        # Without space even for names, images can still be run.
        filler = self.home / "filler"
        with open(filler, "wb") as file:
            try:
                while True:
                    os.write(file.fileno(), bytes(4096))
            except OSError:
                pass
        self.refusal(125, "import", ECHO, "echo")
        self.assertEqual(self.output("run", "hello"), HELLO_SAYS)
        self.expect_sound()
        filler.unlink()
        self.output("import", ECHO, "echo")
        self.output("rmi", "hello", "echo")
        self.assertEqual(self.images(), [])
        shutil.rmtree(self.home / "artifacts", ignore_errors=True)
        self.output("import", HELLO, "hello")
        self.assertEqual(self.output("run", "hello"), HELLO_SAYS)
        self.expect_sound()

    def test_that_is_read_only_still_runs(self):
        self.home = self.small_disk("4m")
        os.environ["TAIRITSU_HOME"] = str(self.home)
        self.output("import", HELLO, "hello")
        subprocess.run(["mount", "-o", "remount,ro", self.home], check=True)
        self.assertEqual(self.names(), ["hello:latest"])
        self.assertEqual(self.output("run", "hello"), HELLO_SAYS)
        self.output("save", "hello", "-o", self.directory / "hello.tar")
        for command in (["import", ECHO, "echo"], ["tag", "hello", "b"], ["rmi", "hello"],
                        ["load", "-i", self.directory / "hello.tar"]):
            self.assertIn("Read-only file system", self.refusal(125, *command))
        subprocess.run(["mount", "-o", "remount,rw", self.home], check=True)
        self.output("tag", "hello", "b")
        self.expect_sound()


class AtOnce(ImageCase):
    def test_twenty_processes_leave_a_sound_store(self):
        component = HELLO.read_bytes()
        files = [self.write(f"hello{i}.wasm", numbered(component, i)) for i in range(5)]

        def work(number):
            file = files[number % len(files)]
            unexpected = []
            for step in range(3):
                own = f"own{number}:{step}"
                for command, may_be_gone in (
                    (["import", file, own], False),
                    (["import", file, "shared"], False),
                    (["tag", own, f"own{number}:tagged"], False),
                    (["tag", "shared", "other"], True),
                    (["run", own], False),
                    (["system", "prune", "-f"], False),
                    (["rmi", "shared"], True),
                    (["rmi", own], False),
                    (["images", "--format", "json"], False),
                ):
                    done = run_tairitsu(*command)
                    if done.returncode != 0 and not (may_be_gone and done.returncode == 127):
                        unexpected.append((command, done.returncode, done.stderr))
            return unexpected
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            for unexpected in pool.map(work, range(20)):
                self.assertEqual(unexpected, [])
        self.expect_sound()
        names = self.names()
        self.assertLessEqual({f"own{number}:tagged" for number in range(20)}, set(names))
        for name in names:
            self.assertEqual(self.output("run", name), HELLO_SAYS, name)
        self.output("rmi", *names)
        self.output("system", "prune", "-af")
        self.assertEqual(self.blobs(), [])


class Help(CliCase):
    def test_has_an_example_for_each_command(self):
        listed = run_tairitsu("--help").stdout
        for command in ("import", "images", "tag", "rmi", "save", "load", "pull", "push", "login", "logout"):
            done = run_tairitsu(command, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn(f"tairitsu {command}", done.stdout)
            self.assertIn(f"  {command} ", listed)
        for command in ("df", "prune"):
            self.assertEqual(run_tairitsu("system", command, "--help").returncode, 0)
        self.assertNotEqual(run_tairitsu("system").returncode, 0)


if __name__ == "__main__":
    main()

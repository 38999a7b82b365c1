#!/usr/bin/env python3
"""Tests of pull, push, login and logout, with Debian's docker-registry and with registries that misbehave.

usage: registries_cli_test.py TAIRITSU GUESTS [unittest arguments]
"""

import base64
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import socket
import stat
import subprocess
import tempfile
import time
import unittest

from cli_case import GUESTS, TAIRITSU, ImageCase, main, problems_of_store, run_on_terminal, run_tairitsu
from faulty_registry import MANIFEST, FaultyRegistry, OciImage, descriptor, digest_of, numbered

HELLO = GUESTS / "hello.wasm"
SHOP = GUESTS / "bindgen_shop.wasm"
MODULE = GUESTS / "hello.dir" / "core.wasm"
HELLO_SAYS = "Hello, world!\n"
# The user's password is p:ass.
PASSWORDS = "user:$2y$04$J7rjE.UY7KZ5kGr05.Vg.O5iP9Flp4JlW554TuM1EdgnLN.8j0cEi\n"
INDEX = "application/vnd.oci.image.index.v1+json"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class DockerRegistry:
    """Runs docker-registry in a directory, until it is closed."""

    def __init__(self, directory, password=False, tls=False):
        directory.mkdir(exist_ok=True)
        self.port = free_port()
        config = {"version": "0.1", "log": {"level": "error"},
                  "storage": {"filesystem": {"rootdirectory": str(directory / "data")}},
                  "http": {"addr": f"127.0.0.1:{self.port}", "secret": "test"}}
        if tls:
            config["http"]["tls"] = {"certificate": str(directory / "server.pem"), "key": str(directory / "server.key")}
        if password:
            (directory / "passwords").write_text(PASSWORDS)
            config["auth"] = {"htpasswd": {"realm": "test", "path": str(directory / "passwords")}}
        (directory / "config.yml").write_text(json.dumps(config))
        self.log = open(directory / "log", "wb")
        self.process = subprocess.Popen(["docker-registry", "serve", directory / "config.yml"], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        for _ in range(1000):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.close()
        raise AssertionError(f"docker-registry does not listen: {(directory / 'log').read_text()}")

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def put(self, repository, reference, image, media_type=MANIFEST):
        """Pushes an image without tairitsu."""
        for blob in (image.component, image.config):
            self.put_blob(repository, blob)
        self.put_manifest(repository, reference, image.manifest, media_type)

    def put_blob(self, repository, blob):
        location = self.request("POST", f"/v2/{repository}/blobs/uploads/", 202)
        path = location.split(self.host, 1)[-1]
        self.request("PUT", f"{path}{'&' if '?' in path else '?'}digest={digest_of(blob)}", 201, blob,
                     "application/octet-stream")

    def put_manifest(self, repository, reference, manifest, media_type=MANIFEST):
        self.request("PUT", f"/v2/{repository}/manifests/{reference}", 201, manifest, media_type)

    def request(self, method, path, status, body=None, media_type=None):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, body, {"Content-Type": media_type} if media_type else {})
            response = connection.getresponse()
            text = response.read()
            assert response.status == status, (method, path, response.status, text)
            return response.headers.get("Location")


def make_certificates(directory):
    """Creates an authority, and a server's certificate that it signed."""
    (directory / "extensions").write_text(
        "subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n")
    for command in (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 "
        "-subj /CN=Authority",
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj /CN=localhost",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out server.pem",
    ):
        subprocess.run(["openssl", *command.split()], cwd=directory, check=True, capture_output=True, timeout=60)


class RegistryCase(ImageCase):
    def another_store(self, name="other"):
        """Returns the environment for another store, as on another machine."""
        return {"TAIRITSU_HOME": str(self.directory / name)}

    def plain(self, text):
        """Checks that the text is lines for a log, without control characters."""
        self.assertRegex(text, r"\A(?:[^\x00-\x1f\x7f]+\n)*\Z")
        return text

    def pull(self, name, *options, env=None):
        done = run_tairitsu("pull", name, *options, env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, name + "\n")
        return self.plain(done.stderr)


@unittest.skipUnless(shutil.which("docker-registry"), "docker-registry is not installed")
class OpenRegistry(RegistryCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.registry = DockerRegistry(pathlib.Path(directory.name))
        cls.addClassCleanup(cls.registry.close)

    def test_a_pushed_image_can_be_pulled(self):
        name = f"{self.registry.host}/me/hello:1"
        digest = self.output("import", HELLO, name).strip()
        for _ in range(2):
            done = run_tairitsu("push", name)
            self.assertEqual((done.returncode, done.stdout), (0, digest + "\n"), done.stderr)
            self.assertNotEqual(self.plain(done.stderr), "")

        env = self.another_store()
        printed = self.pull(name, env=env)
        self.assertIn(f"Digest: {digest}\n", printed)
        self.assertIn(f"Status: Downloaded {name}\n", printed)
        self.assertIn(f"Status: {name} is up to date\n", self.pull(name, env=env))
        self.assertEqual(self.output("run", name, env=env), HELLO_SAYS)
        self.assertEqual(self.images(env=env), self.images())
        self.expect_sound(self.directory / "other")

        by_digest = f"{self.registry.host}/me/hello@{digest}"
        self.pull(by_digest, env=self.another_store("third"))
        self.assertEqual(self.output("run", "--pull", "never", by_digest, env=self.another_store("third")), HELLO_SAYS)

    def test_shows_progress_on_a_terminal(self):
        name = f"{self.registry.host}/shown/hello:1"
        self.registry.put("shown/hello", "1", OciImage(HELLO.read_bytes()))
        code, printed = run_on_terminal("pull", name)
        self.assertEqual(code, 0, printed)
        self.assertIn(f"Status: Downloaded {name}\n{name}\n", printed)
        code, printed = run_on_terminal("run", name)
        self.assertEqual(code, 0, printed)
        # The progress bar is erased before the guest prints.
        self.assertRegex(printed, r"(?:\A|\r\x1b\[K)Hello, world!\n\Z")

    def test_quiet_hides_progress(self):
        name = f"{self.registry.host}/quiet/hello:1"
        digest = self.output("import", HELLO, name).strip()
        self.expect(run_tairitsu("push", "-q", name), 0, digest + "\n")
        self.expect(run_tairitsu("pull", "--quiet", name, env=self.another_store()), 0, name + "\n")

    def test_run_pulls_the_image(self):
        name = f"{self.registry.host}/run/hello"
        self.registry.put("run/hello", "latest", OciImage(HELLO.read_bytes()))
        message = self.refusal(127, "run", "--pull", "never", name)
        self.assertIn("pull", message)
        done = run_tairitsu("run", name)
        self.assertEqual((done.returncode, done.stdout), (0, HELLO_SAYS), done.stderr)
        self.assertEqual(self.names(), [name + ":latest"])
        self.expect(run_tairitsu("run", name), 0, HELLO_SAYS)

        # A newer image with that name is pulled only with --pull always.
        newer = OciImage(numbered(HELLO.read_bytes(), 7))
        self.registry.put("run/hello", "latest", newer)
        self.output("run", name)
        self.assertNotIn(newer.digest, [image["digest"] for image in self.images()])
        self.assertEqual(self.output("run", "--pull", "always", name), HELLO_SAYS)
        self.assertEqual([image["names"] for image in self.images() if image["digest"] == newer.digest],
                         [[name + ":latest"]])
        self.assertEqual(self.output("run", "--pull=always", name), HELLO_SAYS)

    def test_other_commands_pull_the_image(self):
        name = f"{self.registry.host}/me/shop:1"
        self.output("import", SHOP, name)
        self.output("push", name)
        compiled = self.directory / "shop.cwasm"
        for number, (expected, *command) in enumerate((
            ("find: func(query: query) -> list<item>\n", "call", name),
            (self.output("wit", SHOP), "wit", name),
            ("interface example:shop/catalogue@1.2.0", "inspect", name),
            ("", "compile", "--pull", "always", name, "-o", compiled),
        )):
            self.assertIn(expected, self.output(*command, env=self.another_store(f"other{number}")))
        self.assertGreater(compiled.stat().st_size, 1000)

    def test_succeeds_if_stderr_cannot_be_written(self):
        name = f"{self.registry.host}/me/unread:1"
        self.output("import", HELLO, name)
        with open("/dev/full", "w", encoding="utf-8") as full:
            for command in ("push", "pull"):
                done = subprocess.run([TAIRITSU, command, name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=full, timeout=60, check=False)
                self.assertEqual(done.returncode, 0, command)

    def test_reports_images_that_do_not_exist(self):
        name = f"{self.registry.host}/me/nothing:1"
        for command in ("pull", "run"):
            self.assertIn(name, self.refusal(127, command, name))
        self.assertIn("none:1", self.refusal(127, "push", f"{self.registry.host}/me/none:1"))
        self.assertEqual(self.images(), [])
        self.output("import", HELLO, "local:1")
        for command in ("pull", "push"):
            message = self.refusal(125, command, "local:1")
            self.assertIn("registry", message)
        self.refusal(125, "pull", f"{self.registry.host}/Upper:1")

    @unittest.skipUnless(shutil.which("skopeo"), "skopeo is not installed")
    def test_exchanges_with_skopeo(self):
        def skopeo(*arguments):
            done = subprocess.run(["skopeo", "--insecure-policy", *map(str, arguments)], capture_output=True, text=True,
                                  timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
        name = f"{self.registry.host}/skopeo/hello:1"
        digest = self.output("import", HELLO, name).strip()
        self.output("push", name)
        for number, layout in enumerate((f"dir:{self.directory / 'as-dir'}", f"oci:{self.directory / 'as-oci'}:hello")):
            skopeo("copy", "--src-tls-verify=false", f"docker://{name}", layout)
            again = f"{self.registry.host}/skopeo/again:{number}"
            skopeo("copy", "--dest-tls-verify=false", layout, f"docker://{again}")
            env = self.another_store(f"other{number}")
            self.assertIn(f"Digest: {digest}\n", self.pull(again, env=env))
            self.assertEqual(self.output("run", again, env=env), HELLO_SAYS)
        # Directly from the store to the registry.
        skopeo("copy", "--dest-tls-verify=false", f"oci:{self.home / 'images'}:{name}",
               f"docker://{self.registry.host}/skopeo/store:1")
        self.pull(f"{self.registry.host}/skopeo/store:1")
        self.expect_sound()

    def test_pulls_images_that_other_tools_pushed(self):
        component = HELLO.read_bytes()
        linux = {"architecture": "wasm", "os": "wasi", "rootfs": {"type": "layers", "diff_ids": []}}
        forms = [
            OciImage(component),
            OciImage(component, config={"architecture": "wasm", "os": "wasip2"}, annotations={"a": "b"}),
            OciImage(component, "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
                     "application/vnd.bytecodealliance.component.config.v0+json", {}),
            OciImage(component, "application/vnd.wasm.content.layer.v1+wasm", "application/vnd.wasm.config.v1+json",
                     {}),
            OciImage(MODULE.read_bytes(), "application/vnd.module.wasm.content.layer.v1+wasm",
                     "application/vnd.oci.image.config.v1+json", linux),
        ]
        for number, image in enumerate(forms):
            with self.subTest(number):
                self.registry.put("others/hello", f"v{number}", image)
                name = f"{self.registry.host}/others/hello:v{number}"
                self.assertIn(f"Digest: {image.digest}\n", self.pull(name))
                self.assertEqual(self.output("run", name), HELLO_SAYS)
        self.assertEqual(len(self.images()), len(forms))
        self.expect_sound()

    def test_pulls_from_an_index_of_platforms(self):
        wasm = OciImage(HELLO.read_bytes())
        self.registry.put("index/hello", "wasm", wasm)
        other = OciImage(b"layer", "application/vnd.oci.image.layer.v1.tar+gzip",
                         "application/vnd.oci.image.config.v1+json", {"architecture": "amd64", "os": "linux"})
        self.registry.put("index/hello", "linux", other)
        entries = [descriptor(MANIFEST, other.manifest, platform={"architecture": "amd64", "os": "linux"}),
                   descriptor(MANIFEST, wasm.manifest, platform={"architecture": "wasm", "os": "wasip2"})]
        for tag, manifests in (("both", entries), ("other", entries[:1])):
            index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).encode()
            self.registry.put_manifest("index/hello", tag, index, INDEX)
        name = f"{self.registry.host}/index/hello:both"
        self.pull(name)
        self.assertEqual(self.output("run", name), HELLO_SAYS)
        done = run_tairitsu("pull", f"{self.registry.host}/index/hello:other")
        self.assertIn(done.returncode, (125, 126, 127))
        self.assertIn("linux/amd64", done.stderr)
        self.assertEqual(self.names(), [name])

    def test_rejects_oci_container_images(self):
        layer = bytes.fromhex("1f8b") + b"no program"
        oci = OciImage(layer, "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.config.v1+json",
                       {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}})
        self.registry.put("linux/oci", "1", oci)
        self.check_rejected("linux/oci")

    def test_rejects_docker_container_images(self):
        layer = bytes.fromhex("1f8b") + b"no program"
        docker_type = "application/vnd.docker.distribution.manifest.v2+json"
        docker = OciImage(layer, "application/vnd.docker.image.rootfs.diff.tar.gzip",
                          "application/vnd.docker.container.image.v1+json", {"architecture": "amd64", "os": "linux"})
        docker.manifest = docker.manifest.replace(MANIFEST.encode(), docker_type.encode())
        self.registry.put("linux/docker", "1", docker, docker_type)
        self.check_rejected("linux/docker")

    def check_rejected(self, repository):
        for command in ("pull", "run"):
            message = self.refusal(126, command, f"{self.registry.host}/{repository}:1")
            self.assertRegex(message.lower(), "webassembly")
            self.assertIn(repository, message)
        self.assertEqual(self.images(), [])
        self.expect_sound()

    def test_a_full_disk_leaves_no_partial_image(self):
        name = f"{self.registry.host}/full/shop:1"
        self.registry.put("full/shop", "1", OciImage(SHOP.read_bytes()))
        self.registry.put("full/hello", "1", OciImage(HELLO.read_bytes()))
        disk = self.small_disk("300k")
        env = {"TAIRITSU_HOME": str(disk)}
        done = run_tairitsu("pull", name, env=env)
        self.assertEqual((done.returncode, done.stdout), (125, ""))
        self.assertIn("No space left", done.stderr)
        self.assertEqual(self.images(env=env), [])
        self.assertEqual(list((disk / "images" / ".tairitsu" / "tmp").glob("*")), [])
        self.pull(f"{self.registry.host}/full/hello:1", env=env)
        self.assertEqual(self.output("run", f"{self.registry.host}/full/hello:1", env=env), HELLO_SAYS)
        self.expect_sound(disk)

    def test_twenty_processes_can_pull_and_prune(self):
        for number in range(4):
            self.registry.put("many/hello", str(number), OciImage(numbered(HELLO.read_bytes(), number)))

        def work(number):
            name = f"{self.registry.host}/many/hello:{number % 4}"
            unexpected = []
            for step in range(3):
                for command in (["pull", "-q", name], ["system", "prune", "-f"], ["rmi", name], ["pull", "-q", name],
                                ["system", "prune", "-af"]):
                    done = run_tairitsu(*command)
                    if done.returncode != 0 and not (command[0] == "rmi" and done.returncode == 127):
                        unexpected.append((step, command, done.returncode, done.stderr))
            return unexpected
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            for unexpected in pool.map(work, range(20)):
                self.assertEqual(unexpected, [])
        self.expect_sound()
        for number in range(4):
            self.assertEqual(run_tairitsu("run", f"{self.registry.host}/many/hello:{number}").stdout, HELLO_SAYS)


@unittest.skipUnless(shutil.which("docker-registry"), "docker-registry is not installed")
class GuardedRegistry(RegistryCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.registry = DockerRegistry(pathlib.Path(directory.name), password=True)
        cls.addClassCleanup(cls.registry.close)

    def login(self):
        """Returns the stored login, or None."""
        file = self.directory / "docker" / "config.json"
        return json.loads(file.read_text()).get("auths", {}).get(self.registry.host) if file.exists() else None

    def test_requires_a_login(self):
        name = f"{self.registry.host}/me/hello:1"
        self.output("import", HELLO, name)
        for command in ("push", "pull"):
            message = self.refusal(125, command, name)
            self.assertIn("log in", message)
            self.assertIn(self.registry.host, message)
        done = run_tairitsu("login", self.registry.host, "-u", "user", "--password-stdin", stdin="p:ass\n")
        self.assertEqual((done.returncode, done.stdout), (0, "Login Succeeded\n"), done.stderr)
        self.assertEqual(base64.b64decode(self.login()["auth"]), b"user:p:ass")
        self.assertEqual(stat.S_IMODE((self.directory / "docker" / "config.json").stat().st_mode), 0o600)
        self.output("push", name)
        env = self.another_store()
        self.pull(name, env=env)
        self.assertEqual(self.output("run", name, env=env), HELLO_SAYS)

        self.output("logout", self.registry.host)
        self.assertIsNone(self.login())
        self.assertIn("log in", self.refusal(125, "pull", name, env=self.another_store("third")))
        # Logging out twice does no harm.
        self.assertIn(run_tairitsu("logout", self.registry.host).returncode, (0, 125))

    def test_does_not_store_a_wrong_password(self):
        for arguments, typed in ((("-u", "user", "--password-stdin"), "wrong"), (("-u", "user", "-p", "wrong"), ""),
                                 (("-u", "guest", "--password-stdin"), "p:ass")):
            message = self.refusal(125, "login", self.registry.host, *arguments, stdin=typed)
            self.assertIn(self.registry.host, message)
            self.assertNotIn("wrong\n", message.replace("wrong password", ""))
            self.assertIsNone(self.login())
        # A failed login does not remove an earlier one.
        self.output("login", self.registry.host, "-u", "user", "-p", "p:ass")
        self.refusal(125, "login", self.registry.host, "-u", "user", "--password-stdin", stdin="wrong")
        self.assertEqual(base64.b64decode(self.login()["auth"]), b"user:p:ass")

    def test_rejects_incomplete_logins(self):
        self.refusal(125, "login", self.registry.host, "--password-stdin", stdin="p:ass")
        self.refusal(125, "login", self.registry.host, "-u", "user")
        self.refusal(125, "login", self.registry.host, "-u", "user", "--password-stdin", "-p", "p:ass", stdin="p:ass")
        self.refusal(125, "login", self.registry.host, "-u", "user", "--password-stdin", stdin="")
        self.refusal(125, "login", "no registry", "-u", "user", "-p", "p:ass")

    def test_prompts_on_a_terminal(self):
        code, printed = run_on_terminal("login", self.registry.host, typed=["user", "p:ass"])
        self.assertEqual(code, 0, printed)
        self.assertIn("Username:", printed)
        self.assertIn("Login Succeeded\n", printed)
        self.assertNotIn("p:ass", printed)
        self.assertEqual(base64.b64decode(self.login()["auth"]), b"user:p:ass")

    def test_keeps_the_rest_of_the_configuration(self):
        (self.directory / "docker").mkdir()
        self.write("docker/config.json", '{"auths":{"example.com":{"auth":"YTpi"}},"psFormat":"table"}')
        self.output("login", self.registry.host, "-u", "user", "--password-stdin", stdin="p:ass")
        self.output("logout", self.registry.host)
        config = json.loads((self.directory / "docker" / "config.json").read_text())
        self.assertEqual((config["auths"], config["psFormat"]), ({"example.com": {"auth": "YTpi"}}, "table"))

    def test_stores_passwords_with_a_credential_helper(self):
        (self.directory / "bin").mkdir()
        helper = self.write("bin/docker-credential-test", f"""#!/bin/sh
            case "$1" in
              store) cat > '{self.directory}/kept' ;;
              get) cat '{self.directory}/kept' 2>/dev/null && exit
                   echo credentials not found in native keychain
                   exit 1 ;;
              erase) rm -f '{self.directory}/kept' ;;
            esac\n""")
        helper.chmod(0o700)
        (self.directory / "docker").mkdir()
        self.write("docker/config.json", '{"credsStore":"test"}')
        env = {"PATH": f"{self.directory / 'bin'}:{os.environ['PATH']}"}
        self.output("login", self.registry.host, "-u", "user", "--password-stdin", stdin="p:ass", env=env)
        self.assertEqual(json.loads((self.directory / "kept").read_text())["Secret"], "p:ass")
        self.assertNotIn("auth\"", (self.directory / "docker" / "config.json").read_text())
        name = f"{self.registry.host}/helped/hello:1"
        self.output("import", HELLO, name)
        self.output("push", name, env=env)
        self.output("logout", self.registry.host, env=env)
        self.assertFalse((self.directory / "kept").exists())


@unittest.skipUnless(shutil.which("docker-registry") and shutil.which("openssl"),
                     "docker-registry or openssl is not installed")
class SecureRegistry(RegistryCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        directory = pathlib.Path(temporary.name)
        make_certificates(directory)
        cls.authority = directory / "ca.pem"
        cls.registry = DockerRegistry(directory, password=True, tls=True)
        cls.addClassCleanup(cls.registry.close)

    def test_is_trusted_only_with_its_authority(self):
        trust = ("--ca-file", self.authority)
        password = ("-u", "user", "--password-stdin")
        name = f"localhost:{self.registry.port}/me/hello:1"
        host = f"localhost:{self.registry.port}"
        self.output("import", HELLO, name)
        self.assertIn("certificate", self.refusal(125, "login", host, *password, stdin="p:ass"))
        self.output("login", host, *password, *trust, stdin="p:ass")
        self.assertIn("certificate", self.refusal(125, "push", name))
        self.output("push", name, *trust)
        env = self.another_store()
        for command in ("pull", "run"):
            self.assertIn("certificate", self.refusal(125, command, name, env=env))
        self.assertEqual(self.images(env=env), [])
        self.pull(name, *trust, env=env)
        self.assertEqual(self.output("run", *trust, name, env=self.another_store("third")), HELLO_SAYS)
        self.assertIn("none.pem", self.refusal(125, "pull", name, "--ca-file", self.directory / "none.pem", env=env))
        text = self.write("text.pem", "hello")
        self.assertIn("text.pem", self.refusal(125, "pull", name, "--ca-file", text, env=env))

    def test_plain_http_does_not_work(self):
        message = self.refusal(125, "pull", f"{self.registry.host}/me/hello:1", "--plain-http", self.registry.host)
        self.assertIn(self.registry.host, message)


class FaultyRegistries(RegistryCase):
    """These tests do not need docker-registry."""

    def registry(self, mode="good", **options):
        registry = FaultyRegistry(HELLO.read_bytes(), mode, **options)
        self.addCleanup(registry.close)
        return registry

    def outcome(self, number, mode, options):
        """Pulls into a new store. Returns the result, the seconds it took, the name, the store and the registry."""
        registry = self.registry(mode, **options)
        home = self.directory / f"home{number}"
        name = f"{registry.host}/me/hello:1"
        begin = time.monotonic()
        done = run_tairitsu("pull", name, env={"TAIRITSU_HOME": str(home), "DOCKER_CONFIG": str(self.directory / "none")})
        return done, time.monotonic() - begin, name, home, registry

    def test_lead_to_success_or_a_clear_error(self):
        succeed = [
            ("good", {}),
            ("cut", {"times": 2}),
            ("cut", {"times": 2, "ranges": False}),
            ("trailing", {}),
            ("drip", {"drip_time": 2}),
            ("chunked", {}),
            ("redirect-path", {}),
            ("redirect-host", {}),
            ("redirect-port", {}),
            ("busy", {"times": 1}),
            ("unavailable", {"times": 2}),
            ("hang-up", {"times": 2}),
        ]
        fail = [
            ("cut", {"ranges": False}, 125, "interrupted"),
            ("other-bytes", {}, 126, "the registry sent content with digest sha256:"),
            ("longer", {}, 126, "instead of"),
            ("longer-chunked", {}, 126, "sends more than"),
            ("shorter", {}, 126, "instead of"),
            ("shorter-chunked", {}, 126, "instead of"),
            ("redirect-loop", {}, 125, "redirects more than"),
            ("redirect-nowhere", {}, 125, "invalid URL"),
            ("content-missing", {}, 127, "404"),
            ("unavailable", {}, 125, "503"),
            ("broken", {}, 125, "500"),
            ("forbidden", {}, 125, "403"),
            ("missing", {}, 127, "manifest unknown"),
            ("large-manifest", {}, 125, "more than 4194304 bytes"),
            ("garbage-manifest", {}, 125, "not a JSON object"),
            ("other-manifest", {}, 126, "the registry reports manifest digest"),
            ("hang-up", {}, 125, "interrupted"),
        ]
        cases = [(mode, options, 0, "") for mode, options in succeed] + fail
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(lambda case: self.outcome(case[0], *case[1][:2]), enumerate(cases)))
        for (mode, options, code, message), (done, seconds, name, home, _) in zip(cases, outcomes):
            with self.subTest(mode, **options):
                env = {"TAIRITSU_HOME": str(home)}
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertLess(seconds, 20)
                self.assertEqual(problems_of_store(home), [])
                self.assertEqual(list((home / "images" / ".tairitsu" / "tmp").glob("*")), [])
                self.plain(done.stderr)
                if code == 0:
                    self.assertEqual(done.stdout, name + "\n")
                    self.assertIn(f"Status: Downloaded {name}\n", done.stderr)
                    self.assertEqual(self.output("run", "--pull", "never", name, env=env), HELLO_SAYS)
                else:
                    self.assertEqual(done.stdout, "")
                    errors = [line for line in done.stderr.splitlines() if line.startswith("tairitsu: ")]
                    self.assertEqual(len(errors), 1, done.stderr)
                    self.assertIn(message, errors[0])
                    self.assertLess(len(errors[0]), 600)
                    self.assertEqual(self.images(env=env), [])

    def test_that_do_not_listen_are_reported(self):
        name = f"127.0.0.1:{free_port()}/me/hello:1"
        self.output("import", HELLO, name)
        self.assertEqual(self.output("run", name), HELLO_SAYS)
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for message in pool.map(lambda arguments: self.refusal(125, *arguments), (
                ["pull", name], ["push", name], ["run", "--pull", "always", name],
                ["login", name.split("/")[0], "-u", "user", "-p", "p:ass"],
            )):
                self.assertIn("cannot connect", message)
        self.assertLess(time.monotonic() - begin, 20)
        self.assertEqual(self.output("run", name), HELLO_SAYS)

    def test_get_no_password_after_a_redirect(self):
        registry = self.registry("redirect-port", password="p:ass")
        (self.directory / "docker").mkdir()
        self.write("docker/config.json",
                   json.dumps({"auths": {registry.host: {"auth": base64.b64encode(b"user:p:ass").decode()}}}))
        self.pull(f"{registry.host}/me/hello:1")
        elsewhere = [request for request in registry.requests if request[0] == registry.other_port]
        self.assertTrue(elsewhere)
        self.assertEqual({authorization for _, _, _, authorization in elsewhere}, {None})
        # The first request has no password either.
        self.assertIsNone(registry.requests[0][3])

    def test_do_not_damage_an_older_image(self):
        registry = self.registry("other-bytes", times=0)
        name = f"{registry.host}/me/hello:latest"
        self.pull(name)
        before = self.images()
        registry.add("latest", OciImage(numbered(HELLO.read_bytes(), 5)))
        registry.times = None
        for command in (["pull", name], ["run", "--pull", "always", name]):
            self.assertIn("the registry sent content with digest", self.refusal(126, *command))
        self.assertEqual(self.images(), before)
        self.assertEqual(self.output("run", name), HELLO_SAYS)
        registry.mode = "good"
        self.assertIn("Downloaded", self.pull(name))
        self.assertNotEqual(self.names(), [])
        self.expect_sound()

    def test_pull_repairs_a_damaged_image(self):
        registry = self.registry()
        name = f"{registry.host}/me/hello:1"
        self.pull(name)
        component = digest_of(numbered(HELLO.read_bytes(), 1))
        blob = self.home / "images" / "blobs" / component.replace(":", "/")
        blob.chmod(0o600)
        blob.write_bytes(b"damaged")
        self.assertIn("pull", self.refusal(126, "run", name))
        self.pull(name)
        self.assertEqual(self.output("run", name), HELLO_SAYS)
        self.expect_sound()

    def test_killed_pulls_leave_a_sound_store(self):
        registry = self.registry("drip", drips=20, drip_time=0.2)
        chance = random.Random(1)
        killed = []

        def work(number):
            with subprocess.Popen([TAIRITSU, "pull", f"{registry.host}/me/hello:{number}"], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as process:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(chance.uniform(0, 0.35))
                if process.poll() is None:
                    process.kill()
                    killed.append(number)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(220)))
        self.assertGreaterEqual(len(killed), 100)
        self.expect_sound()
        for name in self.names()[:10]:
            self.assertEqual(self.output("run", "--pull", "never", name), HELLO_SAYS)
        registry.mode = "good"
        for number in killed[:10]:
            name = f"{registry.host}/me/hello:{number}"
            self.pull(name)
            self.assertEqual(self.output("run", "--pull", "never", name), HELLO_SAYS)
        # Prune removes what the killed processes left behind.
        self.output("system", "prune", "-f")
        self.assertEqual(list((self.home / "images" / ".tairitsu" / "tmp").iterdir()), [])
        self.expect_sound()

    def test_a_signal_ends_a_pull(self):
        registry = self.registry("drip", drip_time=20)
        for number in (2, 15):  # SIGINT and SIGTERM.
            with subprocess.Popen([TAIRITSU, "pull", f"{registry.host}/me/hello:1"], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE) as process:
                time.sleep(0.5)
                process.send_signal(number)
                try:
                    code = process.wait(10)
                finally:
                    process.kill()
                self.assertIn(code, (128 + number, -number))
        self.assertEqual(self.images(), [])
        self.expect_sound()


if __name__ == "__main__":
    main()

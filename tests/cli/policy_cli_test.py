#!/usr/bin/env python3
"""Tests of what `tairitsu run` allows a guest: addresses, names, hosts, clocks and random numbers.

usage: policy_cli_test.py TAIRITSU GUESTS [unittest arguments]
"""

import contextlib
import http.server
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

from cli_case import GUESTS, TAIRITSU, SharedHomeCase, main, run_tairitsu

NETWORK = GUESTS / "network.wasm"
TOOL = GUESTS / "wasi_tool.wasm"
DENIED = "error access-denied\n"
REFUSED = "error HTTP-request-denied\n"


def network(*arguments):
    """Runs the guest with the options before `--` and the guest's arguments after it."""
    split = arguments.index("--")
    return run_tairitsu("run", *arguments[:split], NETWORK, *arguments[split + 1:])


class TcpEcho(threading.Thread):
    """Sends back what each connection sent, after it has sent everything."""

    def __init__(self, address="127.0.0.1", family=socket.AF_INET):
        super().__init__(daemon=True)
        self.socket = socket.create_server((address, 0), family=family)
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                with self.socket.accept()[0] as client:
                    client.settimeout(10)
                    client.sendall(b"".join(iter(lambda client=client: client.recv(4096), b"")))

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.join(10)


class UdpEcho(threading.Thread):
    """Sends each datagram back."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            data, sender = self.socket.recvfrom(4096)
            if not data:
                return
            self.socket.sendto(data, sender)

    def close(self):
        self.socket.sendto(b"", ("127.0.0.1", self.port))
        self.join(10)
        self.socket.close()


class Handler(http.server.BaseHTTPRequestHandler):
    def respond(self):
        self.server.requests.append(f"{self.command} {self.path}")
        self.send_response(302 if self.path == "/away" else 200)
        if self.path == "/away":
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/there")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = respond

    def log_message(self, *_):
        pass


class HttpServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, tls=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        if tls is not None:
            # The handshake must not block the accepting thread: it happens in the handler's thread.
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def handle_error(self, *_):
        pass

    def close(self):
        self.shutdown()
        self.server_close()
        self.thread.join(10)


class PolicyCase(SharedHomeCase):
    def start(self, server):
        self.addCleanup(server.close)
        return server

    def start_guest(self, *arguments):
        """Runs the guest in the background."""
        split = arguments.index("--")
        process = subprocess.Popen([TAIRITSU, "run", *arguments[:split], NETWORK, *arguments[split + 1:]],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        def stop():
            if process.poll() is None:
                process.kill()
            process.communicate()

        self.addCleanup(stop)
        return process

    def port_of(self, process):
        """Returns the port on which a guest listens, which is its first line."""
        line = process.stdout.readline()
        self.assertRegex(line, r"^port \d+$", process.stderr.read() if not line else "")
        return int(line.split()[1])

    def allows(self, options, verb, output):
        with self.subTest(options=options, verb=verb):
            self.expect(network(*options, "--", *verb), 0, output)

    def denies(self, options, verb, output=DENIED):
        with self.subTest(options=options, verb=verb):
            self.expect(network(*options, "--", *verb), 1, output)


class Sockets(PolicyCase):
    def setUp(self):
        super().setUp()
        self.tcp = self.start(TcpEcho())
        self.udp = self.start(UdpEcho())
        self.to_tcp = ("tcp", f"127.0.0.1:{self.tcp.port}", "over TCP")
        self.to_udp = ("udp", f"127.0.0.1:{self.udp.port}", "over UDP")
        self.to_connected_udp = ("connected-udp", *self.to_udp[1:])

    def test_reach_nothing_by_default(self):
        for options in ((), ("--network", "none")):
            for verb in (self.to_tcp, self.to_udp, self.to_connected_udp, ("listen-tcp", "127.0.0.1:0"),
                         ("listen-udp", "127.0.0.1:0")):
                self.denies(options, verb)

    def test_reach_loopback_if_the_network_includes_it(self):
        for name in ("loopback", "all"):
            self.allows(("--network", name), self.to_tcp, "over TCP\n")
            self.allows(("--network", name), self.to_udp, "over UDP\n")
            self.allows(("--network", name), self.to_connected_udp, "over UDP\n")

    def test_reach_nothing_private_in_the_public_network(self):
        for address in ("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1",
                        "0.0.0.0", "[::1]", "[fe80::1]", "[fd00::1]"):
            with self.subTest(address=address):
                done = network("--network", "public", "--", "tcp", f"{address}:{self.tcp.port}", "x")
                # Connecting to 0.0.0.0 is never valid.
                self.expect(done, 1, DENIED if address != "0.0.0.0" else "error invalid-argument\n")
        self.denies(("--network", "public"), self.to_udp)
        self.denies(("--network", "public"), ("listen-tcp", "127.0.0.1:0"))

    def test_reach_only_loopback_in_the_loopback_network(self):
        for address in ("10.0.0.1:9", "192.0.2.1:9"):
            self.denies(("--network", "loopback"), ("tcp", address))
            self.denies(("--network", "loopback"), ("udp", address))
        self.denies(("--network", "loopback"), ("listen-tcp", "0.0.0.0:0"))

    def test_connect_by_address_range_name_and_port(self):
        port = self.tcp.port
        for rule in ("127.0.0.1", f"127.0.0.1:{port}", f"127.0.0.1:{port}-{port}", f"127.0.0.1:1-{port}",
                     f"127.0.0.0/8:{port}", "127.0.0.0/31", f"localhost:{port}", "LOCALHOST", "loopback", "*",
                     f"*:{port}", "0.0.0.0/0"):
            self.allows(("--allow-connect", rule), self.to_tcp, "over TCP\n")
        for rule in ("127.0.0.2", f"127.0.0.1:{port - 1}", f"127.0.0.1:1-{port - 1}", "10.0.0.0/8", "127.0.0.2/31",
                     "public", "name.invalid", "[::1]"):
            self.denies(("--allow-connect", rule), self.to_tcp)
        self.allows(("--allow-connect", "10.0.0.0/8", "--allow-connect", "127.0.0.1"), self.to_tcp, "over TCP\n")

    def test_connect_by_protocol(self):
        self.allows(("--allow-connect", "tcp://127.0.0.1"), self.to_tcp, "over TCP\n")
        self.denies(("--allow-connect", "udp://127.0.0.1"), self.to_tcp)
        for verb in (self.to_udp, self.to_connected_udp):
            self.allows(("--allow-connect", "127.0.0.1"), verb, "over UDP\n")
            self.allows(("--allow-connect", f"udp://127.0.0.1:{self.udp.port}"), verb, "over UDP\n")
            self.denies(("--allow-connect", f"udp://127.0.0.1:{self.udp.port - 1}"), verb)
            self.denies(("--allow-connect", "tcp://127.0.0.1"), verb)

    def test_connect_to_ipv6(self):
        try:
            server = self.start(TcpEcho("::1", socket.AF_INET6))
        except OSError as error:
            self.skipTest(f"no IPv6 here: {error}")
        verb = ("tcp", f"[::1]:{server.port}", "six")
        for rule in ("[::1]", f"[::1]:{server.port}", "::1", "[::]/0", "loopback"):
            self.allows(("--allow-connect", rule), verb, "six\n")
        for rule in ("127.0.0.0/8", f"[::1]:{server.port - 1}", "[fd00::]/8", "public"):
            self.denies(("--allow-connect", rule), verb)

    def test_listen_only_on_allowed_addresses(self):
        for rule in ("127.0.0.1", "loopback", "tcp://127.0.0.0/8", "*:1024-65535", "localhost"):
            with self.subTest(rule=rule):
                # A rule with ports does not allow port 0.
                port = 0 if "-" not in rule else free_port()
                guest = self.start_guest("--allow-bind", rule, "--", "listen-tcp", f"127.0.0.1:{port}", "hello")
                with socket.create_connection(("127.0.0.1", self.port_of(guest)), timeout=10) as client:
                    client.sendall(b"from outside")
                    client.shutdown(socket.SHUT_WR)
                    self.assertEqual(client.recv(100), b"hello")
                output, errors = guest.communicate(timeout=20)
                self.assertEqual((guest.returncode, output, errors), (0, "from outside\n", ""))
        for rule in ("udp://127.0.0.1", "127.0.0.2", "127.0.0.1:1-1023", "public"):
            self.denies(("--allow-bind", rule), ("listen-tcp", "127.0.0.1:0"))
            self.denies(("--allow-bind", rule), ("listen-tcp", f"127.0.0.1:{free_port()}"))
        self.denies(("--allow-bind", "127.0.0.1"), ("listen-tcp", "0.0.0.0:0"))

    def test_receive_datagrams_only_on_allowed_addresses(self):
        # Replying needs permission to send.
        options = ("--allow-bind", "udp://127.0.0.1", "--allow-connect", "udp://loopback")
        guest = self.start_guest(*options, "--", "listen-udp", "127.0.0.1:0", "hello")
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
            client.settimeout(10)
            client.sendto(b"from outside", ("127.0.0.1", self.port_of(guest)))
            self.assertEqual(client.recv(100), b"hello")
        output, errors = guest.communicate(timeout=20)
        self.assertEqual((guest.returncode, output, errors), (0, "from outside\n", ""))
        for rule in ("tcp://127.0.0.1", "127.0.0.2", "127.0.0.1:1-1023"):
            self.denies(("--allow-bind", rule), ("listen-udp", "127.0.0.1:0"))

    def test_receive_nothing_from_others_without_permission_to_listen(self):
        for options in ((), ("--allow-connect", "tcp://127.0.0.1"),
                        ("--allow-connect", f"udp://127.0.0.1:{self.udp.port}")):
            with self.subTest(options=options):
                guest = self.start_guest(*options, "--timeout", "1s", "--", "listen-udp", "0.0.0.0:0", "hello")
                first = guest.stdout.readline()
                if first != DENIED:
                    # A socket that may only send is bound, but receives nothing.
                    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
                        other.sendto(b"from another", ("127.0.0.1", int(first.split()[1])))
                self.assertNotIn("another", guest.communicate(timeout=20)[0])

    def test_receive_nothing_on_addresses_that_are_not_allowed(self):
        # Permission to listen on one address does not include wildcard addresses.
        for where in ("0.0.0.0:0", "127.0.0.1:0", f"0.0.0.0:{free_port()}", "[::]:0"):
            self.denies(("--allow-bind", "udp://127.0.0.1:9999"), ("listen-udp", where))
        # A socket that may also send is bound, and receives only from addresses to which it may send.
        options = ("--allow-bind", "udp://127.0.0.1:9999", "--allow-connect", f"udp://127.0.0.1:{self.udp.port}")
        self.allows(options, self.to_udp, "over UDP\n")
        guest = self.start_guest(*options, "--timeout", "1s", "--", "listen-udp", "0.0.0.0:0", "hello")
        port = self.port_of(guest)
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
            other.sendto(b"from another", ("127.0.0.1", port))
        self.assertEqual(guest.communicate(timeout=20)[0], "")

    def test_can_be_created_without_any_permission(self):
        # Only binding, connecting and sending fail.
        self.assertEqual(network("--", "make-sockets").stdout, "made\n")

    def test_permission_to_connect_is_not_permission_to_listen(self):
        self.denies(("--allow-bind", "*"), self.to_tcp)
        self.denies(("--allow-connect", "*"), ("listen-tcp", "127.0.0.1:0"))
        self.denies(("--allow-connect", "*"), ("listen-udp", f"127.0.0.1:{free_port()}"))

    def test_look_up_names_only_if_allowed(self):
        for options in (("--allow-lookup",), ("--network", "public"), ("--network", "all")):
            done = network(*options, "--", "lookup", "localhost")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue({"127.0.0.1", "::1"} & set(done.stdout.split()), done.stdout)
        for options in ((), ("--network", "loopback"), ("--allow-connect", "localhost")):
            self.denies(options, ("lookup", "localhost"), "error permanent-resolver-failure\n")
        self.denies(("--allow-lookup",), self.to_tcp)
        # An address as text is not looked up.
        self.allows(("--allow-lookup",), ("lookup", "127.0.0.1"), "127.0.0.1\n")


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Http(PolicyCase):
    def setUp(self):
        super().setUp()
        self.server = self.start(HttpServer())
        self.port = self.server.server_port

    def get(self, path="/", host="127.0.0.1", method="GET"):
        return ("http", method, f"http://{host}:{self.port}{path}")

    def test_denies_everything_by_default(self):
        for options in ((), ("--network", "none"), ("--network", "public"), ("--allow-connect", "*"),
                        ("--allow-lookup",)):
            self.denies(options, self.get(), REFUSED)
            self.denies(options, self.get(host="localhost"), REFUSED)
        for host in ("10.0.0.1", "192.168.0.1", "169.254.169.254", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]"):
            self.denies(("--network", "public"), self.get(host=host), REFUSED)
        self.assertEqual(self.server.requests, [])

    def test_allows_what_the_network_includes(self):
        for name in ("loopback", "all"):
            self.allows(("--network", name), self.get(), "status 200\n")
            self.allows(("--network", name), self.get(host="localhost"), "status 200\n")

    def test_matches_scheme_host_and_port(self):
        for rule in ("127.0.0.1", f"127.0.0.1:{self.port}", "http://127.0.0.1", f"http://127.0.0.0/8:{self.port}",
                     "loopback", "*", f"*:{self.port}", f"127.0.0.1:1-{self.port}"):
            self.allows(("--allow-host", rule), self.get(), "status 200\n")
        for rule in ("https://127.0.0.1", f"127.0.0.1:{self.port - 1}", "127.0.0.2", "10.0.0.0/8", "public",
                     "localhost", "*.localhost"):
            self.denies(("--allow-host", rule), self.get(), REFUSED)

    def test_matches_names(self):
        for rule in ("localhost", "LocalHost", f"http://localhost:{self.port}", "127.0.0.0/8"):
            self.allows(("--allow-host", rule), self.get(host="localhost"), "status 200\n")
        self.allows(("--allow-host", "localhost"), self.get(host="LOCALHOST"), "status 200\n")
        for rule in ("local", "*.localhost", "*.host", "localhost.example", "public", "10.0.0.0/8"):
            self.denies(("--allow-host", rule), self.get(host="localhost"), REFUSED)

    def test_a_name_pattern_does_not_allow_private_addresses(self):
        done = network("--allow-host", "*.localhost", "--", *self.get(host="inside.localhost"))
        self.assertEqual(done.returncode, 1)
        self.assertIn(done.stdout, (REFUSED, "error DNS-error\n"))
        self.denies(("--allow-host", "*.example"), self.get(host="inside.localhost"), REFUSED)

    def test_rejects_urls_with_a_user_or_an_invalid_port(self):
        for host in ("user@127.0.0.1", "user:secret@127.0.0.1", "localhost@127.0.0.1"):
            done = network("--network", "all", "--", *self.get(host=host))
            self.expect(done, 1, "error HTTP-request-URI-invalid\n")
        for port in ("99999", "65536", "0x50", ""):
            done = network("--network", "all", "--", "http", "GET", f"http://127.0.0.1:{port}/")
            self.assertEqual(done.returncode, 1)
            self.assertIn(done.stdout, ("error HTTP-request-URI-invalid\n", "error no-URL\n"), port)
        self.assertEqual(self.server.requests, [])

    def test_matches_methods(self):
        for method in ("POST", "PUT"):
            self.allows(("--allow-host", "POST,put 127.0.0.1"), self.get(method=method), "status 200\n")
        for method in ("GET", "DELETE", "HEAD"):
            self.denies(("--allow-host", "POST,put 127.0.0.1"), self.get(method=method), REFUSED)
        self.assertEqual(self.server.requests, ["POST /", "PUT /"])

    def test_does_not_follow_redirects(self):
        self.allows(("--allow-host", "127.0.0.1"), self.get("/away"), "status 302\n")
        self.assertEqual(self.server.requests, ["GET /away"])

    def test_reports_why_a_request_failed(self):
        port = free_port()
        self.denies(("--network", "all"), ("http", "GET", f"http://127.0.0.1:{port}/"), "error connection-refused\n")
        self.denies(("--allow-host", "name.invalid"), ("http", "GET", "http://name.invalid/"), "error DNS-error\n")


@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class Https(PolicyCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.certificates = directory.name

        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=directory.name, check=True, capture_output=True, timeout=30)

        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj")
        for name in ("ca", "other"):
            openssl("req", "-x509", *key, f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2")
        openssl("req", *key, "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
        with open(f"{directory.name}/names", "w", encoding="utf-8") as names:
            names.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                "2", "-extfile", "names", "-out", "server.pem")

    def setUp(self):
        super().setUp()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(f"{self.certificates}/server.pem", f"{self.certificates}/server.key")
        self.server = self.start(HttpServer(tls))

    def get(self, host="127.0.0.1"):
        return ("http", "GET", f"https://{host}:{self.server.server_port}/")

    def trust(self, name):
        return ("--ca-file", f"{self.certificates}/{name}.pem")

    def test_trusts_the_ca_file(self):
        for host in ("127.0.0.1", "localhost"):
            self.allows((*self.trust("ca"), "--allow-host", f"https://{host}"), self.get(host), "status 200\n")

    def test_trusts_no_other_authority(self):
        for trust in ((), self.trust("other")):
            done = network(*trust, "--network", "loopback", "--", *self.get())
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stdout, r"^error TLS-")
        self.assertEqual(self.server.requests, [])

    def test_rejects_a_certificate_for_another_host(self):
        done = network(*self.trust("ca"), "--network", "loopback", "--", *self.get("127.0.0.2"))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"^error (TLS-|connection-refused)")

    def test_rules_apply_to_https(self):
        for options in ((), ("--network", "public"), ("--allow-host", "http://127.0.0.1")):
            self.denies((*self.trust("ca"), *options), self.get(), REFUSED)

    def test_names_a_ca_file_that_cannot_be_read(self):
        done = network("--ca-file", self.directory / "none.pem", "--", *self.get())
        self.expect(done, 125, "", "none.pem")


class Denials(PolicyCase):
    def advice(self, done):
        """Returns the option that the only line on standard error suggests."""
        found = re.fullmatch(r"tairitsu: denied: .* \(allow it with (--allow-\S+ '.*')\)\n", done.stderr)
        self.assertIsNotNone(found, done.stderr)
        return shlex.split(found[1])

    def test_suggest_the_option_that_allows_it(self):
        tcp, udp, web = self.start(TcpEcho()), self.start(UdpEcho()), self.start(HttpServer())
        for verb, option, output in (
                (("tcp", f"127.0.0.1:{tcp.port}", "x"), ["--allow-connect", f"tcp://127.0.0.1:{tcp.port}"], "x\n"),
                (("udp", f"127.0.0.1:{udp.port}", "x"), ["--allow-connect", f"udp://127.0.0.1:{udp.port}"], "x\n"),
                (("http", "GET", f"http://127.0.0.1:{web.server_port}/x"),
                 ["--allow-host", f"GET http://127.0.0.1:{web.server_port}"], "status 200\n")):
            # With another rule, and without any.
            for before in (("--allow-connect", "10.0.0.1"), ()):
                with self.subTest(verb=verb, before=before):
                    done = network(*before, "--log-denied", "--", *verb)
                    self.assertEqual(done.returncode, 1)
                    advice = self.advice(done)
                    self.assertEqual(advice, option)
                    self.expect(network(*before, "--log-denied", *advice, "--", *verb), 0, output)

    def test_report_the_name_that_was_looked_up(self):
        done = network("--log-denied", "--", "lookup", "localhost")
        self.expect(done, 1, "error permanent-resolver-failure\n",
                    "tairitsu: denied: lookup of 'localhost' (allow it with --allow-lookup)\n")
        done = network("--log-denied", "--allow-lookup", "--", "lookup", "localhost")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        evil = network("--log-denied", "--", "lookup", "a\x1b[31mb").stderr
        self.assertNotIn("\x1b", evil)

    def test_report_the_path_that_was_denied(self):
        directory = self.directory / "shared"
        (directory / "inner").mkdir(parents=True)
        (self.directory / "secret").write_text("secret")
        (directory / "link").symlink_to(self.directory / "secret")
        volume = f"{directory}:/data"
        for options, verb, path in ((("-v", volume), "read", "/data/link"),
                                    (("-v", volume + ":ro"), "write", "/data/new\x1b.txt"),
                                    (("-v", volume + ":ro"), "write", "/data/inner/new.txt")):
            with self.subTest(path=path):
                done = run_tairitsu("run", "--log-denied", *options, TOOL, verb, path, "x")
                self.assertNotEqual(done.returncode, 0)
                shown = path.replace("\x1b", "?")
                denials = [line for line in done.stderr.splitlines() if line.startswith("tairitsu: denied")]
                self.assertTrue(denials[0].startswith(f"tairitsu: denied: access to '{shown}': "), done.stderr)
                self.assertIn("--volume", denials[0])
        done = run_tairitsu("run", "--log-denied", "-v", volume, TOOL, "read", "/data/none")
        self.assertNotIn("denied", done.stderr)

    def test_suggest_the_option_to_listen(self):
        network("--timeout", "60s", "--", "wall")  # Compiles it.
        for protocol in ("tcp", "udp"):
            for port in (free_port(), 0):
                with self.subTest(protocol=protocol, port=port):
                    verb = (f"listen-{protocol}", f"127.0.0.1:{port}", "x")
                    done = network("--log-denied", "--", *verb)
                    self.expect(done, 1, DENIED, "listen")
                    advice = self.advice(done)
                    self.assertEqual(advice[0], "--allow-bind")
                    done = network(*advice, "--timeout", "300ms", "--", *verb)
                    self.assertEqual(done.returncode, 124)
                    self.assertRegex(done.stdout, r"^port \d+$")

    def test_are_not_reported_by_default(self):
        self.denies((), ("tcp", "127.0.0.1:9"))
        self.denies(("--log-denied", "--network", "loopback"), ("tcp", f"127.0.0.1:{free_port()}"),
                    "error connection-refused\n")


class Waits(PolicyCase):
    def setUp(self):
        super().setUp()
        # Accepts connections, but sends nothing.
        self.silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.silent.close)
        self.address = f"127.0.0.1:{self.silent.getsockname()[1]}"
        network("--timeout", "60s", "--", "wall")  # Compiles it.

    def is_interrupted(self, *verb):
        with self.subTest(verb=verb):
            begin = time.monotonic()
            done = network("--network", "loopback", "--timeout", "400ms", "--", *verb)
            self.assertEqual((done.returncode, done.stderr.count("deadline")), (124, 1), done.stderr)
            self.assertLess(time.monotonic() - begin, 3)

    def test_end_at_the_timeout(self):
        self.is_interrupted("tcp", self.address, "x")
        self.is_interrupted("http", "GET", f"http://{self.address}/")
        self.is_interrupted("http", "GET", f"https://{self.address}/")
        self.is_interrupted("listen-tcp", "127.0.0.1:0")
        self.is_interrupted("listen-udp", "127.0.0.1:0")

    def test_for_a_connection_end_at_the_timeout(self):
        with contextlib.ExitStack() as connections:
            full = connections.enter_context(contextlib.closing(socket.socket()))
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            # Fills the backlog, so that further connections hang.
            for _ in range(16):
                client = connections.enter_context(contextlib.closing(socket.socket()))
                client.settimeout(0.3)
                try:
                    client.connect(full.getsockname())
                except (socket.timeout, TimeoutError):
                    break
            else:
                self.skipTest("the backlog does not fill up on this system")
            address = f"127.0.0.1:{full.getsockname()[1]}"
            self.is_interrupted("tcp", address)
            self.is_interrupted("http", "GET", f"http://{address}/")

    def test_end_at_sigint(self):
        for verb in (("tcp", self.address, "x"), ("http", "GET", f"http://{self.address}/")):
            with self.subTest(verb=verb):
                guest = self.start_guest("--network", "loopback", "--", *verb)
                # From here on the guest waits for a response.
                self.silent.settimeout(20)
                with self.silent.accept()[0] as client:
                    client.recv(1)
                    guest.send_signal(signal.SIGINT)
                    output, errors = guest.communicate(timeout=20)
                self.assertEqual((guest.returncode, output, errors), (130, "", ""))


class Reproducible(PolicyCase):
    def read(self, *arguments):
        done = network(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_clocks_can_be_frozen(self):
        for _ in range(2):
            self.assertEqual(self.read("--clock", "1700000000", "--", "wall"), "1700000000.000000000\n")
            self.assertEqual(self.read("--clock", "1700000000", "--", "monotonic"), "0\n")
        self.assertEqual(self.read("--clock", "0", "--", "wall"), "0.000000000\n")

    def test_clocks_run_by_default(self):
        before = time.time()
        first, second = float(self.read("--", "wall")), float(self.read("--", "wall"))
        self.assertLess(before - 1, first)
        self.assertLess(first, second)
        self.assertLess(second, time.time() + 1)
        self.assertNotEqual(self.read("--", "monotonic"), self.read("--", "monotonic"))

    def test_the_same_seed_gives_the_same_numbers(self):
        for verb in ("random", "insecure-random", "insecure-seed"):
            with self.subTest(verb=verb):
                first = self.read("--seed", "7", "--", verb)
                self.assertRegex(first, r"^[0-9a-f]{32}\n$")
                self.assertEqual(self.read("--seed", "7", "--", verb), first)
                self.assertNotEqual(self.read("--seed", "8", "--", verb), first)

    def test_random_numbers_differ_without_a_seed(self):
        for verb in ("random", "insecure-random", "insecure-seed"):
            self.assertNotEqual(self.read("--", verb), self.read("--", verb), verb)


if __name__ == "__main__":
    main()

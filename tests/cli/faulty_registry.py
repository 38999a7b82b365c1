#!/usr/bin/env python3
"""A small registry on a loopback port that serves images, and misbehaves as its mode says.

usage: faulty_registry.py COMPONENT MODE

Prints the name of an image, and serves it until standard input ends.
"""

import argparse
import base64
import hashlib
import http.server
import json
import pathlib
import re
import socket
import sys
import threading
import time

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
WASM = "application/wasm"
WASM_CONFIG = "application/vnd.wasm.config.v0+json"

# Modes that affect a component's content.
CONTENT_MODES = ("cut", "other-bytes", "longer", "longer-chunked", "shorter", "shorter-chunked", "trailing", "drip",
                 "chunked", "redirect-path", "redirect-host", "redirect-port", "redirect-loop", "redirect-nowhere",
                 "content-missing")
# Modes that affect a manifest.
MANIFEST_MODES = ("large-manifest", "garbage-manifest", "other-manifest", "hang-up", "missing")
# Modes that respond to every request with a status.
STATUS_MODES = {"busy": 429, "unavailable": 503, "broken": 500, "forbidden": 403}
MODES = ("good", *CONTENT_MODES, *MANIFEST_MODES, *STATUS_MODES)


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def descriptor(media_type, content, **more):
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content), **more}


def numbered(component, number):
    """Returns the component with a custom section that contains the number, so that its digest differs."""
    name = b"number"
    content = bytes([len(name)]) + name + f"{number:08}".encode()
    return component + b"\0" + bytes([len(content)]) + content


class OciImage:
    """A component with the manifest and config of an image."""

    def __init__(self, component, layer_type=WASM, config_type=WASM_CONFIG, config=None, annotations=None):
        self.component = component
        if config is None:
            config = {"architecture": "wasm", "os": "wasip2", "layerDigests": [digest_of(component)]}
        self.config = json.dumps(config).encode()
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(config_type, self.config),
                    "layers": [descriptor(layer_type, component)]}
        if annotations:
            manifest["annotations"] = annotations
        self.manifest = json.dumps(manifest).encode()
        self.digest = digest_of(self.manifest)
        self.blobs = {digest_of(blob): blob for blob in (self.component, self.config, self.manifest)}


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, registry):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.registry = registry
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    def handle_error(self, request, client_address):
        pass  # The tests make clients hang up.

    def close(self):
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def handle(self):
        # Closes the connection at once if the client tries TLS.
        if self.connection.recv(1, socket.MSG_PEEK) == b"\x16":
            self.connection.recv(65536)
            return
        super().handle()

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.handle_request()

    def do_GET(self):
        self.handle_request()

    def handle_request(self):
        registry = self.server.registry
        registry.requests.append((self.server.port, self.command, self.path, self.headers.get("Authorization")))
        path = self.path.split("?")[0]
        if elsewhere := re.fullmatch(r"/elsewhere/(sha256:[0-9a-f]{64})", path):
            self.send_content(registry.blobs.get(elsewhere[1]), "")
            return
        if registry.password and self.headers.get("Authorization") != registry.authorization:
            self.respond(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}', ("WWW-Authenticate", 'Basic realm="test"'))
            return
        if path == "/v2/":
            self.respond(200, b"{}")
            return
        if registry.mode in STATUS_MODES and registry.is_faulty():
            more = [("Retry-After", "1")] if registry.mode == "busy" else []
            self.respond(STATUS_MODES[registry.mode], b'{"errors":[{"code":"TROUBLE","message":"it\x1b[31m is red"}]}',
                        *more)
            return
        if manifest := re.fullmatch(r"/v2/.+/manifests/([^/]+)", path):
            self.send_manifest(manifest[1])
        elif blob := re.fullmatch(r"/v2/.+/blobs/([^/]+)", path):
            content = registry.blobs.get(blob[1])
            is_component = content is not None and content.startswith(b"\0asm")
            self.send_content(content, registry.mode if is_component else "")
        else:
            self.respond(404, b"")

    def send_manifest(self, reference):
        registry = self.server.registry
        image = registry.image(reference)
        mode = registry.mode if registry.mode in MANIFEST_MODES and registry.is_faulty() else ""
        if mode == "hang-up":
            self.close_connection = True
        elif mode == "missing" or image is None:
            self.respond(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
        else:
            content = {"large-manifest": b'{"a":"' + b"x" * (10 << 20) + b'"}',
                       "garbage-manifest": b'{"schemaVersion":2,"layers":[{{{',
                       "other-manifest": image.manifest + b" "}.get(mode, image.manifest)
            stated = digest_of(content) if mode in ("large-manifest", "garbage-manifest") else image.digest
            self.respond(200, content, ("Content-Type", MANIFEST), ("Docker-Content-Digest", stated))

    def send_content(self, content, mode):
        registry = self.server.registry
        if mode not in CONTENT_MODES or not registry.is_faulty():
            mode = ""
        if content is None or mode == "content-missing":
            self.respond(404, b'{"errors":[{"code":"BLOB_UNKNOWN"}]}')
        elif mode.startswith("redirect-"):
            digest = digest_of(content)
            port = self.server.port
            self.respond(307, b"", ("Location", {
                "redirect-path": f"/elsewhere/{digest}",
                "redirect-host": f"http://localhost:{port}/elsewhere/{digest}",
                "redirect-port": f"http://127.0.0.1:{registry.other_port}/elsewhere/{digest}",
                "redirect-loop": self.path,
                "redirect-nowhere": "ftp://127.0.0.1/file",
            }[mode]))
        else:
            self.stream(content, mode)

    def stream(self, content, mode):
        registry = self.server.registry
        first = 0
        span = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if registry.ranges and span and int(span[1]) < len(content):
            first = int(span[1])
        sent = {"other-bytes": content[:-1] + bytes([content[-1] ^ 1]),
                "longer": content + b"more",
                "longer-chunked": content + b"more",
                "shorter": content[:-4],
                "shorter-chunked": content[:-4]}.get(mode, content)[first:]
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        in_chunks = mode.endswith("chunked")
        self.send_header(*(("Transfer-Encoding", "chunked") if in_chunks else ("Content-Length", str(len(sent)))))
        self.end_headers()
        if self.command == "HEAD":
            return
        if in_chunks:
            for at in range(0, len(sent), 10000):
                part = sent[at:at + 10000]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
        elif mode == "cut":
            self.wfile.write(sent[:len(sent) // 2])
            self.close_connection = True
        elif mode == "drip":
            size = len(sent) // registry.drips + 1
            for at in range(0, len(sent), size):
                self.wfile.write(sent[at:at + size])
                time.sleep(registry.drip_time / registry.drips)
        else:
            self.wfile.write(sent + (b"more" if mode == "trailing" else b""))

    def respond(self, status, content, *headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


class FaultyRegistry:
    """Serves a component in any repository: under the tag N as `numbered(component, N)`, otherwise unchanged.

    Misbehaves as its mode says, `times` times or always. `requests` records the port, method, path and
    authorization of each request.
    """

    def __init__(self, component, mode="good", times=None, ranges=True, drips=20, drip_time=1.0, password=""):
        assert mode in MODES, mode
        self.component = component
        self.mode = mode
        self.times = times
        self.ranges = ranges
        self.drips = drips
        self.drip_time = drip_time
        self.password = password
        self.authorization = "Basic " + base64.b64encode(f"user:{password}".encode()).decode()
        self.requests = []
        self.blobs = {}
        self._images = {}
        self._lock = threading.Lock()
        self._servers = [_Server(self), _Server(self)]

    @property
    def host(self):
        return f"127.0.0.1:{self._servers[0].port}"

    @property
    def other_port(self):
        return self._servers[1].port

    def add(self, reference, image):
        with self._lock:
            self._images[reference] = self._images[image.digest] = image
            self.blobs.update(image.blobs)
        return image

    def image(self, reference):
        """Returns the image of a tag or a digest; None if the digest is unknown."""
        if reference not in self._images and not reference.startswith("sha256:"):
            component = numbered(self.component, int(reference)) if reference.isdigit() else self.component
            self.add(reference, OciImage(component))
        return self._images.get(reference)

    def is_faulty(self):
        """Returns whether to misbehave this time, and counts down `times`."""
        with self._lock:
            if self.times is None:
                return True
            self.times -= 1
            return self.times >= 0

    def close(self):
        for server in self._servers:
            server.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("component", type=pathlib.Path)
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--times", type=int, help="misbehave this many times (default: always)")
    options = parser.parse_args()
    with FaultyRegistry(options.component.read_bytes(), options.mode, options.times) as registry:
        print(f"{registry.host}/me/hello:latest", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()

"""Base classes for tests of `tairitsu serve`: a running server and its clients."""

import contextlib
import http.client
import re
import signal
import socket
import subprocess
import threading

from cli_case import GUESTS, TAIRITSU, CliCase

SERVER = GUESTS / "http_server.wasm"


class Client:
    """Sends requests to a server."""

    def __init__(self, address):
        self.address = address

    def connect(self, address=None):
        return contextlib.closing(http.client.HTTPConnection(*(address or self.address), timeout=30))

    def get(self, path, method="GET", body=None, address=None):
        with self.connect(address) as connection:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read(), response.headers

    def exchange(self, path, body):
        """Sends a body, or its chunks, while reading the response, so that neither side blocks on a full buffer."""
        with socket.create_connection(self.address, timeout=30) as client:
            def send():
                chunked = not isinstance(body, bytes)
                length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
                client.sendall(f"POST {path} HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n".encode())
                if not chunked:
                    client.sendall(body)
                    return
                for chunk in body:
                    client.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                client.sendall(b"0\r\n\r\n")

            sender = threading.Thread(target=send)
            sender.start()
            response = http.client.HTTPResponse(client)
            response.begin()
            received = response.read()
            sender.join()
            return response.status, received

    def raw(self, data):
        with socket.create_connection(self.address, timeout=30) as client:
            client.sendall(data)
            return b"".join(iter(lambda: client.recv(65536), b""))


class Server(Client):
    """A running server and its output."""

    def __init__(self, *arguments, guest=SERVER):
        self.process = subprocess.Popen([TAIRITSU, "serve", "--addr", "127.0.0.1:0", *arguments, guest],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        self.errors = []
        first = self.process.stderr.readline()
        found = re.fullmatch(r"listening on http://(127\.0\.0\.1):(\d+)\n", first)
        if not found:
            rest = first + self.process.communicate(timeout=30)[1]
            raise AssertionError(f"the server does not listen: {rest}")
        super().__init__((found[1], int(found[2])))
        self.admin = None
        if "--admin-addr" in arguments:
            host, port = re.search(r"http://(.*):(\d+)", self.process.stderr.readline()).groups()
            self.admin = (host, int(port))
        self.reader = threading.Thread(target=lambda: self.errors.extend(self.process.stderr), daemon=True)
        self.reader.start()

    def end(self, number=signal.SIGTERM, timeout=30):
        self.process.send_signal(number)
        code = self.process.wait(timeout)
        self.reader.join(timeout)
        return code, self.process.stdout.read(), "".join(self.errors)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()


class ServerCase(CliCase):
    def serve(self, *arguments, **options):
        server = Server(*arguments, **options)
        self.addCleanup(server.close)
        return server

"""Starts the program, sends some requests, stops it, and prints the responses and the output.

usage: visit.py PROGRAM
"""

import http.client
import subprocess
import sys

server = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
try:
    address = server.stderr.readline().split("//")[1].split(";")[0]
    connection = http.client.HTTPConnection(address, timeout=30)
    for path in ("/", "/", "/nowhere", "/trap", "/"):
        connection.request("GET", path)
        response = connection.getresponse()
        text = response.read().decode()
        if request := response.headers["x-request-id"]:
            text = text.replace(request, "…")
        print(response.status, text, end="")
    connection.close()
    output, _ = server.communicate("", timeout=30)
    print(output, end="")
finally:
    server.kill()
    server.wait()
sys.exit(server.returncode)

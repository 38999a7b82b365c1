"""Starts the stand-alone service and sends requests to it.

Usage: visit.py PROGRAM COMPONENT
"""

import subprocess
import sys
import urllib.error
import urllib.request


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def main(program, component):
    with subprocess.Popen([program, component], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as service:
        try:
            line = service.stdout.readline()
            assert line.startswith("listening on http://"), line
            url = line.split()[-1]
            assert get(f"{url}/") == (200, "request 1\n")
            assert get(f"{url}/trap")[0] == 500
            assert get(f"{url}/nothing")[0] == 404
            assert get(f"{url}/") == (200, "request 2\n")
            output, _ = service.communicate(timeout=20)
        finally:
            service.kill()
    assert output == "2 requests\n", output
    assert service.returncode == 0
    print("all requests succeeded")


main(*sys.argv[1:])

"""A command whose arguments select what it does, with Python's standard library."""

import os
import sys
import time

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import environment


class Run(exports.Run):
    def run(self):
        try:
            self.obey(*environment.get_arguments()[1:])
        except OSError as error:
            print(error, file=sys.stderr)
            raise Err(None) from error
        finally:
            sys.stdout.flush()

    def obey(self, verb, *words):
        if verb == "environment":
            for name, value in sorted(os.environ.items()):
                print(f"{name}={value}")
        elif verb == "input":
            for line in sys.stdin:
                print(line.rstrip("\n").upper())
        elif verb == "list":
            print(*sorted(os.listdir(words[0])), sep="\n")
        elif verb == "read":
            with open(words[0], encoding="utf-8") as file:
                print(file.read(), end="")
        elif verb == "write":
            with open(words[0], "w", encoding="utf-8") as file:
                file.write(words[1])
        elif verb == "sleep":
            time.sleep(float(words[0]))
        elif verb == "spin":
            while True:
                pass
        else:
            raise Err(None)

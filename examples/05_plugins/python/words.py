from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.filter import About
from wit_world.imports import host


class Filter(exports.Filter):
    def describe(self) -> About:
        return About(name="words", language="Python")

    def apply(self, text: str) -> str:
        words = text.split()
        if not words:
            raise Err("no words")
        host.log(f"{len(words)} words")
        return " ".join(sorted(words, key=str.casefold))

from componentize_py_types import Err
from wit_world.exports import filters
from wit_world.imports import host


class Filter(filters.Filter):
    def __init__(self, word: str) -> None:
        host.log(f"hiding '{word}'")
        self.word = word
        self.count = 0

    def apply(self, text: str) -> str:
        if not text:
            raise Err("the text is empty")
        if self.word:
            self.count += text.count(self.word)
            text = text.replace(self.word, "*" * len(self.word))
        return text

    def hidden(self) -> int:
        return self.count

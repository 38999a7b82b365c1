#!/usr/bin/env python3
"""Writes the C++ types of the differential test: first edge cases of the canonical ABI, then random types.

usage: generate.py --seed N --types N --files N --output DIRECTORY
"""

import argparse
import pathlib
import random

PRIMITIVES = {
    "bool": "bool",
    "s8": "std::int8_t", "u8": "std::uint8_t",
    "s16": "std::int16_t", "u16": "std::uint16_t",
    "s32": "std::int32_t", "u32": "std::uint32_t",
    "s64": "std::int64_t", "u64": "std::uint64_t",
    "f32": "float", "f64": "double",
    "char": "char32_t",
}
NUMBERS = [name for name in PRIMITIVES if name not in ("bool", "char")]
UNSIGNED = {8: "std::uint8_t", 16: "std::uint16_t", 32: "std::uint32_t", 64: "std::uint64_t"}
# Covers everything that kebab-case allows. A number makes labels distinct.
WORDS = ["a", "value", "max-size", "HTTP", "x-y-z", "the-URL", "n0", "is-it"]


class Type:
    """A C++ type, the type with views, and whether lists of it are viewed as spans."""

    def __init__(self, cpp, view=None, bulk=False):
        self.cpp = cpp
        self.view = view or cpp
        self.bulk = bulk


class Generator:
    """Generates one type under test, with the definitions that it needs, in its own namespace."""

    raw_variants = set()  # std::variant types, which the program may describe only once.

    def __init__(self, rng, space):
        self.rng = rng
        self.space = space
        self.definitions = []
        self.named = []
        self.count = 0

    def chance(self, percent):
        return self.rng.random() * 100 < percent

    def name(self):
        """Returns the qualified C++ name, the unqualified one, and the WIT name."""
        self.count += 1
        short = f"T{self.count}"
        return f"{self.space}::{short}", short, f"{self.space}-t{self.count}"

    def define(self, body, describe, cpp):
        """Adds a definition. `describe` is the base class of the type's description."""
        self.definitions.append(
            (f"namespace {self.space} {{\n{body}\n}}\n" if body else "")
            + f"template <>\nstruct tairitsu::Describe<{cpp}> : {describe} {{}};\n")

    def labels(self, count):
        return [f"{self.rng.choice(WORDS)}{index}" for index in range(count)]

    # ---- Shapes

    def primitive(self, wit):
        return Type(PRIMITIVES[wit], bulk=wit in NUMBERS)

    def string(self):
        return Type("std::string", "std::string_view")

    def list(self, element):
        view = f"std::span<const {element.cpp}>" if element.bulk else f"std::vector<{element.view}>"
        return Type(f"std::vector<{element.cpp}>", view)

    def option(self, payload):
        return Type(f"std::optional<{payload.cpp}>", f"std::optional<{payload.view}>")

    def result(self, ok, error):
        """`None` means that there is no payload."""
        # There are two types for a missing value.
        nothing = self.rng.choice(["void", "std::monostate"])
        parts = [[part.cpp, part.view] if part else [instead, instead]
                 for part, instead in ((ok, nothing), (error, "std::monostate"))]
        return Type(*(f"std::expected<{parts[0][i]}, {parts[1][i]}>" for i in range(2)))

    def tuple(self, parts):
        kind = "pair" if len(parts) == 2 and self.chance(50) else "tuple"
        return Type(f"std::{kind}<{', '.join(part.cpp for part in parts)}>",
                    f"std::{kind}<{', '.join(part.view for part in parts)}>")

    def record(self, fields, form=None):
        cpp, short, wit = self.name()
        form = form or self.rng.choices(["plain", "shuffled", "derived", "overaligned"], [14, 3, 2, 1])[0]
        members = [f"  {field.cpp} m{index}{{}};" for index, field in enumerate(fields)]
        body = ""
        if form == "shuffled":
            self.rng.shuffle(members)
        if form == "derived" and len(fields) > 1:
            half = len(fields) // 2
            body += f"struct {short}Base {{\n" + "\n".join(members[:half]) + "\n};\n"
            body += f"struct {short} : {short}Base {{\n" + "\n".join(members[half:]) + "\n};"
        else:
            align = "alignas(16) " if form == "overaligned" else ""
            body += f"struct {align}{short} {{\n" + "\n".join(members) + "\n};"
        described = "".join(f', tairitsu::Field<"{label}", &{cpp}::m{index}>'
                            for index, label in enumerate(self.labels(len(fields))))
        self.define(body, f'tairitsu::Record<{cpp}, "{wit}"{described}>', cpp)
        # Not known to be bulk, so lists of it are viewed as vectors.
        return Type(cpp)

    def enum(self, cases):
        cpp, short, wit = self.name()
        width = self.rng.choice([width for width in UNSIGNED if 2 ** width >= cases])
        labels = ", ".join(f'"{label}"' for label in self.labels(cases))
        self.define(f"enum class {short} : {UNSIGNED[width]} {{}};",
                    f'tairitsu::Enum<{cpp}, "{wit}", {labels}>', cpp)
        return Type(cpp)

    def flags(self, count):
        cpp, short, wit = self.name()
        if self.chance(50):
            width = self.rng.choice([width for width in UNSIGNED if width >= count])
            body = f"enum class {short} : {UNSIGNED[width]} {{}};"
        else:
            bits = UNSIGNED[8 if count <= 8 else 16 if count <= 16 else 32]
            body = (f"struct {short} {{\n  {bits} value = 0;\n"
                    f"  {bits} bits() const {{ return value; }}\n"
                    f"  static {short} from_bits({bits} bits) {{ return {{bits}}; }}\n}};")
        labels = ", ".join(f'"{label}"' for label in self.labels(count))
        self.define(body, f'tairitsu::Flags<{cpp}, "{wit}", {labels}>', cpp)
        return Type(cpp)

    def variant(self, payloads):
        """`None` is a case without a payload."""
        cpp, short, wit = self.name()
        alternatives = ", ".join(payload.cpp if payload else "std::monostate" for payload in payloads)
        base = f"std::variant<{alternatives}>"
        body = f"struct {short} : {base} {{\n  using variant::variant;\n}};"
        if self.chance(20) and base not in Generator.raw_variants:
            Generator.raw_variants.add(base)
            cpp, body = base, ""
        labels = ", ".join(f'"{label}"' for label in self.labels(len(payloads)))
        self.define(body, f'tairitsu::Variant<{cpp}, "{wit}", {labels}>', cpp)
        return Type(cpp)

    # ---- Random types

    def leaf(self):
        if self.chance(20):
            return self.string()
        return self.primitive(self.rng.choice(list(PRIMITIVES)))

    def maybe(self, depth):
        return None if self.chance(25) else self.random(depth)

    def random(self, depth):
        """Returns a type with at most `depth` levels."""
        if self.named and self.chance(10):
            return self.rng.choice(self.named)  # Uses a named type twice.
        if depth == 0 or self.chance(15):
            return self.leaf()
        return self.compound(depth)

    def compound(self, depth):
        """Returns a type that is not a primitive."""
        kind = self.rng.choices(
            ["list", "option", "result", "tuple", "record", "variant", "enum", "flags"],
            [14, 14, 14, 12, 22, 16, 6, 6])[0]
        few = self.rng.choice([1, 2, 2, 3, 3, 4, 5, 6])
        if kind == "list":
            return self.list(self.random(depth - 1))
        if kind == "option":
            return self.option(self.random(depth - 1))
        if kind == "result":
            return self.result(self.maybe(depth - 1), self.maybe(depth - 1))
        if kind == "tuple":
            return self.tuple([self.random(depth - 1) for _ in range(few)])
        if kind == "record" and self.chance(35):
            made = self.record([self.primitive(self.rng.choice(NUMBERS)) for _ in range(few)])
        elif kind == "record":
            made = self.record([self.random(depth - 1) for _ in range(few)])
        elif kind == "variant":
            made = self.variant([self.maybe(depth - 1) for _ in range(few)])
        elif kind == "enum":
            made = self.enum(self.rng.choice([1, 2, 3, 7, 40]))
        else:
            made = self.flags(self.rng.randint(1, 32))
        self.named.append(made)
        return made


def edges():
    """Yields functions that generate types which a random choice rarely produces."""
    for wit in PRIMITIVES:
        yield lambda g, wit=wit: g.primitive(wit)
    yield lambda g: g.string()
    for wit in ("bool", "u8", "f64", "char"):
        yield lambda g, wit=wit: g.list(g.primitive(wit))
    yield lambda g: g.list(g.string())
    yield lambda g: g.list(g.list(g.primitive("u16")))
    yield lambda g: g.option(g.primitive("u8"))
    yield lambda g: g.tuple([g.option(g.primitive(wit)) for wit in ("s16", "u32", "s64", "f32")])
    yield lambda g: g.tuple([g.option(g.primitive(wit)) for wit in ("f64", "bool", "char", "s8")])
    yield lambda g: g.option(g.option(g.string()))
    yield lambda g: g.option(g.option(g.option(g.primitive("bool"))))
    yield lambda g: g.result(None, None)
    yield lambda g: g.result(g.string(), None)
    yield lambda g: g.result(None, g.primitive("f32"))
    # Payloads with different core types in the same slot.
    yield lambda g: g.result(g.primitive("f64"), g.primitive("f32"))
    for error in ("f32", "f64", "u64"):
        yield lambda g, error=error: g.tuple([g.result(g.primitive(ok), g.primitive(error))
                                              for ok in ("f32", "f64", "u32", "s64", "s8") if ok != error])
    yield lambda g: g.variant([g.primitive(wit) for wit in ("f32", "f64", "s64", "s8")] + [g.string(), None])
    yield lambda g: g.variant([g.tuple([g.primitive("f32"), g.primitive("s64"), g.primitive("f64")]),
                               g.tuple([g.primitive("f64"), g.primitive("f32"), g.primitive("f64")]),
                               g.tuple([g.primitive("u8"), g.string(), g.primitive("f32")])])
    yield lambda g: g.variant([None])
    yield lambda g: g.variant([g.primitive("s16")])
    for cases in (1, 255, 256, 257, 600):
        yield lambda g, cases=cases: g.enum(cases)
    # A discriminant with two bytes. GCC takes 15 seconds to compile this.
    yield lambda g: g.variant([g.primitive("u8")] + [None] * 256)
    for count in (1, 8, 9, 16, 17, 31, 32):
        yield lambda g, count=count: g.flags(count)
    # At the limit of flat parameters, and beyond it.
    for count in (7, 8, 15, 16, 17):
        yield lambda g, count=count: g.record([g.primitive("u16")] * count, "plain")
    yield lambda g: g.tuple([g.string()] * 8)
    yield lambda g: g.tuple([g.string()] * 8 + [g.primitive("bool")])
    # Structs with the layout of the ABI, with and without padding, and structs that only resemble it.
    for fields in (["f64", "f64", "f64"], ["u32", "f32"], ["u8", "u32"], ["s64", "u8"], ["u8", "u16", "u8"],
                   ["u8"], ["u16", "u8", "u8", "u32"], ["u8", "s64", "u8", "f32"]):
        yield lambda g, fields=fields: g.tuple([g.list(g.record([g.primitive(wit) for wit in fields], form))
                                                for form in ("plain", "shuffled", "derived")])
    yield lambda g: g.record([g.primitive("u8"), g.primitive("u32")], "plain")
    yield lambda g: g.record([g.primitive("f64"), g.primitive("f64")], "plain")
    yield lambda g: g.record([g.record([g.primitive("u8"), g.primitive("u16")], "plain"),
                              g.primitive("u8"), g.record([g.primitive("u64")], "plain")], "plain")
    yield lambda g: g.record([g.primitive("u32"), g.primitive("u32")], "overaligned")
    yield lambda g: g.tuple([g.primitive("u8"), g.primitive("u64"), g.primitive("u8")])
    yield lambda g: g.list(g.record([g.primitive("f64"), g.primitive("u8")], "plain"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--types", type=int, required=True, help="random types, in addition to the edge cases")
    parser.add_argument("--typed-every", type=int, default=7, metavar="N",
                        help="use the public templates, which compile slowly, for every Nth type only")
    parser.add_argument("--files", type=int, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()

    makers = list(edges()) + [lambda g: g.compound(4)] * arguments.types
    files = [[] for _ in range(arguments.files)]
    for index, make in enumerate(makers):
        kind = "edge" if index < len(makers) - arguments.types else "random"
        space = f"{kind}{index:03}"
        generator = Generator(random.Random(f"{arguments.seed}/{index}"), space)
        made = make(generator)
        register = "RegisterTyped" if index % arguments.typed_every == 0 else "Register"
        files[index % len(files)].append(
            "\n".join(generator.definitions)
            + f"namespace differential {{\nconst {register}<{made.cpp}, {made.view}> {space}(\"{space}\");\n}}\n")
    arguments.output.mkdir(parents=True, exist_ok=True)
    for index, parts in enumerate(files):
        text = "// Generated by tests/differential/generate.py.\n#include \"erased_subject.h\"\n#include \"typed_subject.h\"\n\n" + "\n".join(parts)
        (arguments.output / f"types_{index:02}.cc").write_text(text)


if __name__ == "__main__":
    main()

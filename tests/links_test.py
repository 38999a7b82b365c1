"""Checks that every relative link in the Markdown files of a tree leads to a file, a directory or a heading. If a
link is followed by a colon and a code block, the block must contain the whole text of the file.

Usage: links_test.py TREE
"""

import pathlib
import re
import sys

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\(([^()\s]+)\)")
WHOLE = re.compile(r"\]\(([^()\s]+)\):\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
SKIPPED = {"target", "node_modules"}


def prose(text):
    """Removes code, in which brackets have other meanings. The text of a link may be code."""
    return CODE.sub("", FENCE.sub("", text))


def anchors(path):
    """Returns the anchors that GitHub creates for the headings of a file."""
    headings = HEADING.findall(FENCE.sub("", path.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(path):
    """Yields the broken links of a file, and the code blocks that differ from the linked file."""
    for link, text in WHOLE.findall(path.read_text(encoding="utf-8")):
        target = path.parent / link
        if target.is_file() and target.read_text(encoding="utf-8") != text:
            yield f"{path}: {link}: the code block differs from the file"
    for link in LINK.findall(prose(path.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        if not target.exists():
            yield f"{path}: {link}: not found"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            yield f"{path}: {link}: no such heading"


def main(tree):
    root = pathlib.Path(tree)
    files = [
        path
        for path in sorted(root.rglob("*.md"))
        if not any(part in SKIPPED or part.startswith(("build", ".")) for part in path.relative_to(root).parts)
    ]
    assert files, f"{tree}: no documentation"
    found = [line for path in files for line in broken(path)]
    print("\n".join(found) or f"{len(files)} files")
    return 1 if found else 0


sys.exit(main(*sys.argv[1:]))

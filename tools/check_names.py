"""Check that no defined name contains one of the vague words in `WORDS`.

    python tools/check_names.py [FILE ...]

A word counts if it is a whole name, or a part between underscores or capitals: `asked`, `_told`,
`AskedBefore`, but not `almost`. Names that are only used, and texts, are not checked.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("model", "service", "tanger", "tests", "benchmarks", "tools", "docs")
WORDS = frozenset({"said", "told", "asked", "behind", "most"})
# Names that are part of file formats or interfaces, each with the reason to keep it.
ALLOWED: dict[str, str] = {}
_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def bad(name: str) -> bool:
    """Whether a name contains a vague word."""
    return name not in ALLOWED and not WORDS.isdisjoint(p.lower() for p in _PARTS.findall(name))


def defined(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield every name that a module defines, with its line number."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name, node.lineno
            case ast.arg():
                yield node.arg, node.lineno
            case ast.Name(ctx=ast.Store()):
                yield node.id, node.lineno
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr, node.lineno
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                yield name, node.lineno
            case ast.alias(asname=str(name)):
                yield name, node.lineno
            case _:
                pass


def main(arguments: list[str]) -> int:
    """Print each bad name; return 1 if there is one, or else 0."""
    paths = [Path(a) for a in arguments] or [
        path
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "tanger" not in path.relative_to(ROOT).parts[1:]
        and path.relative_to(ROOT).parts[:2] not in (("tanger", "model"), ("tanger", "service"))
    ]
    found = 0
    for path in paths:
        if not WORDS.isdisjoint(_PARTS.findall(path.stem)):
            print(f"{path}: the file's name")
            found += 1
        names = set(defined(ast.parse(path.read_text("utf-8"))))
        for name, line in sorted(names, key=lambda each: each[1]):
            if bad(name):
                print(f"{path}:{line}: {name}")
                found += 1
    if found:
        print(f"{found} names with one of: {', '.join(sorted(WORDS))}")
    return min(found, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Print figures of the source code as a row of a Markdown table.

    python tools/figures.py [--details]

Lines of code exclude blank lines, comments and docstrings. The length of a function excludes its
decorators; its nesting is that of the blocks in it. Import cycles include imports inside functions.
"""

from __future__ import annotations

import ast
import io
import statistics
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import grimp

ROOT = Path(__file__).parent.parent
SOURCE, TESTS = ("model", "service"), ("tests",)
_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


def files(folders: tuple[str, ...]) -> list[Path]:
    """Return the Python files of these folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def code_lines(source: str) -> int:
    """Count the lines of code, without blank lines, comments and docstrings."""
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                docstrings.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield all functions and methods, including nested ones."""
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the number of lines of a function, from its ``def`` to its end."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def nesting(node: ast.AST, depth: int = 0) -> int:
    """Return the depth of the deepest block in a function, not counting nested functions."""
    deepest = depth
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (*_FUNCTIONS, ast.ClassDef)):
            continue
        chained = isinstance(node, ast.If) and isinstance(child, ast.If) and child in node.orelse
        deeper = isinstance(child, _BLOCKS) and not (chained and len(node.orelse) == 1)
        deepest = max(deepest, nesting(child, depth + deeper))
    return deepest


def cycles() -> list[list[str]]:
    """Return groups of modules that import one another."""
    sys.path.insert(0, str(ROOT))
    graph = grimp.build_graph("tanger", exclude_type_checking_imports=True)
    reaches = {m: graph.find_upstream_modules(m) for m in graph.modules}
    groups = {
        tuple(sorted(n for n in reaches[m] if m in reaches[n])) for m in reaches if m in reaches[m]
    }
    return [list(group) for group in sorted(groups)]


def main() -> int:
    """Print the row, with ``--details`` also outliers; return 1 if there are import cycles."""
    paths = files(SOURCE)
    sources = {path: path.read_text("utf-8") for path in paths}
    sizes = {path: source.count("\n") for path, source in sources.items()}
    code = sum(map(code_lines, sources.values()))
    trees = {path: ast.parse(source) for path, source in sources.items()}
    found = [(length(f), path, f) for path in paths for f in functions(trees[path])]
    spans = sorted(size for size, _, _ in found)
    deep = max(nesting(f) for _, _, f in found)
    tests = sum(code_lines(path.read_text("utf-8")) for path in files(TESTS))
    loops = cycles()
    print(
        "| Python files / lines (of code) | file median, longest "
        "| function median / 95th / longest | nesting | cycles | tests / source |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    print(
        f"| {len(paths)} / {sum(sizes.values()):,} ({code:,}) "
        f"| {statistics.median(sizes.values()):.0f}, {max(sizes.values())} "
        f"| {statistics.median(spans):.0f} / {spans[int(0.95 * len(spans))]} / {spans[-1]} "
        f"| {deep} | {len(loops)} | {tests / code:.2f} |"
    )
    if "--details" in sys.argv[1:]:
        for path, size in sizes.items():
            if not 60 <= size <= 450 and path.name not in ("__init__.py", "__main__.py"):
                print(f"{path.relative_to(ROOT)}: {size} lines")
        for size, path, function in sorted(found, key=lambda each: -each[0]):
            if size > 80:
                print(f"{path.relative_to(ROOT)}:{function.lineno} {function.name}: {size} lines")
        for path, tree in trees.items():
            for function in functions(tree):
                for inner in functions(function):
                    if inner is not function and length(inner) > 10:
                        where = f"{path.relative_to(ROOT)}:{inner.lineno}"
                        print(f"{where} {inner.name}: {length(inner)} lines in {function.name}")
        for loop in loops:
            print("cycle:", " ".join(loop))
    return min(len(loops), 1)


if __name__ == "__main__":
    sys.exit(main())

"""The source files of the package, parsed, for the tests that judge their form."""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "equi_nodes"
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
LAYOUT = (
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
)


@dataclass(frozen=True)
class Source:
    """One file of the package."""

    path: Path

    @cached_property
    def text(self) -> str:
        """Its content."""
        return self.path.read_text()

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.text)

    @property
    def name(self) -> str:
        """Its path inside the repository."""
        return str(self.path.relative_to(ROOT))

    @property
    def room(self) -> str:
        """The folder of the package that it lies in; the file's own name at the top."""
        return self.path.relative_to(PACKAGE).parts[0].removesuffix(".py")

    @cached_property
    def code_lines(self) -> set[int]:
        """Numbers of the lines that hold code: no blank lines, comments or docstrings."""
        lines: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type not in LAYOUT:
                lines.update(range(token.start[0], token.end[0] + 1))
        return lines - self._docstring_lines()

    def _docstring_lines(self) -> set[int]:
        lines: set[int] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.Module, ast.ClassDef, *FUNCTION)) and ast.get_docstring(node):
                lines.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
        return lines

    def functions(self) -> list[ast.FunctionDef]:
        """All functions and methods."""
        return [node for node in ast.walk(self.tree) if isinstance(node, FUNCTION)]

    def public(self) -> list[tuple[str, ast.AST]]:
        """Name and node of every public class, function and method."""
        return [pair for pair in _definitions(self.tree.body, "") if not _is_private(pair[0])]

    def length(self, function: ast.FunctionDef) -> int:
        """Code lines of a function, its signature included."""
        span = range(function.lineno, function.end_lineno + 1)
        return len(self.code_lines.intersection(span))


def package_sources() -> list[Source]:
    """Every Python file of the package."""
    return [Source(path) for path in sorted(PACKAGE.rglob("*.py"))]


def _definitions(body: list[ast.stmt], prefix: str) -> list[tuple[str, ast.AST]]:
    found: list[tuple[str, ast.AST]] = []
    for node in body:
        if isinstance(node, FUNCTION):
            found.append((prefix + node.name, node))
        elif isinstance(node, ast.ClassDef):
            found.append((prefix + node.name, node))
            found += _definitions(node.body, f"{prefix}{node.name}.")
    return found


def _is_private(name: str) -> bool:
    return any(part.startswith("_") for part in name.split("."))

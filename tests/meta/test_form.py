"""Files and functions stay small, and everything public is documented and typed."""

from __future__ import annotations

import ast

import pytest
from meta.sources import Source, package_sources

MOST_FILE_LINES = 400
MOST_NODE_LINES = 150
LONG_FUNCTION = 50
SHARE_OF_LONG_FUNCTIONS = 0.01
MEDIAN_FILE_LINES = 120
SOURCES = package_sources()


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_file_is_small(source):
    limit = MOST_NODE_LINES if source.room == "nodes" else MOST_FILE_LINES
    assert len(source.code_lines) <= limit


def test_most_files_are_smaller():
    sizes = sorted(len(source.code_lines) for source in SOURCES)
    assert sizes[len(sizes) // 2] <= MEDIAN_FILE_LINES


def test_functions_are_small():
    lengths = {
        f"{source.name}:{function.name}": source.length(function)
        for source in SOURCES
        for function in source.functions()
    }
    long = {name: length for name, length in lengths.items() if length > LONG_FUNCTION}
    assert len(long) <= SHARE_OF_LONG_FUNCTIONS * len(lengths), long


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_public_names_have_docstrings(source):
    missing = [name for name, node in source.public() if not ast.get_docstring(node)]
    assert not missing
    assert ast.get_docstring(source.tree), "the module has no docstring"


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_public_functions_are_annotated(source):
    assert not unannotated(source)


def unannotated(source: Source) -> list[str]:
    """Public functions of which an argument or the result has no type."""
    functions = [(n, f) for n, f in source.public() if not isinstance(f, ast.ClassDef)]
    return [name for name, function in functions if not is_annotated(function)]


def is_annotated(function: ast.FunctionDef) -> bool:
    """Whether every argument but self and cls, and the result, has a type."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    named += [extra for extra in (arguments.vararg, arguments.kwarg) if extra]
    typed = all(a.annotation for a in named if a.arg not in ("self", "cls"))
    return typed and function.returns is not None


def test_an_untyped_function_is_found(tmp_path):
    file = tmp_path / "example.py"
    file.write_text("def f(a: int) -> int: ...\ndef g(a) -> int: ...\ndef _h(a): ...\n")
    assert unannotated(Source(file)) == ["g"]

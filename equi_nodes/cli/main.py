"""The `equi` command: finds the verb, runs it, writes its figures, turns errors into sentences."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from equi_nodes import __version__
from equi_nodes.errors import EquiError

# Here and not asked of the modules, so that `equi --help` imports none of them.
VERBS = {
    "doctor": "Check this machine, or the sensors of a recording, and name the fix.",
    "up": "Start the nodes of a graph and stop them together.",
    "demo": "Drive a simulated robot among people with all nodes, from its sensors to a report.",
    "replay": "Run a node's pipeline over a recording and score it.",
    "bag": "Write a data set as a rosbag2 recording, or say what a recording holds.",
    "train": "Train a network on the recordings at hand; call again to continue.",
    "eval": "Score a network by its published protocol, or the odometry by its promises.",
    "export": "Export a network to ONNX and TensorRT and check it.",
    "bench": "Measure the latency of a network on every backend.",
}
INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one sentence, as those of the whole command are."""

    def error(self, message: str) -> NoReturn:
        """Raise the complaint as an `EquiError`."""
        raise EquiError(f"{message[:1].upper()}{message[1:]}: see {self.prog} --help.")


def main(arguments: list[str] | None = None) -> int:
    """Run `equi` with the command line's arguments; return the exit code.

    It is 0 after success, 1 after bad input or a failed check, 130 after Ctrl-C.
    """
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except EquiError as error:
        print(f"equi: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def overview() -> Parser:
    """Return the parser of `equi` without a verb."""
    width = max(map(len, VERBS))
    lines = "\n".join(f"  {verb:{width}}  {text}" for verb, text in VERBS.items())
    parser = Parser(
        prog="equi",
        usage="equi VERB ...",
        description=f"Equivariant networks at work on robots.\n\nverbs:\n{lines}",
        epilog="example: equi doctor\n`equi VERB --help` explains a verb.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"equi {__version__}")
    parser.add_argument("verb", nargs="?", metavar="VERB", help=argparse.SUPPRESS)
    return parser


def verb_parser(verb: str, module: ModuleType) -> Parser:
    """Return the parser of one verb, with the options that all verbs share."""
    parser = Parser(
        prog=f"equi {verb}",
        description=module.HELP,
        epilog=f"example: {module.EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.configure(parser)
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures to FILE")
    return parser


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in VERBS:
        return _without_verb(arguments)
    verb, *rest = arguments
    module = _import_verb(verb)
    options = verb_parser(verb, module).parse_args(rest)
    try:
        figures = module.run(options)
    except ModuleNotFoundError as error:
        raise _missing_package(error) from error
    if options.json:
        _write_figures(options.json, figures)
    return 0 if figures.get("ok", True) else 1


def _without_verb(arguments: list[str]) -> int:
    parser = overview()
    verb = parser.parse_args(arguments).verb
    if verb:
        raise EquiError(f"There is no verb '{verb}': choose one of {', '.join(VERBS)}.")
    parser.print_help()
    return 0


def _import_verb(verb: str) -> ModuleType:
    try:
        return import_module(f"equi_nodes.cli.{verb}")
    except ModuleNotFoundError as error:
        raise _missing_package(error) from error


def _missing_package(error: ModuleNotFoundError) -> Exception:
    """The sentence for a package that is not installed; our own defects stay as they are."""
    package = (error.name or "").partition(".")[0]
    if package in ("", "equi_nodes"):
        return error
    return EquiError(f"The package {package} is not installed: equi doctor names the fix.")


def _write_figures(path: Path, figures: dict) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(figures, indent=1) + "\n")
    except OSError as error:
        raise EquiError(f"The figures cannot be written to {path}: {error.strerror}.") from error


if __name__ == "__main__":
    sys.exit(main())

"""What all reports share: the page, its tiles, pictures as text, versions."""

from __future__ import annotations

import io
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from jinja2 import Environment, PackageLoader
from matplotlib.figure import Figure


def render(template: str = "report.html", **values: Any) -> str:
    """Return a template of this package filled in."""
    templates = Environment(loader=PackageLoader("equi_nodes.evaluation"), autoescape=True)
    return templates.get_template(template).render(**values)


def svg(figure: Figure) -> str:
    """Return a figure as an SVG element to stand in a page."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def tile(name: str, value: str, note: str, verdict: str = "") -> dict[str, str]:
    """Return one of the figures on top of a page; the verdict is ``good``, ``bad`` or empty."""
    return {"name": name, "value": value, "note": note, "verdict": verdict}


def machine_facts(*packages: str) -> list[tuple[str, str]]:
    """Return the lines of "how this was made" that tell versions and machine."""
    machine = f"{platform.platform()}, Python {platform.python_version()}"
    return [("versions", ", ".join(_versions(packages))), ("machine", machine)]


def _versions(packages: tuple[str, ...]) -> Iterator[str]:
    for name in ("equi_nodes", *packages):
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            continue

"""The optional solver of the map."""

from __future__ import annotations

from types import ModuleType

from equi_nodes.errors import EquiError


def solver() -> ModuleType:
    """Return gtsam.

    Raises:
        EquiError: it is not installed.
    """
    try:
        import gtsam
    except ImportError as error:
        raise EquiError(
            "The map needs gtsam, which is not installed: run `pip install gtsam`, "
            "or switch the map off."
        ) from error
    return gtsam

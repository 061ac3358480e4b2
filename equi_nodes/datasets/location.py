"""Where recordings lie: ``EQUI_DATA``, or ``shared/data`` beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

from equi_nodes.errors import EquiError


def data_dir(name: str) -> Path:
    """Return the folder of the data set ``name``.

    Raises:
        EquiError: it is not on this machine.
    """
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("EQUI_DATA") or beside) / name
    if not folder.is_dir():
        raise EquiError(
            f"The recordings {name!r} are not in {folder.parent}; set EQUI_DATA to the folder that"
            f" holds {name}/."
        )
    return folder

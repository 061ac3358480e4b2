"""What all tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from equi_nodes.datasets.location import data_dir
from equi_nodes.errors import EquiError


@pytest.fixture(scope="session")
def recordings() -> Callable[[str], Path]:
    """Finds the folder of a data set; skips the test, with the reason, where it is missing."""

    def find(name: str) -> Path:
        try:
            return data_dir(name)
        except EquiError as error:
            pytest.skip(str(error))

    return find

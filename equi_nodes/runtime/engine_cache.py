"""Exported networks and built engines, kept between runs under the user's cache folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from equi_nodes import __version__
from equi_nodes.errors import EquiError
from equi_nodes.runtime.card import sha256
from equi_nodes.runtime.weights import shipped_weights

log = logging.getLogger(__name__)


def cache_dir() -> Path:
    """Return the cache folder, ``EQUI_CACHE`` or the user's own; it is made if missing.

    Raises:
        EquiError: it cannot be written.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("EQUI_CACHE") or Path(base) / "equi_nodes")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EquiError(
            f"The cache {folder} cannot be made ({error.strerror}); set EQUI_CACHE to a folder"
            " that can be written."
        ) from error
    return folder


def cached_onnx(model: str, weights: str) -> Path:
    """Return the ONNX file of these weights: the one that lies beside them, or one in the cache.

    It is exported the first time. Its name holds the hash of the weights and the version of this
    package, so that a change of either exports anew.
    """
    path = Path(weights) if weights else shipped_weights(model)
    if not path.is_file():
        raise EquiError(f"There are no weights at {path}; check the path, or leave it empty.")
    from equi_nodes.runtime.export import export_onnx

    name = onnx_name(model, path)
    if (path.parent / name).is_file():
        return path.parent / name
    return cached_file(name, lambda partial: export_onnx(model, path, partial))


def onnx_name(model: str, weights: Path) -> str:
    """Return the file name of the exported form of these weights."""
    return f"{model}-{sha256(weights)[:16]}-{__version__}.onnx"


def cached_file(name: str, make: Callable[[Path], object]) -> Path:
    """Return the cached file ``name``, made by ``make(path)`` the first time, whole or not."""
    cached = cache_dir() / name
    if not cached.exists():
        log.info("making %s, once", cached)
        partial = cached.with_name(f"{name}.{os.getpid()}.new")
        try:
            make(partial)
            partial.replace(cached)
        finally:
            partial.unlink(missing_ok=True)
    return cached

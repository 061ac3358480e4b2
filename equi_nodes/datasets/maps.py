"""Readers of grid maps: ROS map_server, Moving-AI benchmarks, floor plans of houses, dungeons."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import yaml

from equi_nodes.errors import EquiError

FREE, OCCUPIED, UNKNOWN = 0, 100, -1
REAL_BUILDINGS = (
    "willow_2010_0.10",
    "stata_basement",
    "mit_building_31",
    "levinelobby",
    "columbia",
)
HOUSE_RESOLUTION = 0.05
HOUSE_GREYS = {0: OCCUPIED, 255: FREE}
DUNGEON_GREYS = {127: OCCUPIED, 195: FREE, 203: FREE}
TRAINING_SHARE = 0.6


@dataclass(frozen=True)
class GridMap:
    """A map as a file holds it.

    Attributes:
        name: of the file, without suffix.
        resolution: metres per cell; 1 for maps without a scale.
        cells: (H, W) int8, row 0 has the smallest y; 0 free, 100 occupied, -1 unknown.
        family: ``ros``, ``movingai``, ``houseexpo`` or ``dungeon``.
    """

    name: str
    resolution: float
    cells: np.ndarray
    family: str


@dataclass(frozen=True)
class Scenario:
    """One published query on a Moving-AI map.

    Attributes:
        start, goal: (row, column) of the map's cells.
        optimal: length of the shortest path in cells; diagonal steps count sqrt(2), and no corner
            of an obstacle is cut.
    """

    start: tuple[int, int]
    goal: tuple[int, int]
    optimal: float


def read_map(path: Path | str) -> GridMap:
    """Return the map of one file: ``.yaml`` of a map_server, ``.map`` of Moving-AI, or ``.png``.

    A bare picture is a house (black and white) or a dungeon (greys 127, 195 and 203).

    Raises:
        EquiError: the file is missing, damaged, or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise EquiError(f"The map {path} does not exist; give the path of a map's file.")
    readers = {".yaml": _read_ros, ".yml": _read_ros, ".map": _read_movingai, ".png": _read_picture}
    if path.suffix not in readers:
        raise EquiError(f"{path} is not a map; give a .yaml, .map or .png file.")
    return readers[path.suffix](path)


def map_files(folder: Path | str) -> list[Path]:
    """Return the files of a folder, and of those below it, that :func:`read_map` reads, sorted.

    Pictures that belong to a YAML file, and YAML files of masks in another mode than ``trinary``,
    are left out.

    Raises:
        EquiError: there are none.
    """
    found = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    maps = [path for path in found if _is_map(path)]
    if not maps:
        raise EquiError(f"There are no maps in {folder}; give a folder of .yaml, .map or .png.")
    return maps


def maps_in(folder: Path | str) -> list[GridMap]:
    """Return all maps of a folder and of those below it, in the order of their paths."""
    return [read_map(path) for path in map_files(folder)]


def read_scenarios(path: Path | str) -> list[Scenario]:
    """Return the queries of a ``.map.scen`` file, as its map is laid out by :func:`read_map`.

    Raises:
        EquiError: the file is missing or damaged.
    """
    try:
        head, *lines = Path(path).read_text().splitlines()
        rows = [line.split() for line in lines if head.startswith("version") and line.strip()]
        queries = [
            Scenario((int(y0), int(x0)), (int(y1), int(x1)), float(optimal))
            for *_, x0, y0, x1, y1, optimal in rows
        ]
    except (OSError, ValueError):
        queries = []
    if not queries:
        raise EquiError(f"{path} holds no scenarios of Moving-AI; fetch it with its map again.")
    return queries


def coarser(grid: GridMap, factor: int) -> GridMap:
    """Return the map with ``factor`` times ``factor`` cells joined to one, cells at the rim fewer.

    A cell is occupied if any of its cells is; unknown if any is unknown and none occupied.
    """
    height, width = (-(-size // factor) * factor for size in grid.cells.shape)
    rim = ((0, height - grid.cells.shape[0]), (0, width - grid.cells.shape[1]))
    blocks = np.pad(grid.cells, rim).reshape(height // factor, factor, width // factor, factor)
    cells = np.where((blocks == UNKNOWN).any((1, 3)), UNKNOWN, FREE)
    cells[(blocks == OCCUPIED).any((1, 3))] = OCCUPIED
    return GridMap(grid.name, grid.resolution * factor, cells.astype(np.int8), grid.family)


def is_for_training(name: str) -> bool:
    """Return whether the house of this name may be trained on; the others are for tests alone."""
    return hashlib.sha256(name.encode()).digest()[0] < TRAINING_SHARE * 256


def _is_map(path: Path) -> bool:
    if path.suffix in (".yaml", ".yml"):
        return _settings(path).get("mode", "trinary") == "trinary"
    has_settings = any(path.with_suffix(suffix).exists() for suffix in (".yaml", ".yml"))
    return path.suffix == ".map" or (path.suffix == ".png" and not has_settings)


def _settings(path: Path) -> dict:
    try:
        settings = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        settings = None
    if not isinstance(settings, dict) or not {"image", "resolution"} <= settings.keys():
        raise EquiError(f"{path} is not the YAML of a map; it needs image and resolution.")
    return settings


def _read_ros(path: Path) -> GridMap:
    settings = _settings(path)
    if settings.get("mode", "trinary") != "trinary":
        raise EquiError(f"{path} is a mask in mode {settings['mode']}; give a trinary map.")
    try:
        resolution = float(settings["resolution"])
        negate = bool(int(settings.get("negate", 0)))
        occupied = float(settings.get("occupied_thresh", 0.65))
        free = float(settings.get("free_thresh", 0.25))
    except (TypeError, ValueError) as error:
        raise EquiError(f"{path} has a setting that is no number: {error}.") from None
    if not (math.isfinite(resolution) and resolution > 0):
        raise EquiError(f"{path} has resolution {resolution}; it must be above 0 metres per cell.")
    greys = _picture(path.parent / str(settings["image"])) / 255.0
    share = greys if negate else 1.0 - greys
    cells = np.full(share.shape, UNKNOWN, np.int8)
    cells[share < free] = FREE
    cells[share > occupied] = OCCUPIED
    # The picture's first row is its top, that of the grid its bottom.
    return GridMap(path.stem, resolution, cells[::-1].copy(), "ros")


def _read_movingai(path: Path) -> GridMap:
    """Read rows as they come: the format counts y from its first row, and so does the grid."""
    try:
        kind, height, width, _, *rows = path.read_text().splitlines()
        shape = int(height.split()[1]), int(width.split()[1])
    except (ValueError, IndexError):
        kind, shape, rows = "", (0, 0), []
    rows = [row for row in rows if row]
    if not kind.startswith("type") or not rows or shape != (len(rows), len(rows[0])):
        raise EquiError(f"{path} is not a map of Moving-AI; its size must agree with its header.")
    if len({len(row) for row in rows}) > 1:
        raise EquiError(f"{path} has rows of different lengths; fetch it again.")
    letters = np.array([list(row) for row in rows])
    cells = np.where(np.isin(letters, list(".GS")), FREE, OCCUPIED).astype(np.int8)
    return GridMap(path.stem, 1.0, cells, "movingai")


def _read_picture(path: Path) -> GridMap:
    """Read rows as they come: in these sets the first row has the smallest y."""
    greys = _picture(path)
    present = set(np.unique(greys).tolist())
    for family, meaning, resolution in (
        ("houseexpo", HOUSE_GREYS, HOUSE_RESOLUTION),
        ("dungeon", DUNGEON_GREYS, 1.0),
    ):
        if present <= meaning.keys():
            table = np.zeros(256, np.int8)
            table[list(meaning)] = list(meaning.values())
            return GridMap(path.stem, resolution, table[greys], family)
    raise EquiError(f"{path} is neither a house nor a dungeon; give the YAML file of the map.")


def _picture(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.is_file() else None
    if picture is None:
        raise EquiError(f"{path} is missing or no picture; fetch the map again.")
    return picture

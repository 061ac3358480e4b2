"""Maps mean in the package what their files mean where they come from."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from equi_nodes.datasets.maps import (
    FREE,
    OCCUPIED,
    REAL_BUILDINGS,
    UNKNOWN,
    GridMap,
    coarser,
    is_for_training,
    map_files,
    maps_in,
    read_map,
    read_scenarios,
)
from equi_nodes.errors import EquiError

GREYS = np.array([[0, 205, 254], [254, 254, 100]], np.uint8)  # top row first


def write_ros(folder, greys=GREYS, name="plan", **settings):
    """Write a map of a map_server and return its YAML file."""
    cv2.imwrite(str(folder / f"{name}.pgm"), greys)
    values = {"image": f"{name}.pgm", "resolution": 0.05, "occupied_thresh": 0.65}
    values |= {"free_thresh": 0.196, "negate": 0} | settings
    file = folder / f"{name}.yaml"
    file.write_text("".join(f"{key}: {value}\n" for key, value in values.items()))
    return file


def write_movingai(folder, rows, height=None):
    """Write a Moving-AI map and return its file."""
    file = folder / "little.map"
    head = f"type octile\nheight {height or len(rows)}\nwidth {len(rows[0])}\nmap\n"
    file.write_text(head + "\n".join(rows) + "\n")
    return file


def write_picture(folder, greys, name="one.png"):
    """Write a bare picture and return its file."""
    cv2.imwrite(str(folder / name), np.array(greys, np.uint8))
    return folder / name


def test_ros_map_is_trinary_with_its_bottom_row_first(tmp_path):
    grid = read_map(write_ros(tmp_path))
    assert (grid.name, grid.resolution, grid.family) == ("plan", 0.05, "ros")
    expected = [[FREE, FREE, UNKNOWN], [OCCUPIED, UNKNOWN, FREE]]
    np.testing.assert_array_equal(grid.cells, expected)
    assert grid.cells.dtype == np.int8


def test_negated_ros_map_swaps_free_and_occupied(tmp_path):
    cells = read_map(write_ros(tmp_path, negate=1)).cells
    np.testing.assert_array_equal(cells[1], [FREE, OCCUPIED, OCCUPIED])


def test_movingai_letters_and_scenarios_share_rows(tmp_path):
    file = write_movingai(tmp_path, [".@T", "GSW", "O.."])
    cells = read_map(file).cells
    np.testing.assert_array_equal(cells == FREE, [[1, 0, 0], [1, 1, 0], [0, 1, 1]])
    queries = tmp_path / "little.map.scen"
    queries.write_text("version 1\n0\tlittle.map\t3\t3\t0\t0\t1\t2\t2.41421\n")
    (scenario,) = read_scenarios(queries)
    assert (scenario.start, scenario.goal, scenario.optimal) == ((0, 0), (2, 1), 2.41421)
    assert cells[scenario.start] == cells[scenario.goal] == FREE


def test_pictures_are_told_apart_by_their_greys(tmp_path):
    house = read_map(write_picture(tmp_path, [[0, 255], [255, 255]]))
    dungeon = read_map(write_picture(tmp_path, [[127, 195], [203, 195]]))
    for grid in (house, dungeon):
        np.testing.assert_array_equal(grid.cells, [[OCCUPIED, FREE], [FREE, FREE]])
    assert (house.family, house.resolution) == ("houseexpo", 0.05)
    assert (dungeon.family, dungeon.resolution) == ("dungeon", 1.0)


def test_folder_is_read_without_masks_and_pictures_of_yaml_files(tmp_path):
    write_ros(tmp_path)
    write_ros(tmp_path, name="speed", mode="scale")
    write_picture(tmp_path, [[0, 255]], "plan.png")
    write_picture(tmp_path, [[0, 255]], "house.png")
    assert [grid.name for grid in maps_in(tmp_path)] == ["house", "plan"]


def test_coarser_cell_takes_the_worst_of_its_cells():
    cells = np.array([[0, 0, -1, 0, 0], [0, 0, 0, 100, -1], [-1, 0, 0, 0, 0]], np.int8)
    grid = coarser(GridMap("x", 0.05, cells, "ros"), 2)
    np.testing.assert_array_equal(grid.cells, [[0, 100, -1], [-1, 0, 0]])
    assert grid.resolution == pytest.approx(0.1)


@pytest.mark.parametrize(
    "settings",
    [{"resolution": 0}, {"resolution": "nan"}, {"negate": "maybe"}, {"image": "no.pgm"}]
    + [{"mode": "scale"}, {"free_thresh": "[1]"}],
    ids=str,
)
def test_bad_ros_map_is_refused_in_one_sentence(tmp_path, settings):
    with pytest.raises(EquiError, match=r"plan\.yaml|no\.pgm"):
        read_map(write_ros(tmp_path, **settings))


def test_other_bad_files_are_refused(tmp_path):
    text = tmp_path / "text.yaml"
    text.write_text("- a list")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG")
    grey = write_picture(tmp_path, [[0, 17]], "grey.png")
    short = write_movingai(tmp_path, ["...", "..."], height=5)
    for path in (text, broken, grey, short, tmp_path / "no.yaml", tmp_path):
        with pytest.raises(EquiError):
            read_map(path)
    with pytest.raises(EquiError):
        read_map(write_movingai(tmp_path, ["...", ".."]))
    with pytest.raises(EquiError):
        read_scenarios(text)
    (tmp_path / "empty").mkdir()
    with pytest.raises(EquiError, match="no maps"):
        maps_in(tmp_path / "empty")


def test_shared_maps_are_read(recordings):
    folder = recordings("maps")
    names = {path.stem for path in map_files(folder / "ros")}
    assert names >= set(REAL_BUILDINGS)
    assert "nav2_depot_speed" not in names
    willow = read_map(folder / "ros" / "willow_2010_0.10.yaml")
    assert willow.cells.shape == (608, 566)
    assert (willow.cells == FREE).mean() == pytest.approx(0.3173, abs=1e-4)
    assert (willow.cells == OCCUPIED).mean() == pytest.approx(0.0016, abs=1e-4)


def test_shared_scenarios_start_and_end_on_free_cells(recordings):
    for file in map_files(recordings("maps") / "movingai"):
        cells = read_map(file).cells
        queries = read_scenarios(file.with_suffix(".map.scen"))
        assert all(cells[q.start] == cells[q.goal] == FREE for q in queries[:50])


def test_houses_are_split_about_three_to_two(recordings):
    houses = maps_in(recordings("maps") / "houseexpo")
    training = sum(is_for_training(house.name) for house in houses)
    assert 0.5 < training / len(houses) < 0.7
    assert all(house.resolution == 0.05 for house in houses)

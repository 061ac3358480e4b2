"""Promises of the config: one declaration makes the checks, the file and the table."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from equi_nodes.config import vio
from equi_nodes.config.apen import ApenConfig
from equi_nodes.config.arteq import ArtEqConfig
from equi_nodes.config.e2_planner import E2PlannerConfig
from equi_nodes.config.eqmotion import EqMotionConfig
from equi_nodes.config.lidar_tracker import LidarTrackerConfig
from equi_nodes.config.load import load, load_file, read_parameter_file, refusal
from equi_nodes.config.node import NodeConfig
from equi_nodes.config.occupancy_mapper import OccupancyMapperConfig
from equi_nodes.config.parameter import parameter, parameters_of
from equi_nodes.config.path_follower import PathFollowerConfig
from equi_nodes.config.paths import share_dir
from equi_nodes.config.render import markdown_table, parameter_file
from equi_nodes.config.sim import SimConfig
from equi_nodes.config.vio import VioConfig
from equi_nodes.errors import EquiError

NODES = {
    "apen": ("Finds the parts of any cloud, and says what each point is.", NodeConfig, ApenConfig),
    "arteq": ("Fits a body to the points of each person.", NodeConfig, ArtEqConfig),
    "e2_planner": (
        "Plans paths on occupancy grids, also through buildings that were not seen yet.",
        NodeConfig,
        E2PlannerConfig,
    ),
    "eqmotion": ("Predicts the motion of tracked agents.", NodeConfig, EqMotionConfig),
    "lidar_tracker": (
        "Finds the people around a robot in the sweeps of a LiDAR and follows them.",
        NodeConfig,
        LidarTrackerConfig,
    ),
    "occupancy_mapper": (
        "Maps the space around a robot from a LiDAR or a laser scanner, without the people in it.",
        NodeConfig,
        OccupancyMapperConfig,
    ),
    "path_follower": (
        "An example that drives a simulated robot along its paths; robots have Nav2's controllers.",
        NodeConfig,
        PathFollowerConfig,
    ),
    "sim": (
        "A simulated robot among people: all its sensors, its time, and the truth of its world.",
        NodeConfig,
        SimConfig,
    ),
    "vio": ("Visual-inertial odometry: one camera or two, and an IMU.", NodeConfig, VioConfig),
}
PARTS = {name: {} for name in NODES} | {"vio": vio.PARTS}
VARIANTS = ["vio_euroc", "vio_realsense", "vio_sim", "vio_zed"]


@dataclass(frozen=True)
class Example:
    """A config of every type."""

    flag: bool = parameter(True, "A switch.")
    size: float = parameter(0.5, "A length.", unit="m", low=0.0, high=2.0, read_only=False)
    count: int = parameter(3, "A number.", low=1)
    mode: str = parameter("a", "A choice.", choices=("a", "b"))


def test_missing_keys_take_defaults_and_whole_numbers_become_floats():
    config = load(Example, {"size": 1})
    assert config == Example(size=1.0)
    assert isinstance(config.size, float)


def test_unknown_keys_warn_with_the_nearest():
    warnings: list[str] = []
    assert load(Example, {"siez": 1.0}, warnings.append) == Example()
    assert warnings == ["Unknown parameter 'siez' is ignored. Did you mean 'size'?"]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"size": 2.1}, "it must be 0.0 to 2.0 m"),
        ({"size": math.nan}, "a finite number"),
        ({"size": math.inf}, "a finite number"),
        ({"size": "1"}, "it must be a float, not a str"),
        ({"size": True}, "it must be a float, not a bool"),
        ({"count": 1.5}, "it must be a int, not a float"),
        ({"count": 0}, "it must be 1 or more"),
        ({"flag": 1}, "it must be a bool, not a int"),
        ({"mode": "c"}, "it must be one of a, b"),
        ({"mode": None}, "it must be a str"),
    ],
)
def test_bad_values_are_refused_with_a_reason(values, reason):
    with pytest.raises(EquiError, match=reason):
        load(Example, values)


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()))
def test_no_value_makes_the_check_fail_itself(value):
    for declared in parameters_of(Example):
        if not refusal(declared, value):
            assert getattr(load(Example, {declared.name: value}), declared.name) == value


@pytest.mark.parametrize("node", NODES)
def test_the_shipped_file_is_the_declaration(node):
    shipped = share_dir() / "config" / "nodes" / f"{node}.param.yaml"
    assert shipped.read_text() == parameter_file(*NODES[node], **PARTS[node])


@pytest.mark.parametrize("node", NODES)
def test_the_shipped_file_reads_back_as_the_defaults(node):
    shipped = share_dir() / "config" / "nodes" / f"{node}.param.yaml"
    values = read_parameter_file(shipped)
    expected = {}
    for config_class in NODES[node][1:]:
        expected |= asdict(config_class())
    expected |= {part: asdict(config_class()) for part, config_class in PARTS[node].items()}
    assert values == expected


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_file_of_a_sensor_changes_known_parameters_only(variant):
    values = read_parameter_file(share_dir() / "config" / "nodes" / f"{variant}.param.yaml")
    parts = {name: values.pop(name) for name in PARTS["vio"] if name in values}
    load(VioConfig, values, warn=pytest.fail)
    for name, part in parts.items():
        load(PARTS["vio"][name], part, warn=pytest.fail)


@pytest.mark.parametrize("node", NODES)
def test_no_name_is_declared_twice(node):
    names = [declared.name for declared in parameters_of(*NODES[node][1:])]
    assert len(names) == len(set(names))


def test_every_default_is_accepted_and_explained():
    parts = PARTS["vio"].values()
    configs = {config for _, *own in NODES.values() for config in own}
    for declared in parameters_of(*configs, *parts, Example):
        assert refusal(declared, declared.default) == ""
        assert declared.doc.endswith(".")


def test_the_table_has_a_row_for_each_parameter():
    table = markdown_table(Example)
    assert "| `size` | 0.5 m | 0.0 to 2.0 m | A length. May change at run time. |" in table
    assert len(table.splitlines()) == 2 + len(parameters_of(Example))


@pytest.mark.parametrize("content", ["", "a: [", "/**: {}", "/**: {ros__parameters: 3}"])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    with pytest.raises(EquiError, match="parameter"):
        load_file(Example, path, warn=pytest.fail)


def test_a_file_is_read(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text(yaml.safe_dump({"/**": {"ros__parameters": {"count": 7}}}))
    assert load_file(Example, path, warn=pytest.fail) == Example(count=7)
    with pytest.raises(EquiError, match="Cannot read"):
        load_file(Example, tmp_path / "missing.yaml", warn=pytest.fail)


@pytest.mark.parametrize("node", NODES)
def test_the_readme_has_the_table_of_the_node_s_parameters(node: str) -> None:
    readme = (share_dir() / "README.md").read_text()
    table = readme.partition(f"<!-- parameters of {node} -->\n")[2]
    table = table.partition("<!-- /parameters -->")[0]
    assert table == markdown_table(*NODES[node][1:], **PARTS[node])

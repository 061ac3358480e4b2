"""Promises of the graph reader: shipped graphs are whole, settings apply, errors are told."""

from __future__ import annotations

import importlib.util

import pytest

from equi_nodes.config.graph import graph_names, read_graph
from equi_nodes.config.load import read_parameter_file
from equi_nodes.errors import EquiError


@pytest.mark.parametrize("name", graph_names())
def test_shipped_graphs_name_programs_and_files_that_exist(name):
    graph = read_graph(name)
    assert graph.name == name
    assert graph.description.endswith(".")
    for node in graph.nodes:
        assert importlib.util.find_spec(f"equi_nodes.nodes.{node.executable}")
        assert read_parameter_file(node.parameter_file)
        assert not any(topic.startswith("/") for topic in node.remap.values())


def test_arguments_carry_name_namespace_topics_and_parameters():
    graph = read_graph("predict").with_settings(["eqmotion.modes=6", "eqmotion.fixed_frame=map"])
    text = " ".join(graph.nodes[0].ros_arguments("robot1", "warn"))
    assert text.startswith("--ros-args --params-file ")
    assert "-r __node:=eqmotion -r __ns:=/robot1 -r ~/input/tracks:=tracks" in text
    assert text.endswith('-p modes:=6 -p fixed_frame:="map" --log-level eqmotion:=warn')


def test_values_for_all_nodes_do_not_change_the_original():
    graph = read_graph("predict")
    simulated = graph.with_parameters({"use_sim_time": True})
    assert simulated.nodes[0].parameters == {"use_sim_time": True}
    assert graph.nodes[0].parameters == {}
    assert "use_sim_time:=true" in simulated.nodes[0].ros_arguments()


@pytest.mark.parametrize("setting", ["eqmotion.modes", "modes=6", "=6", "eqmotion.=6"])
def test_a_setting_of_another_form_is_refused(setting):
    with pytest.raises(EquiError, match="is not of the form"):
        read_graph("predict").with_settings([setting])


def test_a_node_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(EquiError, match="No node 'vio' in graph predict: it has eqmotion"):
        read_graph("predict").with_settings(["vio.rate=1"])


def test_a_wrong_name_lists_the_right_ones():
    with pytest.raises(EquiError, match="choose one of .*predict"):
        read_graph("nothing")


@pytest.mark.parametrize("content", ["", "[", "name: x", "name: x\ndescription: y\nnodes: [1]"])
def test_a_file_that_is_no_graph_is_refused(tmp_path, content):
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    with pytest.raises(EquiError, match="is not a graph"):
        read_graph(str(path))


def test_a_graph_can_include_others_and_change_their_nodes(tmp_path):
    path = tmp_path / "both.yaml"
    path.write_text(
        "name: both\ndescription: Two graphs.\ninclude: [predict, plan]\n"
        "nodes: {e2_planner: {parameters: other.param.yaml}}\n"
        "record: {plan: {type: nav_msgs/msg/Path}}\n"
    )
    graph = read_graph(str(path))
    assert [node.name for node in graph.nodes] == ["eqmotion", "e2_planner"]
    assert graph.node("e2_planner").parameter_file.name == "other.param.yaml"
    assert graph.node("e2_planner").remap == read_graph("plan").node("e2_planner").remap
    assert [(topic.name, topic.period) for topic in graph.record] == [("plan", 0.0)]

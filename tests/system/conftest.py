"""What the system tests share: small weights that need no shipped ones, and the command line."""

from __future__ import annotations

import json

import pytest
import torch

from equi_nodes.cli.main import main
from equi_nodes.cli.odometry_recording import euroc_messages
from equi_nodes.datasets.bags import write_bag
from equi_nodes.datasets.euroc import ended_at, open_euroc
from equi_nodes.models.eqmotion import Architecture, EqMotion
from equi_nodes.runtime.weights import save_model

CLIP_FRAMES = 50


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """Weights of a small network with fixed random numbers."""
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    torch.manual_seed(0)
    model = EqMotion(Architecture(modes=4, channels=16, width=16, layers=1))
    save_model(path, "eqmotion", model, {"trained": "not at all"})
    return path


@pytest.fixture(scope="session")
def clip(recordings):
    """The folder of a real recording."""
    return recordings("euroc_mh01_30s")


@pytest.fixture(scope="session")
def clip_bag(clip, tmp_path_factory):
    """Its first seconds as a bag."""
    path = tmp_path_factory.mktemp("bag") / "clip.mcap"
    short = ended_at(open_euroc(clip), CLIP_FRAMES)
    stop = short.frames[-1].stamp_ns + 50_000_000
    messages = euroc_messages(short, is_compressed=True)
    write_bag(path, (message for message in messages if message.stamp_ns < stop))
    return path


@pytest.fixture
def replay_of(tmp_path):
    """Makes what runs `equi replay` of one node and returns exit code, figures and folder."""

    def make(node, *always):
        def run(recording, name, *options):
            folder, figures = tmp_path / name, tmp_path / f"{name}.json"
            fixed = ["--node", node, "--out", str(folder), "--json", str(figures), *always]
            code = main(["replay", str(recording), *fixed, *options])
            return code, json.loads(figures.read_text()) if figures.exists() else {}, folder

        return run

    return make


@pytest.fixture
def complain(capsys):
    """Runs `equi` and returns the sentence that it ends with when it exits with code 1."""

    def run(*arguments):
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == 1
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1
        return lines[0]

    return run

"""The ETH/UCY pedestrian recordings and their leave-one-scene-out split.

Pellegrini et al., ICCV 2009; Lerner et al., Computer Graphics Forum 26(3), 2007. The split by time
is that of Social-GAN, as every later paper uses it.
"""

from __future__ import annotations

import csv
from dataclasses import replace

from equi_nodes.datasets.location import data_dir
from equi_nodes.datasets.tracks import Recording, read_tracks
from equi_nodes.errors import EquiError

FRAME_STRIDE = 10  # frame numbers in one step
NOMINAL_STEP_S = 0.4  # what the benchmark takes for one step
ETH_STEP_S = 0.4 * 10 / 6  # biwi_eth was annotated every 6 frames = 0.4 s, and is stored every 10

SCENES = {
    "eth": ("biwi_eth",),
    "hotel": ("biwi_hotel",),
    "univ": ("students001", "students003"),
    "zara1": ("crowds_zara01",),
    "zara2": ("crowds_zara02",),
}
TRAINING_ONLY = ("crowds_zara03", "uni_examples")


def scene(name: str) -> list[Recording]:
    """Return the sequences of a scene, whole, at their true time steps.

    Raises:
        EquiError: no such scene, or the data is not on this machine.
    """
    return [sequence(part) for part in _parts(name)]


def sequence(name: str) -> Recording:
    """Return one of the eight sequences, whole, at its true time step."""
    step_s = ETH_STEP_S if name == "biwi_eth" else NOMINAL_STEP_S
    return read_tracks(data_dir("eth_ucy") / f"{name}.txt", step_s, FRAME_STRIDE)


def at_nominal_step(recording: Recording) -> Recording:
    """Return the same rows read at 0.4 s a step, as the published protocol reads all of them."""
    return replace(recording, step_s=NOMINAL_STEP_S)


def training_split(held_out: str | None) -> tuple[list[Recording], list[Recording]]:
    """Return (training, validation) parts of all sequences but those of the scene held out.

    The head of each sequence trains and its tail, about a fifth, validates.

    Raises:
        EquiError: no such scene, or the data is not on this machine.
    """
    held = _parts(held_out) if held_out else ()
    names = [name for parts in SCENES.values() for name in parts] + list(TRAINING_ONLY)
    boundaries = _boundaries()
    training, validation = [], []
    for name in names:
        if name not in held:
            whole, last = sequence(name), boundaries[name]
            training.append(whole.between(whole.index.min(), last))
            validation.append(whole.between(last + 1, whole.index.max()))
    return training, validation


def _parts(name: str) -> tuple[str, ...]:
    if name not in SCENES:
        raise EquiError(f"There is no scene {name!r}; choose one of {', '.join(SCENES)}.")
    return SCENES[name]


def _boundaries() -> dict[str, int]:
    with open(data_dir("eth_ucy") / "splits.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["sequence"]: int(row["last_train_frame"]) // FRAME_STRIDE for row in rows}

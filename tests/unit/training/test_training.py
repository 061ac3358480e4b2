"""The training loop continues where it stopped, and the recipe learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from equi_nodes.datasets.particles import charged, springs
from equi_nodes.datasets.scenes import scenes_of
from equi_nodes.datasets.tracks import Recording
from equi_nodes.errors import EquiError
from equi_nodes.models.eqmotion import Architecture, EqMotion
from equi_nodes.training import particles
from equi_nodes.training.eqmotion import Augmentation, calibrate, loss, training_batches, validate
from equi_nodes.training.loop import Schedule, Task, fit

SMALL = Architecture(channels=8, width=16, layers=1, modes=4)


def recording(steps: int = 40, agents: int = 6) -> Recording:
    """People who walk on arcs."""
    rng = np.random.default_rng(0)
    index, ids = (grid.ravel() for grid in np.mgrid[:steps, :agents])
    turn, start = rng.normal(0, 0.05, agents), rng.normal(0, 4, (agents, 2))
    angle = rng.uniform(0, 6, agents)[ids] + turn[ids] * index
    walked = 0.5 / turn[ids, None] * np.stack([np.sin(angle), -np.cos(angle)], 1)
    return Recording("arcs", 0.4, index, ids, start[ids] + walked)


def task_of(augmentation: Augmentation = Augmentation(other_rates=0.0)) -> Task:
    recordings = [recording()]
    validation = scenes_of(recordings, 8, 12)
    return Task(
        lambda epoch: training_batches(recordings, SMALL, augmentation, (0, epoch)),
        loss,
        lambda model: validate(model, validation),
    )


def build() -> EqMotion:
    torch.manual_seed(0)
    return EqMotion(SMALL)


def test_the_recipe_learns() -> None:
    model, task = build(), task_of()
    optimiser = torch.optim.Adam(model.parameters(), 5e-3)
    before = task.validate(model)
    for epoch in range(60):
        for batch in task.batches(epoch):
            optimiser.zero_grad()
            task.loss(model, batch, 1.0).backward()
            optimiser.step()
    after = task.validate(model)
    assert after["ade_best"] < 0.7 * before["ade_best"]
    assert after["ade_top1"] < 0.9 * before["ade_top1"]


def test_an_interrupted_training_ends_as_an_uninterrupted_one(tmp_path) -> None:
    schedule = Schedule(epochs=3)
    whole = build()
    fit(whole, task_of(), schedule, tmp_path / "whole")

    def stop(epoch: int, figures: dict) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(build(), task_of(), schedule, tmp_path / "parts", stop)
    resumed = build()
    fit(resumed, task_of(), schedule, tmp_path / "parts")
    for one, two in zip(whole.parameters(), resumed.parameters()):
        torch.testing.assert_close(one, two)


def test_batches_at_once_give_the_step_of_all_of_them(tmp_path) -> None:
    task = task_of()
    pair = [next(iter(task.batches(epoch))) for epoch in range(2)]

    def mean(model: EqMotion, batches: list, progress: float) -> torch.Tensor:
        return sum(loss(model, batch, progress) for batch in batches) / len(batches)

    tasks = (
        replace(task, batches=lambda _: pair),
        replace(task, batches=lambda _: [pair], loss=mean),
    )
    models = build(), build()
    for model, own, count in zip(models, tasks, (2, 1)):
        fit(model, own, Schedule(epochs=1, at_once=count), tmp_path / str(count))
    for one, two in zip(*(model.parameters() for model in models)):
        torch.testing.assert_close(one, two)


def test_another_schedule_in_the_same_folder_is_refused(tmp_path) -> None:
    fit(build(), task_of(), Schedule(epochs=1), tmp_path)
    with pytest.raises(EquiError, match="other settings"):
        fit(build(), task_of(), Schedule(epochs=2), tmp_path)


def test_without_muon_a_sentence_says_what_to_do(monkeypatch) -> None:
    monkeypatch.delattr(torch.optim, "Muon")
    assert not Schedule().muon
    with pytest.raises(EquiError, match="2.9"):
        Schedule(muon=True)


def test_a_folder_that_cannot_be_made_is_named(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EquiError, match="cannot be made"):
        fit(build(), task_of(), Schedule(epochs=1), tmp_path / "file" / "below")


def test_batches_repeat_with_their_seed_and_differ_between_epochs() -> None:
    def pasts(epoch: int) -> list[np.ndarray]:
        return [b.past for b in training_batches([recording()], SMALL, Augmentation(), (0, epoch))]

    assert all(np.array_equal(one, two) for one, two in zip(pasts(0), pasts(0)))
    assert not np.array_equal(pasts(0)[0], pasts(1)[0])


def test_calibration_makes_the_regions_hold_their_share() -> None:
    from equi_nodes.evaluation.pedestrians import figures
    from equi_nodes.training.eqmotion import _predict

    model = build()
    validation = scenes_of([recording()], 8, 12)
    calibrate(model, validation)
    assert 0.85 <= figures(_predict(model, validation))["calibration_90"] <= 0.95


def test_augmentation_keeps_the_present_and_the_future() -> None:
    rough = Augmentation(noise=0.0, other_rates=0.0, shortened=1.0, unseen=0.5)
    batch = next(iter(training_batches([recording()], SMALL, rough, (0, 0))))
    assert (batch.mask[..., -1] | ~batch.known).all()
    assert not batch.mask[batch.known].all()
    steps = np.linalg.norm(np.diff(batch.future[batch.known], axis=1), axis=-1)
    np.testing.assert_allclose(steps, steps[0, 0], rtol=1e-4)


def test_charged_particles_keep_their_momentum() -> None:
    data = charged(4, seed=0)
    centre = data.positions.mean(1)  # moves straight on when forces are equal and opposite
    np.testing.assert_allclose(np.diff(centre, axis=1).std(1), 0, atol=1e-3)


def test_springs_pull_linked_particles_only() -> None:
    data = springs(4, seed=0)
    free = data.links.sum(-1) == 0
    steps = np.diff(data.positions[free], axis=1)
    assert free.any()
    np.testing.assert_allclose(steps, steps[:, :1] + np.zeros_like(steps), atol=1e-4)


def test_link_accuracy_does_not_depend_on_the_names_of_categories() -> None:
    torch.manual_seed(0)
    model = EqMotion(replace(particles.architecture("springs"), channels=8, width=16))
    assert 0.5 <= particles.link_accuracy(model, springs(20, seed=1)) <= 1.0

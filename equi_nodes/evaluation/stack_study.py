"""Many runs of the closed loop, spread over processes or a Ray cluster; finished ones are kept."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from equi_nodes.errors import EquiError
from equi_nodes.sim.faults import Fault

ENGINES = ("local", "ray")
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Trial:
    """One run to be made.

    Attributes:
        scenario, seed: of the world.
        true_parts: of the robot, for which the truth stands in.
        faults: what goes wrong with the sensors.
        fault: name of these faults, empty for none.
        folder: where its result is kept, None: nowhere.
        longest_s: seconds after which it ends in any case.
    """

    scenario: str
    seed: int
    true_parts: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    fault: str = ""
    folder: Path | None = None
    longest_s: float = float("inf")

    @property
    def name(self) -> str:
        """Return what tells it from all others."""
        parts = (self.scenario, f"{self.seed:03d}", self.fault, "+".join(self.true_parts))
        return "-".join(filter(None, parts))

    def kept(self) -> dict | None:
        """Return the figures if this trial was made before."""
        if self.folder is None:
            return None
        try:
            return json.loads((self.folder / f"{self.name}.json").read_text())
        except (OSError, ValueError):
            return None

    def keep(self, figures: dict) -> None:
        """Write the figures so that a run that is cut off leaves none."""
        if self.folder is not None:
            path = self.folder / f"{self.name}.json"
            part = path.with_suffix(".part")
            part.write_text(json.dumps(figures, indent=1) + "\n")
            part.replace(path)


def make(trial: Trial) -> dict:
    """Make one run and return its figures; all of it goes to ``NAME.npz`` where results are kept.

    Raises:
        EquiError: there is no such scenario, or a network cannot be had.
    """
    from equi_nodes.evaluation.stack_drive import run_scenario
    from equi_nodes.evaluation.stack_scores import measure
    from equi_nodes.evaluation.stack_settings import StackSettings

    settings = StackSettings.of_graph(true_parts=trial.true_parts)
    run = run_scenario(
        trial.scenario, trial.seed, settings, trial.faults, longest_s=trial.longest_s
    )
    if trial.folder is not None:
        run.save(trial.folder / f"{trial.name}.npz")
    return measure(run)


def study(
    trials: Sequence[Trial], workers: int = 1, engine: str = "local"
) -> Iterator[tuple[Trial, dict]]:
    """Yield each trial with its figures as soon as it is made; those kept from before at once.

    Args:
        trials: what is to be made.
        workers: processes at a time.
        engine: one of ``ENGINES``; ``ray`` takes the cluster that RAY_ADDRESS names, or makes one
            on this machine.

    Raises:
        EquiError: Ray is asked for and not installed, or a trial cannot be made.
    """
    todo = []
    for trial in trials:
        if (figures := trial.kept()) is not None:
            yield trial, figures
        else:
            todo.append(trial)
    for name in ONE_THREAD:  # the processes inherit it: each has a core of its own
        os.environ.setdefault(name, "1")
    for trial, figures in _by_ray(todo, workers) if engine == "ray" else _here(todo, workers):
        trial.keep(figures)
        yield trial, figures


def _here(trials: Sequence[Trial], workers: int) -> Iterator[tuple[Trial, dict]]:
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(make, trial): trial for trial in trials}
        for future in as_completed(waiting):
            yield waiting[future], future.result()


def _by_ray(trials: Sequence[Trial], workers: int) -> Iterator[tuple[Trial, dict]]:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise EquiError("Ray is not installed: pip install ray, or leave --engine out.") from error
    here = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(log_to_driver=False, logging_level="ERROR", **here)
    except Exception as error:  # it has no type of its own for this
        raise EquiError(f"Ray does not start ({error}); leave --engine out.") from error
    try:
        remote = ray.remote(num_cpus=1)(make)
        waiting = {remote.remote(trial): trial for trial in trials}
        while waiting:
            done, _ = ray.wait(list(waiting))
            for reference in done:
                yield waiting.pop(reference), ray.get(reference)
    finally:
        ray.shutdown()

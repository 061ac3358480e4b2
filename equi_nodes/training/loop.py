"""The training loop of every model: averaged weights, resumable, the best by validation kept."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from equi_nodes.errors import EquiError
from equi_nodes.training.optimiser import Optimiser, under

AVERAGE_DECAY = 0.998  # of the weights' moving average, an optimiser step
CLIP = 1.0  # greatest norm of a gradient
WARM_UP = 100  # steps of rising learning rate

Report = Callable[[int, dict[str, float]], None]  # called with the epoch's number and figures


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn.

    Attributes:
        epochs: that the task has batches for.
        learning_rate, weight_decay: of the optimiser; the rate falls along a cosine.
        seed: of all draws.
        at_once: batches of one step, each on a core of its own.
        muon: what ``matrices()`` of the model gives is learned by Muon, all else by AdamW.
    """

    epochs: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    seed: int = 0
    at_once: int = 1
    muon: bool = False

    def __post_init__(self) -> None:
        """Raise EquiError where there would be no epoch, or torch has no Muon."""
        if self.epochs < 1:
            raise EquiError(
                f"A training of {self.epochs} epochs is not possible; take one or more."
            )
        if self.muon and not hasattr(torch.optim, "Muon"):
            raise EquiError(
                f"Torch {torch.__version__} has no Muon to learn with; take 2.9 or newer."
            )


@dataclass(frozen=True)
class Task:
    """What a recipe brings to the loop.

    Attributes:
        batches: the training batches of an epoch, reproducible from its number.
        loss: mean loss of a batch; its second argument is the progress of the training in 0..1.
        validate: figures of the averaged model on validation data; ``criterion`` is minimised.
    """

    batches: Callable[[int], Iterable]
    loss: Callable[[nn.Module, object, float], Tensor]
    validate: Callable[[nn.Module], dict[str, float]]


def fit(
    model: nn.Module,
    task: Task,
    schedule: Schedule,
    folder: Path,
    report: Report | None = None,
) -> dict:
    """Train ``model`` and leave it with the averaged weights that validated best.

    The state is written to ``folder`` after every epoch; a second call with the same folder and
    schedule continues there.

    Returns:
        the figures of the kept epoch, with ``epoch``.

    Raises:
        EquiError: the folder cannot be made, or holds a training with other settings.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EquiError(
            f"The folder {folder} cannot be made ({error.strerror}); give another one."
        ) from error
    average = copy.deepcopy(model).eval().requires_grad_(False)
    optimiser = Optimiser(model, schedule.learning_rate, schedule.weight_decay, schedule.muon)
    state = _resume(folder, model, average, optimiser, schedule)
    while state["epoch"] < schedule.epochs:
        loss = _run_epoch(model, average, optimiser, task, schedule, state)
        figures = task.validate(average) | {"loss": loss}
        if figures["criterion"] < state["best"].get("criterion", math.inf):
            state["best"] = figures | {"epoch": state["epoch"]}
            _write(folder / "best.safetensors", average.state_dict())
        state["epoch"] += 1
        _save(folder, model, average, optimiser, state)
        if report:
            report(state["epoch"], figures)
    model.load_state_dict(load_file(folder / "best.safetensors"))
    return state["best"]


def _run_epoch(
    model: nn.Module,
    average: nn.Module,
    optimiser: Optimiser,
    task: Task,
    schedule: Schedule,
    state: dict,
) -> float:
    model.train()
    batches, total = list(task.batches(state["epoch"])), 0.0
    steps = [batches[n : n + schedule.at_once] for n in range(0, len(batches), schedule.at_once)]
    with _shared_cores(schedule.at_once), ThreadPoolExecutor(schedule.at_once) as pool:
        for number, step in enumerate(steps):
            progress = (state["epoch"] + number / len(steps)) / schedule.epochs
            total += _backward(pool, model, task, progress, step)
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimiser.step(schedule.learning_rate * _rate(state["step"], progress))
            state["step"] += 1
            _follow(average, model, state["step"])
    return total / max(len(steps), 1)


@contextmanager
def _shared_cores(count: int) -> Iterator[None]:
    """Give each of so many that compute at once its share of the threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before // count))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _backward(
    pool: Executor, model: nn.Module, task: Task, progress: float, batches: list
) -> float:
    """Leave the mean gradients of batches in the parameters, and return their mean loss."""
    losses, gradients = zip(*pool.map(partial(_gradients, model, task, progress), batches))
    for parameter, *own in zip(model.parameters(), *gradients):
        parameter.grad = _mean(own)
    return sum(losses) / len(losses)


def _gradients(
    model: nn.Module, task: Task, progress: float, batch: object
) -> tuple[float, tuple[Tensor | None, ...]]:
    """Return the loss of a batch and its gradients, None where it does not depend on a number."""
    loss = task.loss(model, batch, progress)
    return loss.item(), torch.autograd.grad(loss, [*model.parameters()], allow_unused=True)


def _mean(gradients: list[Tensor | None]) -> Tensor | None:
    """Return the mean, to which a batch that does not depend on the number adds nothing."""
    known = [gradient for gradient in gradients if gradient is not None]
    return sum(known) / len(gradients) if known else None


def _rate(step: int, progress: float) -> float:
    """Return the share of the full learning rate: a linear rise, then half a cosine."""
    return min(1.0, (step + 1) / WARM_UP) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, step: int) -> None:
    share = 1 - min(AVERAGE_DECAY, step / (step + 10))
    for kept, new in zip(average.parameters(), model.parameters()):
        kept.lerp_(new, share)


def _save(
    folder: Path, model: nn.Module, average: nn.Module, optimiser: Optimiser, state: dict
) -> None:
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    _write(folder / "state.safetensors", tensors | optimiser.tensors())
    temporary = folder / "state.json.new"
    temporary.write_text(json.dumps(state, indent=1))
    temporary.replace(folder / "state.json")


def _write(path: Path, tensors: dict[str, Tensor]) -> None:
    temporary = path.with_suffix(".new")
    save_file({name: value.contiguous().clone() for name, value in tensors.items()}, temporary)
    temporary.replace(path)


def _resume(
    folder: Path, model: nn.Module, average: nn.Module, optimiser: Optimiser, schedule: Schedule
) -> dict:
    """Load the saved state into model, average and optimiser, and return the rest of it."""
    fresh = {"epoch": 0, "step": 0, "best": {}, "schedule": asdict(schedule)}
    if not (folder / "state.json").exists():
        return fresh
    state = json.loads((folder / "state.json").read_text())
    if state["schedule"] != fresh["schedule"]:
        raise EquiError(
            f"{folder} holds a training with other settings; give another folder or remove it."
        )
    tensors = load_file(folder / "state.safetensors")
    model.load_state_dict(under("model.", tensors))
    average.load_state_dict(under("average.", tensors))
    optimiser.load(tensors)
    return state

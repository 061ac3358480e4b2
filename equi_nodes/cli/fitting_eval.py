"""`equi eval arteq`: fitted bodies against the true ones, beside two baselines."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from equi_nodes.errors import EquiError

if TYPE_CHECKING:
    from equi_nodes.evaluation.fitting import Answer, Method
    from equi_nodes.pipelines.fit_body import BodyFitter

PEOPLE, TURNED, TURNS, NEGATIVES, DRAWN = 100, 5, 100, 30, 10
ICP_PEOPLE = 30  # it takes seconds each
COLUMNS = {
    "V2V cm": ("v2v_cm", "{:.2f}"), "median": ("v2v_cm_median", "{:.2f}"),
    "90 %": ("v2v_cm_p90", "{:.2f}"), "MPJPE cm": ("mpjpe_cm", "{:.2f}"),
    "joint angle deg": ("joint_angle_deg", "{:.1f}"), "parts": ("part_accuracy", "{:.1%}"),
    "accepted": ("accepted", "{:.0%}"), "90 % holds": ("calibration_90", "{:.1%}"),
}  # fmt: skip


def configure(group: argparse._ArgumentGroup) -> None:
    """Add the arguments of arteq."""
    group.add_argument("--split", choices=("test", "ood"), default="test", help="motions (test)")
    group.add_argument("--people", type=int, default=PEOPLE, metavar="N", help="a view (100)")
    group.add_argument("--bodies", type=Path, metavar="PNG", help="draw ten bodies over points")


def evaluate(args: argparse.Namespace, console: Console) -> dict:
    """Fit in all views by all methods; print and return the figures."""
    from equi_nodes.body.model import load_body

    if args.people < 1:
        raise EquiError("--people is a whole number from 1 on.")
    body, ours = load_body(), _fitter("arteq", args.weights)
    methods = {"ours": partial(_ask, ours)} | _baselines(body, args.folder)
    with Progress(console=console) as progress:
        views = {
            name: _views(args, body, method, progress.add_task(name, total=1.0), progress, name)
            for name, method in methods.items()
        }
    for name, of_views in views.items():
        console.print(_table(name, of_views))
    results = {
        "ours": views.pop("ours"), "baselines": views, "split": args.split,
        "turned": _turned(args, body, methods["ours"], console),
        "accepted": _negatives(args, methods["ours"], console),
    }  # fmt: skip
    if args.bodies:
        _draw(args, body, ours)
    return results


def _fitter(model: str, weights: str) -> BodyFitter:
    """Return a fitter that looks at every cloud anew."""
    from equi_nodes.config.arteq import ArtEqConfig
    from equi_nodes.pipelines.fit_body import BodyFitter

    config = ArtEqConfig(weights=weights, is_smoothed=False, threads=1)
    return BodyFitter.from_config(config, model)


def _baselines(body: object, folder: Path | None) -> dict[str, Method]:
    """Return optimisation after ICP, and the plain network where its training is given."""
    from equi_nodes.evaluation.fitting_baseline import icp_and_optimisation

    found = {"icp": partial(icp_and_optimisation, body)}
    if folder:
        found["pointnet"] = partial(_ask, _fitter("pointnet", str(folder / "pointnet.safetensors")))
    return found


def _ask(fitter: BodyFitter, points: np.ndarray) -> Answer:
    """Return what a fitter says of one cloud; nobody where it rejects it."""
    from equi_nodes.evaluation.fitting import Answer
    from equi_nodes.samples import CloudSample

    sample = fitter.step(CloudSample(1, "", points.astype(np.float32)))
    if not len(sample.ids):
        return Answer(np.zeros((22, 3, 3)), np.zeros(10), points.mean(0), sample.parts, None, False)
    return Answer(
        sample.rotations[0], sample.shapes[0], sample.joints[0, 0], sample.parts,
        sample.joint_covariances[0], bool(sample.accepted[0]),
    )  # fmt: skip


def _views(
    args: argparse.Namespace, body: object, method: Method, bar: int, progress: Progress, name: str
) -> dict[str, dict]:
    """Return the figures of a method by view."""
    from equi_nodes.evaluation.fitting import VIEWS, Score, people

    count, results = min(args.people, ICP_PEOPLE) if name == "icp" else args.people, {}
    for view in VIEWS:
        score = Score()
        for person in people(args.split, view, count, args.seeds or 0):
            score.add(body, person, method(person.points))
            progress.advance(bar, 1 / (count * len(VIEWS)))
        results[view] = score.figures() | {"people": count}
    return results


def _turned(args: argparse.Namespace, body: object, method: Method, console: Console) -> dict:
    """Turn a few people a hundred times at random and see how their error changes."""
    from equi_nodes.evaluation.fitting import people, turned_errors

    spans, means = [], []
    for person in people(args.split, "full", min(TURNED, args.people), args.seeds or 0):
        errors = turned_errors(body, method, person, TURNS)
        spans.append(float(errors.max() - errors.min()))
        means.append(float(errors.std()))
    figures = {
        "people": len(spans), "turns": TURNS, "v2v_cm_span_median": float(np.median(spans)),
        "v2v_cm_span_max": max(spans), "v2v_cm_std": float(np.mean(means)),
    }  # fmt: skip
    console.print(
        f"Over {TURNS} random turns of {len(spans)} people V2V varies by"
        f" {figures['v2v_cm_std']:.3f} cm (standard deviation); largest less smallest"
        f" {figures['v2v_cm_span_median']:.3f} (median),"
        f" {figures['v2v_cm_span_max']:.3f} cm (worst)."
    )
    return figures


def _negatives(args: argparse.Namespace, method: Method, console: Console) -> dict[str, float]:
    """Return the share of clouds of each kind in which a person is accepted."""
    from equi_nodes.datasets.person_poses import poses_of
    from equi_nodes.evaluation.fitting import accepted_share
    from equi_nodes.evaluation.fitting_negatives import KINDS

    rng, poses = np.random.default_rng(args.seeds or 0), poses_of(args.split)
    shares = {
        kind: accepted_share(method, [draw(rng, poses) for _ in range(min(NEGATIVES, args.people))])
        for kind, draw in KINDS.items()
    }
    table = Table("accepted as a person", *shares, box=None)
    table.add_row("share", *(f"{share:.0%}" for share in shares.values()))
    console.print(table)
    return shares


def _draw(args: argparse.Namespace, body: object, fitter: BodyFitter) -> None:
    from equi_nodes.evaluation.fitting import Score, people
    from equi_nodes.evaluation.fitting_figures import Picture, save_pictures
    from equi_nodes.samples import CloudSample

    pictures = []
    for person in people(args.split, "full", DRAWN, args.seeds or 0):
        sample, score = fitter.step(CloudSample(1, "", person.points)), Score()
        score.add(body, person, _ask(fitter, person.points))
        state = "accepted" if sample.accepted.any() else "not accepted"
        title = f"V2V {score.v2v[0]:.1f} cm, {state}"
        pictures += [
            Picture(person.points, skin, sample.faces, person.rotations[0], title)
            for skin in sample.vertices
        ]
    save_pictures(args.bodies, pictures)


def _table(name: str, views: dict[str, dict]) -> Table:
    table = Table(name, *COLUMNS, box=None)
    for view, row in views.items():
        cells: list[Callable | str] = [
            style.format(row[key]) if key in row else "" for key, style in COLUMNS.values()
        ]
        table.add_row(view, *cells)
    return table

"""`equi eval`: the published protocol with its table, and the questions it leaves open."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from equi_nodes.cli import fitting_eval, grid_benchmarks, parts_eval, planning_tasks, stack_eval
from equi_nodes.errors import EquiError

HELP = "Score a network by its published protocol, or the odometry by its promises."
EXAMPLE = "equi eval eqmotion --json scores.json"

WIDTH = 100  # characters that the tables need
OVERALL = ("ade_best", "fde_best", "ade_top1", "fde_top1")
PUBLISHED = {  # best of 20, as the authors' release states it
    "eth": (0.40, 0.61), "hotel": (0.12, 0.18), "univ": (0.23, 0.43),
    "zara1": (0.18, 0.32), "zara2": (0.13, 0.23), "average": (0.21, 0.35),
}  # fmt: skip
QUIRKS = (
    "The published figures choose the epoch on test data, neighbours by scene (1, 1, 2, 3, 1 agents"
    " in the order of the table) and channels and learning rate by scene, and divide ETH by 1.6."
    " Ours: one configuration, the epoch chosen on validation data, all neighbours within 6 m, and"
    " ETH at its true step of 0.667 s; `eth, read at 0.4 s` is the same model told the wrong step."
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "model",
        choices=[
            "apen",
            "arteq",
            "eqmotion",
            "vio",
            "e2_planner",
            "lidar_tracker",
            "occupancy_mapper",
            "stack",
        ],  # fmt: skip
    )
    parser.add_argument("--tracks", type=Path, help="a text file of `frame id x y`, in metres")
    parser.add_argument("--step", type=float, help="seconds between two frames of --tracks")
    parser.add_argument(
        "--robustness", action="store_true", help="jitter, young tracks, other rates"
    )
    parser.add_argument(
        "--symmetry", action="store_true", help="equivariance of the whole pipeline"
    )
    parser.add_argument(
        "--scenes",
        nargs="+",
        help="only these of eth hotel univ zara1 zara2; of e2_planner: how many to judge",
    )
    parser.add_argument("--weights", default="", help="one .safetensors file for everything asked")
    parser.add_argument(
        "--folder",
        type=Path,
        help="folder of eqmotion-SCENE.safetensors; of trainings for --task; of the pointnet that"
        " arteq is compared with",
    )
    world = parser.add_argument_group("in simulation")
    world.add_argument("--scenarios", nargs="+", metavar="NAME", help="worlds, or all")
    world.add_argument("--seeds", type=int, metavar="N", help="of each world: 0 .. N-1")
    stack_eval.configure(parser.add_argument_group("stack"))
    fitting_eval.configure(parser.add_argument_group("arteq"))
    parts_eval.configure(parser.add_argument_group("apen"))
    group = parser.add_argument_group("vio")
    group.add_argument("--clip", type=Path, help="EuRoC folder; default: that of the recordings")
    group.add_argument("--faults", nargs="*", metavar="NAME", help="instead: the table of faults")
    group.add_argument("--simulated", type=int, metavar="RUNS", help="instead: consistency")
    group.add_argument("--slam", action="store_true", help="with the map")
    planner = parser.add_argument_group("e2_planner")
    planning_tasks.configure(planner)
    grid_benchmarks.configure(planner)
    planner.add_argument("--explore", metavar="MAPS", help="trips through unseen maps: buildings,"
                         " homes, dungeons, or the path of a map or folder")  # fmt: skip
    planner.add_argument("--range", type=float, default=2.5, help="of the sensor, metres (2.5)")
    planner.add_argument("--trips", type=int, help="a map; 25 for buildings, 4 for homes")
    planner.add_argument("--workers", type=int, default=2, help="processes (2)")
    planner.add_argument("--picture", type=Path, help="of the trips with most gain and loss")


def run(args: argparse.Namespace) -> dict:
    """Evaluate what is asked for, print it and return the figures."""
    console = Console(width=max(WIDTH, Console().width))
    if args.model == "vio":
        from equi_nodes.cli import odometry_eval

        return odometry_eval.evaluate(args, console)
    if args.model == "apen":
        return parts_eval.evaluate(args, console)
    if args.model == "arteq":
        return fitting_eval.evaluate(args, console)
    if args.model == "stack":
        return stack_eval.evaluate(args, console)
    if args.model == "lidar_tracker":
        from equi_nodes.cli import tracking_eval

        return tracking_eval.evaluate(args, console)
    if args.model == "occupancy_mapper":
        from equi_nodes.cli import mapping_eval

        return mapping_eval.evaluate(args, console)
    if args.model == "e2_planner":
        if args.task:
            return planning_tasks.evaluate(args, console)
        if grid_benchmarks.is_asked(args):
            return grid_benchmarks.evaluate(args, console)
        if args.explore:
            from equi_nodes.cli import exploration

            return exploration.evaluate(args, console)
        if args.symmetry:
            from equi_nodes.cli import exploration

            return exploration.symmetry(args, console)
        raise EquiError("e2_planner needs to know what to evaluate, such as --task grid.")
    if args.symmetry:
        return _symmetry(args, console)
    if args.tracks:
        return _tracks(args, console)
    return _robustness(args, console) if args.robustness else _scenes(args, console)


def _scenes(args: argparse.Namespace, console: Console) -> dict:
    """Leave one scene out: each is predicted by the weights that never saw it."""
    from equi_nodes.datasets import eth_ucy
    from equi_nodes.evaluation.pedestrians import figures, predict

    results = {}
    chosen = args.scenes or list(eth_ucy.SCENES)
    with Progress(console=console) as progress:
        for name in chosen if args.scenes else [*chosen, "eth, read at 0.4 s"]:
            scene = name.partition(",")[0]
            bar = progress.add_task(name, total=1.0)
            recordings = eth_ucy.scene(scene)
            if scene != name:
                recordings = [eth_ucy.at_nominal_step(part) for part in recordings]
            network = _left_out(args, scene)
            predicted = predict(network, recordings, report=_filling(progress, bar))
            results[name] = figures(predicted)
    average = _mean([results[scene] for scene in chosen])
    console.print(_scene_table(results if args.scenes else results | {"average": average}))
    console.print(QUIRKS, style="dim")
    scenes = {name: _pair(result, "best") for name, result in results.items()}
    return {
        "average": _pair(average, "best"),
        "scenes": scenes,
        "top1": _pair(average, "top1"),
        "constant_velocity": average["constant_velocity"],
        "calibration_90": average["calibration_90"],
        "details": results,
    }


def _tracks(args: argparse.Namespace, console: Console) -> dict:
    """Evaluate on any recording of tracks."""
    from equi_nodes.datasets.tracks import read_tracks
    from equi_nodes.evaluation.pedestrians import figures, predict

    if args.step is None or not 0 < args.step <= 10:
        raise EquiError("--tracks needs --step, the seconds between two frames, such as 0.4.")
    recording = read_tracks(args.tracks, args.step)
    result = figures(predict(_network(args.weights), [recording]))
    console.print(_comparison({args.tracks.name: result}))
    ours = {f"{m}_{kind}": result[f"{m}_{key}"] for m in ("ade", "fde")
            for kind, key in (("best20", "best"), ("top1", "top1"))}  # fmt: skip
    ours["calibration_90"] = result["calibration_90"]
    line = result["constant_velocity"]
    return {"ours": ours, "constant_velocity": line, "windows": result["agents"]}


def _robustness(args: argparse.Namespace, console: Console) -> dict:
    """Ask what best-of-20 on whole tracks hides, of the weights that never saw the scene."""
    from equi_nodes.datasets import eth_ucy
    from equi_nodes.evaluation.pedestrians import observation_table, rate_table, standing_table

    networks = {scene: _left_out(args, scene) for scene in eth_ucy.SCENES}
    tables: list[dict[str, dict]] = []
    with Progress(console=console) as progress:
        bar = progress.add_task("scenes", total=len(networks))
        for scene, network in networks.items():
            recordings = eth_ucy.scene(scene)
            if scene == "eth":
                recordings = [part.resampled(eth_ucy.NOMINAL_STEP_S) for part in recordings]
            tables.append(observation_table(network, recordings) | rate_table(network, recordings))
            progress.advance(bar)
    rows = {name: _mean([table[name] for table in tables]) for name in tables[0]}
    console.print(_comparison(rows))
    standing = standing_table(_network(args.weights))
    console.print(
        f"People who stand, {standing['jitter']:g} m jitter: the likeliest end point is"
        f" {standing['end_top1']:.3f} m from them (constant velocity"
        f" {standing['end_constant_velocity']:.2f} m); 90 % regions hold"
        f" {standing['calibration_90']:.1%}."
    )
    return {"tables": rows, "standing": standing}


def _symmetry(args: argparse.Namespace, console: Console) -> dict:
    """Move the world and compare, in both precisions."""
    from equi_nodes.evaluation.symmetry import equivariance_errors
    from equi_nodes.pipelines.predict import Predictor
    from equi_nodes.runtime.network import TorchNetwork

    results = {}
    table = Table("largest error, m", *("near", "far", "permuted", "far_agent"), box=None)
    networks = {
        "onnx, float32": _network(args.weights),
        "torch, float32": TorchNetwork("eqmotion", args.weights, 2),
        "torch, float64": TorchNetwork("eqmotion", args.weights, 2, np.float64),
    }
    for name, network in networks.items():

        def last(samples: list, network: Callable = network):  # noqa: ANN202
            predictor = Predictor(network)
            return [predictor.step(sample) for sample in samples][-1]

        results[name] = equivariance_errors(last)
        table.add_row(name, *(f"{value:.1e}" for value in results[name].values()))
    console.print(table)
    return results


def _left_out(args: argparse.Namespace, scene: str) -> Callable:
    from equi_nodes.runtime.weights import SHIPPED

    left_out = (args.folder or SHIPPED) / f"eqmotion-{scene}.safetensors"
    return _network(args.weights or str(left_out), "torch")


def _network(weights: str, backend: str = "onnx") -> Callable:
    from equi_nodes.runtime.network import open_network

    return open_network("eqmotion", weights, backend, threads=2)


def _filling(progress: Progress, bar: int) -> Callable[[float], None]:
    return lambda share: progress.update(bar, completed=share)


def _pair(result: dict, kind: str) -> dict[str, float]:
    return {"ade": result[f"ade_{kind}"], "fde": result[f"fde_{kind}"]}


def _mean(results: list[dict]) -> dict:
    """Return the mean over scenes, each counting the same."""
    keys = (*OVERALL, "calibration_90")
    mean = {key: float(np.mean([result[key] for result in results])) for key in keys}
    lines = [result["constant_velocity"] for result in results]
    line = {key: float(np.mean([one[key] for one in lines])) for key in ("ade", "fde")}
    return mean | {"constant_velocity": line, "agents": sum(r["agents"] for r in results)}


def _scene_table(results: dict[str, dict]) -> Table:
    table = Table("scene", "agents", title="ADE/FDE in metres, leave one scene out", box=None)
    for column in ("best of 20", "published", "likeliest", "constant velocity", "90 % holds"):
        table.add_column(column)
    for name, result in results.items():
        published = "{:.2f}/{:.2f}".format(*PUBLISHED[name]) if name in PUBLISHED else ""
        first, *rest = _cells(result)
        table.add_row(name, str(result["agents"]), first, published, *rest)
    return table


def _comparison(rows: dict[str, dict]) -> Table:
    table = Table("", "best of 20", "likeliest", "constant velocity", "90 % holds", box=None,
                  title="ADE/FDE in metres")  # fmt: skip
    for name, result in rows.items():
        table.add_row(name, *_cells(result))
    return table


def _cells(result: dict) -> list[str]:
    line = result["constant_velocity"]
    errors = [result[key] for key in OVERALL] + [line["ade"], line["fde"]]
    pairs = [f"{ade:.3f}/{fde:.3f}" for ade, fde in zip(errors[::2], errors[1::2])]
    return [*pairs, f"{result['calibration_90']:.1%}"]

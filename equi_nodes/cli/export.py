"""`equi export`: ONNX with free sizes, TensorRT engines, and the check that nothing changed."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from equi_nodes.errors import EquiError

HELP = "Export a network to ONNX and TensorRT and check it."
EXAMPLE = "equi export eqmotion --out engines --tensorrt"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("model", choices=["eqmotion", "e2_planner", "arteq", "apen"])
    parser.add_argument("--out", type=Path, help="folder of the files; default: the node's cache")
    parser.add_argument("--weights", default="", help="a .safetensors file; default: shipped")
    parser.add_argument("--tensorrt", action="store_true", help="also build a TensorRT engine")


def run(args: argparse.Namespace) -> dict:
    """Export, compare, build, and return the figures."""
    from equi_nodes.runtime.engine_cache import cached_onnx
    from equi_nodes.runtime.export import parity
    from equi_nodes.runtime.weights import shipped_weights

    console = Console()
    with console.status("exporting to ONNX, half a minute the first time"):
        onnx = cached_onnx(args.model, args.weights)
        if args.out:
            onnx = _copy(onnx, args.out / f"{args.model}.onnx")
    console.print(f"ONNX      {onnx} ({onnx.stat().st_size / 1e6:.1f} MB)")
    with console.status("comparing with torch on random inputs and moved copies"):
        figures = parity(args.model, args.weights or shipped_weights(args.model), onnx)
    console.print(
        f"parity    {figures['parity_max']:.1e}, rotated {figures['parity_max_rotated']:.1e},"
        f" torch's own equivariance {figures['equivariance_max']:.1e}"
    )
    figures = {"onnx": str(onnx)} | figures
    return figures | ({"tensorrt": _build(args.model, onnx, console)} if args.tensorrt else {})


def _build(model: str, onnx: Path, console: Console) -> dict:
    from equi_nodes.runtime.tensorrt import build_report

    engine = onnx.with_suffix(".engine")
    with console.status("building a TensorRT engine"):
        report = build_report(model, onnx, engine)
    if report["built"]:
        size, seconds = report["bytes"] / 1e6, report["seconds"]
        said = f"{engine} ({size:.1f} MB for {report['capability']}, {seconds:.0f} s)"
    else:
        said = report["reason"]
    console.print(f"TensorRT  {said}")
    return report


def _copy(source: Path, target: Path) -> Path:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    except OSError as error:
        raise EquiError(f"Cannot write {target}: {error.strerror}.") from error
    return target

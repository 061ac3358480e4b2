"""A node on the shared glue whose pipeline only pretends: the subject of the glue's tests.

It continues each track where it stands. The id of the first track can ask it to misbehave.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from equi_msgs.msg import PredictionArray, TrackArray

from equi_nodes.config.parameter import parameter
from equi_nodes.errors import EquiError
from equi_nodes.ros import qos
from equi_nodes.ros.base_node import PipelineNode
from equi_nodes.ros.convert import prediction_array, track_sample
from equi_nodes.ros.gate import Content
from equi_nodes.ros.guard import Guard, limit_length
from equi_nodes.ros.messages import make
from equi_nodes.ros.run import run
from equi_nodes.samples import PredictionSample, TrackSample

RAISES, IS_NAN, FALLS_BACK = -1, -2, -3


@dataclass(frozen=True)
class EchoConfig:
    """What a test may set."""

    delay: float = parameter(0.0, "How long a step takes.", unit="s", low=0.0, high=60.0)
    load_delay: float = parameter(0.0, "How long loading takes.", unit="s", low=0.0, high=60.0)
    needs: str = parameter("", "A file without which loading fails.")
    mood: str = parameter("calm", "No effect.", choices=("calm", "wild"), read_only=False)
    gain: float = parameter(1.0, "No effect.", unit="m", low=0.0, high=2.0, read_only=False)
    configure_fails: bool = parameter(False, "Configure raises.")


class Echo:
    """The pretended pipeline."""

    backend_name = "echo"

    def __init__(self, config: EchoConfig) -> None:
        self.config, self.seen = config, 0

    def warm_up(self) -> None:
        """Take as long as loading a real network would."""
        time.sleep(self.config.load_delay)

    def reset(self) -> None:
        """Forget the count of samples, which the results show."""
        self.seen = 0

    def step(self, sample: TrackSample) -> PredictionSample:
        """Return one path per track that stays in place."""
        time.sleep(self.config.delay)
        self.seen += 1
        asked = int(sample.ids[0]) if len(sample.ids) else 0
        if asked == RAISES:
            raise RuntimeError("asked to fail")
        agents = len(sample.ids)
        result = PredictionSample(
            sample.stamp_ns,
            sample.frame_id,
            400_000_000,
            sample.ids,
            sample.positions,
            np.full(agents, min(self.seen, 255)),
            np.repeat(sample.positions[:, None, None, :2], 3, axis=2),
            np.ones((agents, 1)),
            np.tile(np.eye(2), (agents, 1, 3, 1, 1)),
            np.zeros((agents, agents)),
            is_fallback=asked == FALLS_BACK,
            notes=("asked to fall back",) if asked == FALLS_BACK else (),
        )
        return replace(result, paths=result.paths * np.nan) if asked == IS_NAN else result


class EchoNode(PipelineNode):
    """Tracks in, the same places out."""

    config_class = EchoConfig

    def open_topics(self) -> None:
        """Open one input and one output."""
        guard = Guard(content=limit_length("tracks", 100))
        self.add_input("tracks", TrackArray, qos.SENSOR, guard, track_sample)
        self.predictions = self.add_output("predictions", PredictionArray, qos.RESULT)
        if self.config.configure_fails:
            raise RuntimeError("asked to fail")

    def load(self) -> Echo:
        """Load nothing, but only if the file that is asked for exists."""
        if self.config.needs and not Path(self.config.needs).exists():
            raise EquiError(f"there is no {self.config.needs}")
        return Echo(self.config)

    def content(self, result: PredictionSample) -> Content:
        """Have the paths checked."""
        return Content(result.stamp_ns, result.frame_id, (result.paths,), (result.covariances,))

    def publish(self, result: PredictionSample) -> None:
        """Publish the result."""
        self.predictions.publish(prediction_array(result, make, 1))


if __name__ == "__main__":
    run(lambda: EchoNode("echo"))

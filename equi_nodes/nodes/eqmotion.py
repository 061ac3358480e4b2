"""Predicts the motion of tracked agents."""

from __future__ import annotations

from equi_msgs.msg import PredictionArray, TrackArray
from visualization_msgs.msg import MarkerArray

from equi_nodes.config.eqmotion import EqMotionConfig
from equi_nodes.ros import qos
from equi_nodes.ros.base_node import PipelineNode
from equi_nodes.ros.convert import prediction_array, track_sample
from equi_nodes.ros.gate import Content
from equi_nodes.ros.guard import Guard, limit_length
from equi_nodes.ros.markers import delete_all, prediction_markers
from equi_nodes.ros.messages import make
from equi_nodes.ros.pipeline import Pipeline
from equi_nodes.ros.run import run
from equi_nodes.samples import PredictionSample

MOST_TRACKS = 10_000  # a message of more is not read at all


class EqMotionNode(PipelineNode):
    """Tracks in, predictions and their markers out."""

    config_class = EqMotionConfig

    def open_topics(self) -> None:
        """Subscribe to the tracks, advertise predictions and markers."""
        guard = Guard(self.config.fixed_frame, limit_length("tracks", MOST_TRACKS))
        self.add_input("tracks", TrackArray, qos.SENSOR, guard, track_sample)
        self.predictions = self.add_output("predictions", PredictionArray, qos.RESULT)
        self.markers = self.add_output("markers", MarkerArray, qos.RESULT)

    def load(self) -> Pipeline:
        """Load the network; torch is imported here so that the node answers while it loads."""
        from equi_nodes.pipelines.predict import Predictor

        return Predictor.from_config(self.config)

    def content(self, result: PredictionSample) -> Content:
        """Return what must be sound in a prediction."""
        return Content(
            stamp_ns=result.stamp_ns,
            frame_id=result.frame_id,
            numbers=(result.positions, result.paths, result.probabilities, result.interactions),
            covariances=(result.covariances,),
        )

    def publish(self, result: PredictionSample) -> None:
        """Publish the predictions, and their markers if someone looks."""
        self.predictions.publish(prediction_array(result, make, self.config.modes))
        if self.markers.has_readers:
            self.markers.publish(prediction_markers(result))

    def clear(self) -> None:
        """Erase the markers of the time before."""
        self.markers.publish(delete_all())


def main() -> None:
    """Run the node."""
    run(lambda: EqMotionNode("eqmotion"))


if __name__ == "__main__":
    main()

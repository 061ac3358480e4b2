"""Finds the parts of any cloud, and says what each point is."""

from __future__ import annotations

from sensor_msgs.msg import PointCloud2
from std_msgs.msg import String
from visualization_msgs.msg import MarkerArray

from equi_nodes.config.apen import ApenConfig
from equi_nodes.ros import qos
from equi_nodes.ros.base_node import PipelineNode
from equi_nodes.ros.clouds import cloud_problem
from equi_nodes.ros.diagnostics import Report
from equi_nodes.ros.gate import Content
from equi_nodes.ros.guard import Guard
from equi_nodes.ros.labelled import Labelled, labelled_cloud, received
from equi_nodes.ros.markers import delete_all
from equi_nodes.ros.messages import make
from equi_nodes.ros.part_markers import box_markers, label_names
from equi_nodes.ros.pipeline import Pipeline
from equi_nodes.ros.run import run


class ApenNode(PipelineNode):
    """Clouds in; the same clouds with labels, instances and confidences out, and boxes."""

    config_class = ApenConfig

    def open_topics(self) -> None:
        """Subscribe to the clouds, advertise the labelled ones, the names and the boxes."""
        self._newest: Labelled | None = None
        self._names: tuple[str, ...] = ()
        self._are_told = False
        self.add_input("points", PointCloud2, qos.SENSOR, Guard("", cloud_problem), received)
        self.labelled = self.add_output("points", PointCloud2, qos.RESULT)
        self.label_names = self.add_output("labels", String, qos.LATCHED)
        self.markers = self.add_output("markers", MarkerArray, qos.RESULT)
        self.add_report("parts", self._parts_report)

    def load(self) -> Pipeline:
        """Load the network; torch is imported here so that the node answers while it loads."""
        from equi_nodes.pipelines.segment import Segmenter

        return self.named(Segmenter.from_config(self.config))

    def named(self, pipeline: Pipeline) -> Pipeline:
        """Keep the names of the labels that a pipeline gives, and return it."""
        self._names, self._are_told = pipeline.names, False
        return pipeline

    def content(self, result: Labelled) -> Content:
        """Return what must be sound in a labelled cloud."""
        return Content(
            stamp_ns=result.stamp_ns, frame_id=result.frame_id, numbers=(result.confidences,)
        )

    def publish(self, result: Labelled) -> None:
        """Publish the cloud, once the names, and the boxes if someone looks."""
        self._newest = result
        if not self._are_told:
            self.label_names.publish(label_names(self._names))
            self._are_told = True
        self.labelled.publish(labelled_cloud(result, make))
        if self.markers.has_readers:
            self.markers.publish(box_markers(result, self._names, make))

    def clear(self) -> None:
        """Erase the markers of the time before."""
        self.markers.publish(delete_all())

    def _parts_report(self) -> Report:
        """Return the figures of the newest cloud."""
        return Report(values=self._newest.figures if self._newest else {})


def main() -> None:
    """Run the node."""
    run(lambda: ApenNode("apen"))


if __name__ == "__main__":
    main()

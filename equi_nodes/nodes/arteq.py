"""Fits a body to the points of each person."""

from __future__ import annotations

from equi_msgs.msg import BodyArray
from sensor_msgs.msg import JointState, PointCloud2
from visualization_msgs.msg import MarkerArray

from equi_nodes.config.arteq import ArtEqConfig
from equi_nodes.ros import qos
from equi_nodes.ros.base_node import PipelineNode
from equi_nodes.ros.bodies import body_array, joint_state, part_cloud
from equi_nodes.ros.body_markers import mesh_markers, skeleton_markers
from equi_nodes.ros.clouds import cloud_problem, cloud_sample
from equi_nodes.ros.diagnostics import WARN, Report
from equi_nodes.ros.gate import Content
from equi_nodes.ros.guard import Guard
from equi_nodes.ros.markers import delete_all
from equi_nodes.ros.messages import make
from equi_nodes.ros.pipeline import Pipeline
from equi_nodes.ros.run import run
from equi_nodes.samples import BodySample


class ArtEqNode(PipelineNode):
    """Crops of people in; bodies, joint angles, labelled points and markers out."""

    config_class = ArtEqConfig

    def open_topics(self) -> None:
        """Subscribe to the crops, advertise the bodies and all that is drawn of them."""
        self._newest: BodySample | None = None
        self.add_input("points", PointCloud2, qos.SENSOR, Guard("", cloud_problem), cloud_sample)
        self.bodies = self.add_output("bodies", BodyArray, qos.RESULT)
        self.skeletons = self.add_output("markers", MarkerArray, qos.RESULT)
        self.meshes = self.add_output("mesh", MarkerArray, qos.RESULT)
        self._views = (
            (self.add_output("joint_states", JointState, qos.RESULT), joint_state),
            (self.add_output("parts", PointCloud2, qos.RESULT), part_cloud),
            (self.skeletons, skeleton_markers),
            (self.meshes, mesh_markers),
        )
        self.add_report("fitting", self._fitting_report)

    def load(self) -> Pipeline:
        """Load the network; torch is imported here so that the node answers while it loads."""
        from equi_nodes.pipelines.fit_body import BodyFitter

        return BodyFitter.from_config(self.config)

    def content(self, result: BodySample) -> Content:
        """Return what must be sound in bodies."""
        return Content(
            stamp_ns=result.stamp_ns,
            frame_id=result.frame_id,
            numbers=(result.joints, result.rotations, result.shapes, result.residuals),
            covariances=(result.joint_covariances,),
        )

    def publish(self, result: BodySample) -> None:
        """Publish the bodies, and whatever of the rest someone looks at."""
        self._newest = result
        self.bodies.publish(body_array(result, make))
        for output, build in self._views:
            if output.has_readers:
                output.publish(build(result, make))

    def clear(self) -> None:
        """Erase the markers of the time before."""
        self.skeletons.publish(delete_all())
        self.meshes.publish(delete_all())

    def _fitting_report(self) -> Report:
        """Return how many people were in the newest cloud, and why some have no accepted body."""
        newest = self._newest
        if newest is None:
            return Report()
        people, accepted = len(newest.ids), int(newest.accepted.sum())
        report = Report(values={"people": people, "accepted": accepted})
        doubts = {int(i): why for i, why in zip(newest.ids, newest.reasons, strict=True) if why}
        if doubts:
            number, why = next(iter(doubts.items()))
            report.raise_to(WARN, f"{len(doubts)} bodies not accepted, such as {number}: {why}")
        return report


def main() -> None:
    """Run the node."""
    run(lambda: ArtEqNode("arteq"))


if __name__ == "__main__":
    main()

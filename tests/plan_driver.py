"""A robot in a small building, as a planning node hears of it, and a client of its actions."""

from __future__ import annotations

import array
import sys

import numpy as np
from equi_msgs.action import ComputePlan
from equi_msgs.msg import PredictionArray
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import OccupancyGrid, Odometry, Path
from rclpy.action import ActionClient
from tf2_msgs.msg import TFMessage

from equi_nodes.geometry.rotations import exp_so3, rigid
from equi_nodes.ros import qos
from equi_nodes.ros.convert import header, prediction_array, stamp_ns
from equi_nodes.ros.messages import make
from equi_nodes.ros.odometry import pose, transforms
from equi_nodes.samples import PredictionSample

NODE = [sys.executable, "-m", "equi_nodes.nodes.e2_planner"]
RESOLUTION = 0.1  # m
ROBOT = (1.0, 1.0)  # m, where it stands unless a test moves it
SUCCEEDED, CANCELED, ABORTED = 4, 5, 6  # of action_msgs/GoalStatus
LIMIT_S = 30.0


def write_weights(folder):
    """Write untrained weights of the right shape; return their path."""
    import torch

    from equi_nodes.models.e2_planner import E2Planner
    from equi_nodes.runtime.weights import save_model
    from equi_nodes.training.e2_planner import ARCHITECTURE

    torch.manual_seed(0)
    path = folder / "e2_planner.safetensors"
    save_model(path, "e2_planner", E2Planner(ARCHITECTURE), {})
    return str(path)


def two_rooms(door=(80, 90)):
    """Return (100, 120) cells: a room left and one right, with a door in the wall at x = 6 m."""
    cells = np.zeros((100, 120), np.int8)
    cells[[0, -1]] = cells[:, [0, -1]] = 100
    cells[:, 60] = 100
    cells[slice(*door), 60] = 0
    return cells


def planar(x, y, yaw=0.0):
    """Return the pose (4, 4) of a place on the floor."""
    return rigid(exp_so3(np.array([0.0, 0.0, yaw])), np.array([x, y, 0.0]))


def stamped(T, frame="map", stamp=0):
    """Return a ``PoseStamped``."""
    return PoseStamped(header=header(stamp, frame, make), pose=pose(T, make))


class PlanDriver:
    """Publishes map, odometry, goals and people to the node of a peer, and asks it for plans."""

    def __init__(self, peer, kind=ComputePlan, action="compute_plan"):
        """Talk to the node of a peer; where the robot is, is published all the time.

        Its odometry is in ``odom``, which lies in the map as ``T_map_odom`` says.
        """
        self.peer, self.kind, self.robot, self.T_map_odom = peer, kind, planar(*ROBOT), np.eye(4)
        name = peer.target
        self.maps = peer.create_publisher(OccupancyGrid, f"{name}/input/map", qos.LATCHED)
        self.odometry = peer.create_publisher(Odometry, f"{name}/input/odometry", qos.RESULT)
        self.goals = peer.create_publisher(PoseStamped, f"{name}/input/goal", qos.RESULT)
        self.people = peer.create_publisher(
            PredictionArray, f"{name}/input/predictions", qos.RESULT
        )
        self.tf = peer.create_publisher(TFMessage, "/tf", qos.RESULT)
        self.paths: list[Path] = []
        peer.create_subscription(Path, f"{name}/output/path", self.paths.append, qos.RESULT)
        services = ("goal", "result", "cancel")
        depths = {f"{service}_service_qos_profile": qos.SERVICE for service in services}
        self.client = ActionClient(peer, kind, f"{name}/{action}", **depths)
        self.feedback: list[str] = []
        peer.create_timer(0.05, self.send_odometry)

    def until_active(self):
        """Wait until the node takes goals, knows a map and where the robot is."""
        peer = self.peer
        peer.until(
            lambda: peer.statuses and peer.value("state", "state") == "active", "active", LIMIT_S
        )
        peer.until(self.client.server_is_ready, "the action")
        peer.until(lambda: self.goals.get_subscription_count() > 0, "goal connected")
        peer.until(lambda: peer.value("input odometry", "received") not in ("", "0"), "odometry")

    def send_map(self, cells, origin=(0.0, 0.0, 0.0), **changes):
        """Publish a map; ``changes`` replace fields of its info or its data."""
        msg = OccupancyGrid(header=header(self.peer.now_ns(), "map", make))
        msg.info.resolution = changes.get("resolution", RESOLUTION)
        msg.info.height, msg.info.width = changes.get("shape", cells.shape)
        msg.info.origin = pose(planar(*origin), make)
        msg.data = array.array("b", np.ascontiguousarray(cells, np.int8).tobytes())
        self.peer.heard = len(self.peer.diagnostics)
        self.maps.publish(msg)
        return msg

    def map_arrives(self, cells, **fields):
        """Publish a map and wait until the node has it."""
        stamp = str(stamp_ns(self.send_map(cells, **fields).header.stamp))
        peer = self.peer
        peer.until(lambda: peer.value("planning", "map_stamp_ns") == stamp, "the map has arrived")

    def send_odometry(self):
        """Publish where the robot is and where its odometry began, as far as they are known."""
        if self.T_map_odom is not None:
            self.send_transform("map", "odom", self.T_map_odom)
        if self.robot is None:
            return
        msg = Odometry(header=header(self.peer.now_ns(), "odom", make))
        msg.child_frame_id = "base_link"
        msg.pose.pose = pose(self.robot, make)
        self.odometry.publish(msg)

    def send_transform(self, parent, child, T):
        """Publish a transform."""
        self.tf.publish(transforms(self.peer.now_ns(), [(parent, child, T)], make))

    def send_goal(self, T, frame="map"):
        """Publish a goal to be kept."""
        self.peer.heard = len(self.peer.diagnostics)
        self.goals.publish(stamped(T, frame))

    def send_people(self, places, steps=12):
        """Publish people who will stand where they are."""
        places, agents = np.asarray(places, np.float64).reshape(-1, 2), len(places)
        sample = PredictionSample(
            self.peer.now_ns(), "map", 400_000_000, np.arange(agents),
            np.column_stack([places, np.zeros(agents)]), np.full(agents, 8),
            np.broadcast_to(places[:, None, None], (agents, 1, steps, 2)), np.ones((agents, 1)),
            np.broadcast_to(0.04 * np.eye(2), (agents, 1, steps, 2, 2)), np.eye(agents),
        )  # fmt: skip
        self.people.publish(prediction_array(sample, make, 1))

    # The action

    def ask(self, goal, frame="map", **fields):
        """Send a goal of the action; return the handle once it is accepted."""
        handle = self.answer(self.send(goal, frame, **fields), "accepted")
        assert handle.accepted
        return handle

    def send(self, goal, frame="map", start=None, **fields):
        """Send a goal of the action without waiting."""
        request = self.kind.Goal(goal=stamped(goal, frame), **fields)
        if start is not None:
            request.start, request.use_start = stamped(start), True
        said = self.feedback
        return self.client.send_goal_async(
            request, feedback_callback=lambda msg: said.append(getattr(msg.feedback, "state", ""))
        )

    def answer(self, future, what="answered"):
        """Wait for a future and return its value."""
        self.peer.until(future.done, what, LIMIT_S)
        return future.result()

    def plan(self, goal, frame="map", **fields):
        """Ask for a plan; return status and result."""
        answer = self.answer(self.ask(goal, frame, **fields).get_result_async(), "result")
        return answer.status, answer.result


def points(path):
    """Return (P, 2) x and y of a path."""
    return np.array([(p.pose.position.x, p.pose.position.y) for p in path.poses]).reshape(-1, 2)


def yaw(pose_stamped):
    """Return the heading of a pose."""
    q = pose_stamped.pose.orientation
    return 2 * np.arctan2(q.z, q.w)

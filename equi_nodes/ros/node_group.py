"""The nodes of a graph as processes: started together, watched, ended together."""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping

from equi_nodes.config.graph import Graph
from equi_nodes.ros.process import NodeProcess, dds_environment, node_command, stop_all


class NodeGroup:
    """One process for each node of a graph; leaving the ``with`` block ends them all.

    Attributes:
        graph: what was started.
        processes: the newest process of each node, by its name.
    """

    def __init__(
        self,
        graph: Graph,
        on_line: Callable[[str, str], None],
        *,
        namespace: str = "",
        log_level: str = "info",
        dds_profile: str = "auto",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            graph: the nodes.
            on_line: takes the name of a node and each line that it writes, in a thread of the node.
            namespace: of all nodes.
            log_level: of all nodes.
            dds_profile: as ``dds_environment`` takes it.
            environment: variables set in addition to those of this process.
        """
        self.graph = graph
        self.processes: dict[str, NodeProcess] = {}
        self._on_line, self._namespace, self._log_level = on_line, namespace, log_level
        self._environment = dds_environment(dds_profile) | dict(environment or {})
        self._ends: queue.Queue[NodeProcess] = queue.Queue()

    def __enter__(self) -> NodeGroup:
        """Start all nodes."""
        try:
            for node in self.graph.nodes:
                self.start(node.name)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End all nodes."""
        self.stop()

    def start(self, name: str) -> None:
        """Start the process of a node, or start it again after its end."""
        command = node_command(self.graph.node(name), self._namespace, self._log_level)
        self.processes[name] = NodeProcess(
            name, command, self._on_line, on_end=self._note_end, environment=self._environment
        )

    def ended(self, timeout_s: float | None = None) -> NodeProcess | None:
        """Wait for a node that ends by itself; None when none does within ``timeout_s`` seconds."""
        try:
            return self._ends.get(timeout=timeout_s) if timeout_s != 0 else self._ends.get_nowait()
        except queue.Empty:
            return None

    def stop(self) -> None:
        """Ask all nodes to end, and kill those that do not."""
        stop_all(list(self.processes.values()))

    def _note_end(self, process: NodeProcess) -> None:
        self._ends.put(process)

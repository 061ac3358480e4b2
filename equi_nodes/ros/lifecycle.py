"""A lifecycle node whose failed transitions are logged and remembered.

rclpy swallows what a transition raises: the caller learns that it failed, nobody learns why.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from equi_nodes.errors import EquiError


class ManagedNode(LifecycleNode):
    """Subclasses implement one plain method a transition and may raise in it.

    Attributes:
        failure: why the last transition failed, empty if it did not.
    """

    failure = ""

    def configure(self) -> None:
        """Acquire what the node needs; must return at once."""

    def activate(self) -> None:
        """Begin to take and give data."""

    def deactivate(self) -> None:
        """Cease to take and give data."""

    def clean_up(self) -> None:
        """Give back what ``configure`` acquired, or the part of it that it got to."""

    def transition_done(self) -> None:
        """Hear that a transition ended, well or not."""

    def start(self) -> None:
        """Configure and activate, as a lifecycle manager would."""
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def destroy_node(self) -> None:
        """Destroy the node with its state machine, which rclpy keeps.

        It holds the DDS participant, whose shared memory would outlive the process.
        """
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Run ``configure``; what it got to is given back when it fails."""
        outcome = self._transition("configure", self.configure, super().on_configure, state)
        if outcome != TransitionCallbackReturn.SUCCESS:
            self.clean_up()
        return outcome

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Run ``activate``."""
        return self._transition("activate", self.activate, super().on_activate, state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Run ``deactivate``."""
        return self._transition("deactivate", self.deactivate, super().on_deactivate, state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Run ``clean_up``."""
        return self._transition("cleanup", self.clean_up, super().on_cleanup, state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Run ``clean_up`` for good."""
        return self._transition("shutdown", self.clean_up, super().on_shutdown, state)

    def _transition(
        self,
        name: str,
        action: Callable[[], None],
        parent: Callable[[LifecycleState], Any],
        state: LifecycleState,
    ) -> TransitionCallbackReturn:
        """Run a transition; one that raises leaves the node in the state it came from."""
        try:
            action()
            outcome = parent(state)
            self.failure = ""
        except Exception as error:
            details = "" if isinstance(error, EquiError) else f"\n{traceback.format_exc()}"
            self.failure = f"{name} failed: {error}"
            self.get_logger().error(self.failure + details)
            outcome = TransitionCallbackReturn.FAILURE
        self.transition_done()
        return outcome

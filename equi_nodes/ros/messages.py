"""Builds rclpy messages by the name of their type."""

from __future__ import annotations

import array
import functools
import importlib
from typing import Any

import numpy as np


@functools.cache
def message_class(type_name: str) -> type:
    """Return the rclpy class of a type, for example ``geometry_msgs/msg/Point``."""
    module, _, name = type_name.rpartition("/")
    return getattr(importlib.import_module(module.replace("/", ".")), name)


class _RclpyMake:
    """The ``Make`` of ``ros.convert`` for rclpy's classes."""

    def __call__(self, type_name: str, **fields: Any) -> Any:
        """Build a message."""
        return message_class(type_name)(**fields)

    @staticmethod
    def array(code: str, numbers: np.ndarray) -> array.array:
        """Build a sequence of numbers; bytes are copied at once, not number by number."""
        return array.array(code, np.ascontiguousarray(numbers, dtype=code).tobytes())


make = _RclpyMake()

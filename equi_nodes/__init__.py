"""Equivariant perception, prediction and planning nodes for ROS 2 robots."""

import os

# The matrices here are small: OpenBLAS' threads, woken for each product, cost many times what they
# give. It reads this when numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"

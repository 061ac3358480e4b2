"""The open parametric human body: its skeleton, its skin, points on its surface."""

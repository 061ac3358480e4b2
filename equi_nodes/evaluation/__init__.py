"""Metrics, deterministic replay, equivariance orbits and the report."""

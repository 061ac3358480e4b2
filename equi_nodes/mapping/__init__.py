"""Occupancy grids from sweeps of range sensors."""

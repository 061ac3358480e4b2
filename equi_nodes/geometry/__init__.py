"""Rotations, transforms, symmetry groups and neighbour search."""

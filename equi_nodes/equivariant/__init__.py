"""Layers that several networks share, and measuring how equivariant they are."""

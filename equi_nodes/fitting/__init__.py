"""Fitting a body to points: refinement, covariance, what speaks for a person, and time."""

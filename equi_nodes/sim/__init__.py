"""Simulated worlds that need no recording and no download."""

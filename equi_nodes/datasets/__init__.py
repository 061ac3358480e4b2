"""Readers of recordings, synthetic sets, and writing both as bags."""

"""The one place where a default, its unit, its range and its meaning stand."""

"""The map beside the filter: keyframes, their adjustment, and places recognised."""

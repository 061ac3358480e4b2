"""Planning on occupancy grids: costs, search, the sparse graph, frontiers, smoothing, checks."""

"""People in point clouds: ground, clusters, how much they look like persons, tracks."""

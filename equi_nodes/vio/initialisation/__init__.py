"""Finding where to start: gravity, velocity, biases and, with one camera, the scale."""

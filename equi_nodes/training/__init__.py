"""One recipe a model; runs without ROS, on CPU or GPU."""

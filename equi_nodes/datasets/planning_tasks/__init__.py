"""The tasks that graph planning networks are compared on, made from seeds: nothing is shipped."""

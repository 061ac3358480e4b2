"""How networks run: backends, export, weights, and the worker that keeps callbacks free."""

"""One file a node; each is a console script and a module to run."""

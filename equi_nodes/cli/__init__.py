"""The verbs of the equi command, one module each."""

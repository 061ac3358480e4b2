"""One job a file: ``step(sample)`` gives a result, ``reset()`` forgets the past."""

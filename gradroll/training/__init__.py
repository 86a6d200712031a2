"""Training rules carried out: the next model from the one before, and a whole training recomputed."""

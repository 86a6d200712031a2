"""How training holds when some owners attack it: graded batches against the rules that others use."""

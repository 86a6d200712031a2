"""Samples of a data market: their bytes, how far apart they are, and what bundles of them commit to; pure."""

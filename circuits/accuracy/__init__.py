"""Accuracy proofs: how many rows of a committed data set a committed model classifies rightly, and rounding proofs."""

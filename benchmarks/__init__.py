"""Measurements of whole rounds, kernels, proofs and gas; `gradroll bench` runs them from a checkout."""

"""Policies: what a batch proves of its gradients.  `registry` knows them by name; `docs/how-to-write-a-policy.md`."""

DEFAULT = "norm"
"""The policy that is meant where nobody names one.  Here, since a parser of commands imports nothing heavy."""

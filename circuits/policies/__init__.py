"""Policies: what a batch proves of its gradients."""

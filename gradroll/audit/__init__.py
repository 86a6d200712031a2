"""Checking what was published, from public data."""

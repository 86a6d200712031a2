"""What the market costs: from snapshots of gas, which the contracts' tests keep, to docs/economics.md."""

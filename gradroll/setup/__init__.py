"""A market on one machine: parameters, accounts, contracts, processes."""

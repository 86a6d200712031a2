"""How a prover joins a committee: its keys, and the agreement on the shared ones."""

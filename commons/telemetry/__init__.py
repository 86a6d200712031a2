"""What an operator is shown of a running server: metrics, its state, its log.  Pure rooms never import it."""

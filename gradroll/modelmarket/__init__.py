"""The model market's roles: sellers, buyers, and owners of bounties."""

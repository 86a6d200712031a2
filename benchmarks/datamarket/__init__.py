"""A data market among agents of many kinds: what each gains, how the data grows, how good a model becomes."""

"""The contracts, read and written: facts, a view, transactions, and the development chain."""

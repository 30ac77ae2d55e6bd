"""Nearest rows of a vector set: exact search, the oracle; an HNSW index for large sets; and who answers what."""

"""Answering a query: filters, terms, ranking, folding; browsing and facets."""

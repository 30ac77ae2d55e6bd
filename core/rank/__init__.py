"""Ranking on top of the scores: hubness, folding of near-duplicates, cut-offs."""

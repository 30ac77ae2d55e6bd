"""Ranking metrics, through ir-measures."""

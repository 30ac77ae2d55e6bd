"""Loupe without its screen: every room of the engine. Importing it loads nothing heavy."""

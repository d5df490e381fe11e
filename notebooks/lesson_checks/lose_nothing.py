"""Checks for notebook 06, Lose nothing."""
__all__ = []

"""Checks for notebook 09, Case files."""
__all__ = []

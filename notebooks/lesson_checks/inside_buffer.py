"""Checks for notebook 05, Look inside the buffer."""
__all__ = []

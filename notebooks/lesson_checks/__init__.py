"""The checks of the exercises, one module a lesson; ``checks.py`` beside this folder names them all."""

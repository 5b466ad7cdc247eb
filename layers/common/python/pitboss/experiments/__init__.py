"""Experiments: who is shown what, and what came of it, valid at any time one looks."""

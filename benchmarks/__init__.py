"""Every figure the project promises, printed by a command: `python -m benchmarks`."""

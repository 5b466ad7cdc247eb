"""The lake: what was received, by gaming day, and what is made of it (ADR 9)."""

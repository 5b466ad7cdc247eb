"""Offers: what may be offered to whom, by whom it is chosen, and what became of it.

Values in, values out: no AWS, no clock, no chance of its own.
"""

"""Rating: what play was worth, as a fold over one machine's events in the order they happened.

`fold` rates a run of events, `history` keeps a machine's events in pages and says what a batch of
new ones changes. Values in, values out: no AWS, no clock, no environment.
"""

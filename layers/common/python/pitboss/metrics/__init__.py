"""Live metrics of games: what is measured, in which windows, and when somebody is to be told.

What is kept is a function of the set of events: late and repeated events change what they would
have changed in time, and nothing else.
"""

"""Play that cannot be honest: evidence that grows game by game, and how often it is wrong.

Each question is a game of chance against the assumption that all is well (`betting`); what the
questions are is in `questions`, and what is asked of a player's session in `session`.
"""

"""Lets a model serve that was judged to be better.

Trigger: the state machine `nightly_retraining`: `{"version", "replaces", "why"}` of the evaluation.
Does: exchanges the champion, where it still is the one that the version was compared with.
Emits: `models/offers/champion.json`; metric ModelsPromoted. Raises ChampionMoved, which no retry
helps: somebody promoted or rolled back meanwhile.
"""

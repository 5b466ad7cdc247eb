"""Watches play for what cannot be honest, and puts what it finds before people.

Trigger: the slot event stream (Kinesis), a batch of records every half minute.
Does: rates each machine's games as they come and asks each session whether it can be honest play
(`pitboss.anomalies`), and each card's gaming day whether one card is at two places of the floor
plan; a suspicion becomes a review that nobody has decided yet, unless the like was cleared lately.
Emits: items `<property>/watches` and `<property>/reviews` of the floor table; metrics
RecordsReceived, RecordsUnreadable, EventsReceived, EventsKnown, EventsUnwatched, GamesWatched,
SuspicionsRaised, SuspicionsSilenced, BlocksReplaced, BlocksContended, CardsReplaced,
CardsContended.

A review is named by its session, or a card's day, and put before the row is kept that knows of it,
so that none is lost and none told twice, whatever comes again. A record that cannot be read is left
out, for `rate_players` sets it aside; unless one that is known to be good cannot be read either:
then it is this release that is broken, and the batch waits for the one before. So it is with a
machine's events that cannot be rated.
"""

"""Finds the scores in what games' servers send, and publishes them.

Trigger: the game event stream (Kinesis), a batch of records every flush interval.
Does: of each event of a type that a leaderboard of its application is made of, takes the score;
scores of a board are packed into messages, at most 100 in one.
Emits: messages of the scores topic (`pitboss.games.leaderboards.Scores`); metrics RecordsReceived,
RecordsUnreadable, EventsReceived, ScoresPublished, EventsUnscored (by reason), MessagesPublished.

A client may send such an event, if its type is of a category that clients are believed for; it is
no score. A batch that comes again publishes the same scores again, which count once: whoever keeps
them knows each by its event. What cannot be read is left out, for `archive_events` keeps it.
"""

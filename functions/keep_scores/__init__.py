"""Keeps scores: players on leaderboards, and what their milestones give.

Trigger: messages of the scores topic (SNS to SQS), up to ten at once, by a bounded number of
invocations at a time.
Does: brings the scores of all messages into the entries of their players, and replaces each entry
in one transaction with the marks of the scores that it sums and the entitlements of the milestones
that it reaches. Each invocation keeps to its share of the table's write units.
Emits: entries, marks and entitlements in the scores table; metrics MessagesReceived,
MessagesUnreadable, ScoresReceived, ScoresTooLate, EntriesKept, EntriesContended,
EntitlementsGranted, WriteUnits.

A score counts once, however often it comes and in whatever order. A message that cannot be read is
given back alone; all else raises, and the messages come again: what is written by then is known.
"""

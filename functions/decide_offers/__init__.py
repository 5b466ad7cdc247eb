"""Decides which offer a player is made while they play, if any.

Trigger: changes of players' ratings (SNS to SQS), up to ten messages at once.
Does: for a session that started, a worth step or a tier, reads what is known of the player, the
budgets, the player's offers and what the gate looks at, decides, and keeps the decision, its offer
and what it reserves in one transaction that makes sure that budgets, standing and machine still
are what was read; an offer that needs a person's approval starts the state machine that waits for
one. A session that ended takes the machine's offer away.
Emits: decisions, offers and budgets in the offers table; executions of `approve_offer`; a line of
the log for each offer; metrics TriggersReceived, TriggersEnded, TriggersStale, TriggersUnoffered,
TriggersUnreadable, TriggersFailed, DecisionsMade, DecisionsRepeated, OffersMade, OffersHeldOut,
OffersRefused, StandingsUnread, ModelFallbacks.

A change is decided once, however often it comes: the decision is its own mark. A message that
fails, whatever of, is given back alone; what fails five times is in the queue of those undecided.
"""

"""Counts what becomes of offers, for the live floor.

Trigger: the stream of the offers table, filtered to offers.
Does: counts each offer in every status that it has reached, in the gaming day in which it was
decided, once: that it counts is kept in the same transaction as the count (`DynamoFloor`). Changes
may come twice, late and in any order.
Emits: items of the floor table; metrics OfferChangesReceived, OfferChangesUnreadable,
OffersCounted.
"""

"""Expires offers that were not answered or redeemed in time.

Trigger: a schedule, every minute (EventBridge Scheduler).
Does: takes every open offer past its time to `expired`, the earliest first, each in one transaction
that gives back what was reserved for it to player, offer and property. An offer that is answered at
that moment stays answered. What one run has no time for, the next one finds.
Emits: metrics OffersExpired, OffersMovedOn (answered or settled meanwhile), OffersContended (left
for the next run); a log line where one run was too short.
"""

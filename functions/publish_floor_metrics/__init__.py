"""Looks at each property's live floor once a minute, and says what there is to say of it.

Trigger: a schedule, every minute (EventBridge Scheduler).
Does: puts the floor's business metrics into CloudWatch, one call a property; keeps what is looked
up once a minute (quarantine, budget) and the floor as the minute ended; raises an alert for each
machine that fell silent, and clears it when the machine is heard again.
Emits: metrics PropertiesPublished, PropertiesFailed, MinutesKept, AlertsRaised, AlertsCleared, and
those of namespace `Pitboss/Floor`, which are states: their sums mean nothing.

The same minute again puts the same metrics, keeps nothing new and raises nothing twice. A property
that fails keeps no other from being published; the run then fails, and comes again.
"""

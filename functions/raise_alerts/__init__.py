"""Shows CloudWatch's alarms on the live floor's page.

Trigger: the topic that alarms tell (SNS).
Does: makes an alert of an alarm that rings, on every property's floor or on the one that it names,
with its runbook; clears it when the alarm is over.
Emits: metrics AlarmsReceived, AlarmsUnreadable, AlertsRaised, AlertsCleared.

A notification that comes again changes nothing. What cannot be read is no alarm's, and counted.
"""

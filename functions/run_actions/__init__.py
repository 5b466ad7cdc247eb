"""Runs the actions of thresholds: posts to webhooks, and starts functions.

Trigger: messages of the metrics topic (SNS to SQS), one at a time, by a bounded number of
invocations at once.
Does: gives each action of a notice a message of its own; posts a signed notice to a registered
webhook, or starts a function with it.
Emits: messages of the queue of actions, one an action; messages of the queue of those that cannot
be run; invocations of functions; what came of the last post, on the webhook's item of the metrics
table; metrics NoticesReceived, NoticesUnreadable, ActionsDone, ActionsPutOff, ActionsRefused,
ActionsDropped.

An action is run at least once: the notice's id, which stays, tells a second time from the first.
What fails in passing comes again later and later, and is set aside after the last try; what fails
however often it is tried is set aside at once.
"""

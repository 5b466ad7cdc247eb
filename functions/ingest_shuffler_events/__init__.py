"""Puts shufflers' messages into their stream where a rule of AWS IoT Core cannot do it itself.

Trigger: the rules of AWS IoT Core, one message at a time, where `ShufflerRules` is `lambda`; each
as `pitboss.shufflers.messages.Delivered`.
Does: writes it to the shuffler stream, as the rule's Kinesis action would: same record, same
partition key. What was published is looked at by who reads the stream.
Emits: one record of the shuffler stream; metric MessagesIngested. What the stream did not take
raises, so that Lambda tries again and then puts the message into the queue of the undelivered.
"""

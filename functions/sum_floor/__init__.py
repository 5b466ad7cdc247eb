"""Keeps what machines' ratings add up to, as rows that pages are sent, in blocks of machines.

Trigger: the stream of the ratings table, filtered to the heads of machines.
Does: makes each machine's `MachineSums` of its newest head and replaces the blocks that changed,
each where it is still the one that was read.
Emits: items `sums/<block>` of the floor table; metrics HeadsReceived, HeadsKnown, HeadsUnreadable,
RowsChanged, BlocksReplaced, BlocksContended.

A row is a state and carries the mark of the head that it is made of: what comes again, late or to
two consumers at once changes nothing. A head that cannot be read is left out, for the next one of
its machine says all of it; unless one that is known to be good cannot be read either: then it is
this release that is broken, and the batch waits for the one before.
"""

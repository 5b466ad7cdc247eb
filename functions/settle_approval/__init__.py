"""Settles an offer that awaited approval, as a person said, or did not say in time.

Trigger: the state machine `approve_offer`: `pitboss.offers.approval.Settlement`.
Does: approved, the offer is there to be delivered, and its validity begins; refused or without an
answer, it is over and what was reserved for it is given back. The step says who said so. The same
again changes nothing; what came too late changes nothing either.
Emits: the status that the offer has then; metrics ApprovalsGiven, ApprovalsRefused, ApprovalsMissed
(nobody answered in time), ApprovalsLate; a log line of each.
"""

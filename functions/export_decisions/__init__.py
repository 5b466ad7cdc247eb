"""Exports a property's gaming day of decisions, and what became of their offers.

Trigger: the state machine `nightly_retraining`: `{"property_id", "gaming_day"}`.
Does: reads the day's decisions with their offers, and makes the table anew.
Emits: the refined table `decisions` of the partition and, last, its summary
(`refined/decision_summaries/`), which says how many offers are still open; metric
DecisionsExported.

The same decisions with the same outcomes give the same bytes.
"""

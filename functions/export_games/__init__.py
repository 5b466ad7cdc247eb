"""Exports a property's gaming day as it was rated: a row for each game and for each gap.

Trigger: the state machine `refine_day`, when the day is refined: `{"property_id", "gaming_day"}`.
Does: reads every machine's ledger as `GET /v1/machines/{asset_id}/ledger` does, from the rating's
own pages, so that nothing is calculated a second time; names each game's paytable by the machines'
own reports.
Emits: the refined tables `games`, `gaps` and `holds` (what hold is judged by) of the partition;
metrics GamesExported, GapsExported. Raises LedgerMoved, which helps itself: the day is being rated.

The same ratings give the same bytes.
"""

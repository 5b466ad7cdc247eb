"""Writes the shufflers' hours into the lake's bucket, for those who learn from them.

Trigger: the state machine `maintain_shufflers`: `{"run"}`.
Does: reads each device's hours, failures and maintenance from the database, as far back as is
learned from, and the decisions an hour that were measured at each table, ever.
Emits: `models/shufflers/runs/<run>/hours/<property>/<asset>.msgpack.zst`; `paces/<property>.json`,
by which `import_files` rates slips; metrics HistoriesExported, PacesExported.
"""

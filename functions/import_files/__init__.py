"""Imports files of hourly meters, promotions and rated table sessions into the lake.

Trigger: a file `drop/<source>/<property>/<file>.csv` in the lake's bucket (S3, by EventBridge).
Does: keeps the file as it came, decides of every row whether it is new, a duplicate, a conflict or
unreadable, and makes the partitions of the gaming days it has rows of anew, from every file that
has rows of them. Of table sessions, also what each player's day at the tables comes to.
Emits: Parquet partitions of `slot_meters`, `promotions` or `table_sessions`; players' days at
tables in the ratings table, beside their play at machines; the file under `raw/imports/`; rows that
were not accepted to the quarantine; a summary beside the file; metrics FilesImported, FilesRefused,
RowsReceived, RowsImported, RowsDuplicate, RowsQuarantined, RowsFlagged.

The same file again changes nothing. Two files at once may both write a partition: each writer looks
again when it is done whether another file came meanwhile, so that the last to write knew them all.
"""

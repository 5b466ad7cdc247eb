"""Imports: files of hourly meters, promotions and table sessions become tables of the lake.

`sources` says what a table holds, `mapping` how a file's columns become it, `lines` cuts a file
into rows, `accounts` decides what each row is and writes the partitions, `summary` is what is told.
"""

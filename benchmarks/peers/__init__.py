"""The contestants of `benchmarks.rating_path`, each run alone by an interpreter of its own.

`python -m benchmarks.peers.NAME FILE` takes the events in, once to warm up and once measured, and
prints the CPU time and the totals as JSON. Scripts of other projects' libraries run in environments
that have those libraries and nothing of this project.
"""

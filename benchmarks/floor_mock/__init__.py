"""A pretended front door for the page: every document of the floor, simulated, without a stack.

Everything is made with the structs that the functions answer with. Start it with
`.venv/bin/python -m benchmarks.floor_mock --machines 200 --rate 250`.
"""

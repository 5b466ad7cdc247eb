"""The live floor: what each machine is doing, what that adds up to, and what wants attention.

Domain code: values in, values out; no AWS, no clock, no environment.
"""

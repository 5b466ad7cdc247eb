"""Runs on a laptop and is never deployed: the `pitboss` command, the local stack, the simulator."""

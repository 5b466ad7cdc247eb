"""Slot-machine protocol knowledge: SAS codes and denominations, and the gateway's packets."""

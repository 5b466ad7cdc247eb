"""Alerts: what they are called, and those that follow from what a machine says."""

from pitboss.floor.rows import Alert, Fault, Severity

SEVERITIES = {
    Fault.HANDPAY: Severity.CRITICAL,
    Fault.DOOR: Severity.WARNING,
    Fault.TILT: Severity.WARNING,
}
"""Faults that somebody is to go to, and how soon. A call for service is seen on the map."""


def alert_id(raised_at: int, *about: str) -> str:
    """What an alert is called: it begins with when it was raised, by which alerts are listed.

    >>> alert_id(1_592_277_300_000, "1940732", "door", "slot")
    '1592277300000-1940732-door-slot'
    """
    return "-".join((f"{raised_at:013d}", *"-".join(about).split()))


def fault_alert(asset_id: str, topic: str, since: int, words: str) -> Alert | None:
    """The alert of a fault that began; None for one that is none.

    Args:
        asset_id: the machine.
        topic: the fault, and of a door which: `door slot`.
        since: when it began, epoch milliseconds.
        words: what the machine says of it.
    """
    kind = topic.partition(" ")[0]
    severity = SEVERITIES.get(Fault(kind))
    if severity is None:
        return None
    name = alert_id(since, asset_id, topic)
    return Alert(name, kind, severity, since, words, asset_id)

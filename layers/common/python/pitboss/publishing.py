"""A minute's work for every property: one that fails keeps no other waiting."""

from collections.abc import Callable, Iterable

from aws_lambda_powertools import Logger

from pitboss.telemetry import Metrics


def publish_each(
    properties: Iterable[str],
    publish: Callable[[str], object],
    log: Logger,
    count: Metrics,
    failed: str,
) -> dict[str, int]:
    """Publish every property, and count those that were and those that were not.

    Args:
        properties: which there are.
        publish: publishes one.
        log: is told of each that was not.
        count: what was counted, too, is flushed.
        failed: what the log says of one that was not.

    Returns:
        Properties that were published.

    Raises:
        Exception: of the first property that was not; the others were.
    """
    published = 0
    faults: list[Exception] = []
    for property_id in properties:
        try:
            publish(property_id)
        except Exception as fault:  # noqa: BLE001 - raised below: one keeps no other waiting
            log.error(failed, extra={"property_id": property_id})
            faults.append(fault)
            continue
        published += 1
    count.count("PropertiesPublished", published)
    count.count("PropertiesFailed", len(faults))
    count.flush()
    if faults:
        raise faults[0]
    return {"properties": published}

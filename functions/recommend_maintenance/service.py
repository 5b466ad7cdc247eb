"""The use case: recommendations as the newest assessment has them, and what is to be told."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from pitboss.events.shuffler import Part
from pitboss.shufflers.costs import CostTable
from pitboss.shufflers.exports import ASSESSMENT, Assessment, DeviceProspects, unpack
from pitboss.shufflers.maintenance import (
    PERFORMED,
    Change,
    Device,
    Recommendation,
    Status,
    Urgency,
    advise,
    close,
    message,
    revise,
    subject,
)
from pitboss.stores.maintenance import Known

MAX_NOTICES = 100
"""Messages of one run: a state machine hands on 256 KB at most. The others are the next run's."""


class Maintenance(Protocol):
    """Where recommendations are; see `pitboss.stores.maintenance.SqlMaintenance`."""

    def revise(
        self, device: Device, decide: Callable[[Mapping[Part, Known]], Iterable[Change]]
    ) -> list[Change]: ...
    def unsent(self, limit: int) -> list[tuple[Recommendation, Urgency]]: ...
    def sent(self, recommendation_id: str, urgency: Urgency, at: int) -> None: ...


class Runs(Protocol):
    """What runs work on; see `pitboss.stores.models.S3Models`."""

    def of_run(self, run: str, name: str) -> bytes: ...


class Notice(NamedTuple):
    """A message to send; by urgency and property those who subscribed choose theirs."""

    recommendation_id: str
    property_id: str
    urgency: Urgency
    subject: str
    text: str


class Recommended(NamedTuple):
    """What became of the recommendations."""

    opened: int
    closed: int
    raised: int
    """Messages that are new."""


def recommend(
    maintenance: Maintenance,
    runs: Runs,
    run: str,
    costs: CostTable,
    new_id: Callable[[], str],
    now: int,
) -> Recommended:
    """Bring the recommendations of all assessed devices up to date.

    Args:
        maintenance: where they are.
        runs: where the assessment is.
        run: which run's.
        costs: of all properties.
        new_id: ids of recommendations.
        now: epoch ms.
    """
    assessment = unpack(runs.of_run(run, ASSESSMENT), Assessment)
    opened = closed = raised = 0
    for found in assessment.devices:
        device = Device(found.property_id, found.asset_id)

        def decide(known: Mapping[Part, Known], of: DeviceProspects = found) -> Iterator[Change]:
            return _changes(known, of, assessment, costs, new_id, now)

        for change in maintenance.revise(device, decide):
            one, entry = change.recommendation, change.entry
            opened += entry is not None and one.opened_at == now and one.status is Status.OPEN
            closed += one.status.is_closed
            raised += change.is_told
    return Recommended(opened, closed, raised)


def notices(maintenance: Maintenance) -> list[Notice]:
    """Messages that are not known to be sent."""
    return [
        Notice(one.recommendation_id, one.property_id, urgency, subject(said), message(said))
        for one, urgency in maintenance.unsent(MAX_NOTICES)
        for said in (replace(one, urgency=urgency),)
    ]


def _changes(
    known: Mapping[Part, Known],
    found: DeviceProspects,
    assessment: Assessment,
    costs: CostTable,
    new_id: Callable[[], str],
    now: int,
) -> Iterator[Change]:
    device, rules = Device(found.property_id, found.asset_id), costs.of(found.property_id)
    prospects = {one.part: one for one in found.prospects}
    for part in Part:
        current, last = known.get(part, Known(None, None))
        if current is not None and found.mended_at.get(part, 0) > current.opened_at:
            yield close(current, Status.DONE, PERFORMED, "the device says that it was mended", now)
            continue
        prospect = prospects.get(part)
        advice = None
        if prospect is not None:
            advice = advise(prospect, rules, assessment.thresholds.get(part), now)
        change = revise(
            device,
            part,
            advice,
            current,
            last,
            rules,
            model_version=assessment.model_version,
            new_id=new_id(),
            now=now,
        )
        if change is not None:
            yield change

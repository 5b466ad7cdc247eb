"""Who is in an experiment, and what they are shown: by a hash, so that it stays so.

A player falls in one of 10,000 buckets of each layer. An experiment has buckets of its layer that
no other has, so that of a layer's experiments a player is in one at most. In which of its variants
they are is by another hash, so that an experiment that is given the buckets of one that is over
does not inherit who was shown what together.

What an experiment is given stays as it is until it is over: a larger share is given more buckets,
and other weights hold for these alone. So nobody is ever moved.

After Tang, Agarwal, O'Brien, Meyer, "Overlapping Experiment Infrastructure: More, Better, Faster
Experimentation", KDD 2010, https://doi.org/10.1145/1835804.1835810.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from msgspec import Struct, structs

from pitboss.experiments.definition import WHOLE, Experiment, InvalidExperiment, Status, Variant

BUCKETS = WHOLE
"""Of a layer: one a basis point."""

type Range = tuple[int, int]
"""Buckets from the first to before the second."""


class Block(Struct, frozen=True):
    """Buckets that were given to an experiment at once, and the weights that hold in them."""

    ranges: tuple[Range, ...]
    weights: tuple[tuple[str, int], ...]
    """The variants' keys and basis points, in the order they fall in."""

    @property
    def size(self) -> int:
        """Buckets."""
        return sum(end - first for first, end in self.ranges)


class Registered(Struct, frozen=True, kw_only=True):
    """An experiment as it is registered. Moments are epoch milliseconds."""

    experiment: Experiment
    blocks: tuple[Block, ...] = ()
    """Kept when it is over: they say what the odds of each variant were."""
    registered_at: int
    started_at: int | None = None
    stopped_at: int | None = None


class Assigned(Struct, frozen=True):
    """Where a player is in an experiment."""

    variant: Variant
    block: int
    """Which of the experiment's blocks the player is in."""


def bucket_of(salt: str, subject: str) -> int:
    """The bucket, from 0 to 9,999, that somebody falls in: the same again, alike often each.

    >>> bucket_of("layer/P1/welcome", "p-81")
    4325
    """
    digest = sha256(f"{salt}/{subject}".encode()).digest()
    return int.from_bytes(digest[:8]) % BUCKETS


def layer_salt(property_id: str, layer: str) -> str:
    """What a layer's buckets are hashed with."""
    return f"layer/{property_id}/{layer}"


def assigned(registered: Registered, player_id: str) -> Assigned | None:
    """Where a player is in an experiment that runs; None where they are not in it."""
    experiment = registered.experiment
    if experiment.status is not Status.RUNNING:
        return None
    bucket = bucket_of(layer_salt(experiment.property_id, experiment.layer), player_id)
    for number, block in enumerate(registered.blocks):
        if any(first <= bucket < end for first, end in block.ranges):
            key = _variant(block, experiment, player_id)
            variant = next(one for one in experiment.variants if one.key == key)
            return Assigned(variant, number)
    return None


def _variant(block: Block, experiment: Experiment, player_id: str) -> str:
    left = bucket_of(f"variant/{experiment.property_id}/{experiment.key}", player_id)
    for key, weight in block.weights:
        left -= weight
        if left < 0:
            return key
    raise ValueError("the weights of the variants do not add up to one")


def register(known: Sequence[Registered], wanted: Experiment, at: int) -> Registered:
    """The experiment as it is to be registered.

    Args:
        known: every experiment of its property, this one too where it is registered.
        wanted: what `parse` said is one.
        at: epoch milliseconds.

    Raises:
        InvalidExperiment: the layer has too few buckets, a flag is decided elsewhere, or what runs
            or is over would be changed in a way that moves players or makes its result wrong.
    """
    before = next((one for one in known if one.experiment.key == wanted.key), None)
    others = [
        one
        for one in known
        if one.experiment.key != wanted.key and one.experiment.status is Status.RUNNING
    ]
    faults = tuple(_faults(before, others, wanted))
    if faults:
        raise InvalidExperiment(faults)
    if before is not None and before.experiment == wanted:
        return before
    blocks = () if before is None else before.blocks
    if wanted.status is Status.RUNNING:
        missing = wanted.share_basis_points - sum(block.size for block in blocks)
        if missing:
            mine = Registered(experiment=wanted, blocks=blocks, registered_at=at)
            ranges = tuple(_first(_free([*others, mine], wanted.layer), missing))
            blocks = (*blocks, Block(ranges, wanted.weights))
    started_at = None if before is None else before.started_at
    if started_at is None and wanted.status is Status.RUNNING:
        started_at = at
    return Registered(
        experiment=wanted,
        blocks=blocks,
        registered_at=at if before is None else before.registered_at,
        started_at=started_at,
        stopped_at=at if wanted.status is Status.STOPPED else None,
    )


def stop(registered: Registered, at: int) -> Registered:
    """An experiment that is over: its buckets are free for others."""
    if registered.experiment.status is Status.STOPPED:
        return registered
    experiment = structs.replace(registered.experiment, status=Status.STOPPED)
    return structs.replace(registered, experiment=experiment, stopped_at=at)


def _faults(
    before: Registered | None, others: Iterable[Registered], wanted: Experiment
) -> Iterator[str]:
    if before is not None:
        yield from _faults_of_change(before, wanted)
    elif wanted.status is Status.STOPPED:
        yield f"{wanted.key} was never registered: there is nothing to stop"
    if wanted.status is not Status.RUNNING:
        return
    for other in others:
        both = sorted(wanted.flags & other.experiment.flags)
        if both and other.experiment.layer != wanted.layer:
            yield (
                f"flag {both[0]!r} is decided by {other.experiment.key!r} in layer "
                f"{other.experiment.layer!r}: a player may be in both, so put this one there too"
            )
    taken = [one for one in others if one.experiment.layer == wanted.layer]
    left = BUCKETS - sum(block.size for one in taken for block in one.blocks)
    if wanted.share_basis_points > left:
        whose = ", ".join(
            f"{one.experiment.key} {sum(block.size for block in one.blocks):,}" for one in taken
        )
        yield (
            f"share_basis_points is {wanted.share_basis_points:,}, and layer {wanted.layer!r} has "
            f"{left:,} left ({whose})"
        )


def _faults_of_change(before: Registered, wanted: Experiment) -> Iterator[str]:
    was = before.experiment
    if was == wanted or was.status is Status.DRAFT:
        return
    if was.status is Status.STOPPED:
        yield f"{was.key} is over, for good: register another one under a key of its own"
        return
    if wanted.status is Status.DRAFT:
        yield f"{was.key} runs: it can be stopped, and is no draft again"
    for field in Experiment.__struct_fields__:
        if field in ("name", "status", "share_basis_points", "variants"):
            continue
        if getattr(was, field) != getattr(wanted, field):
            yield f"{was.key} runs: {field} cannot be changed, or its result would mean nothing"
    if [(one.key, one.flags) for one in was.variants] != [
        (one.key, one.flags) for one in wanted.variants
    ]:
        yield f"{was.key} runs: what its variants are cannot be changed, only their weights"
    grows = wanted.share_basis_points - was.share_basis_points
    if grows < 0:
        yield (
            f"{was.key} runs: a share of {was.share_basis_points:,} basis points can be raised and "
            "not lowered, which would take players out of what they are shown"
        )
    if was.weights != wanted.weights and grows <= 0:
        yield (
            f"{was.key} runs: other weights hold for players who are not in it yet, so raise "
            "share_basis_points with them"
        )


def _free(taken: Iterable[Registered], layer: str) -> Iterator[Range]:
    """The buckets of a layer that nobody has, in order."""
    ranges = sorted(
        one
        for registered in taken
        if registered.experiment.layer == layer
        for block in registered.blocks
        for one in block.ranges
    )
    start = 0
    for first, end in [*ranges, (BUCKETS, BUCKETS)]:
        if start < first:
            yield start, first
        start = end


def _first(free: Iterable[Range], size: int) -> Iterator[Range]:
    """The first so many buckets of those."""
    for first, end in free:
        if size <= 0:
            return
        yield first, min(end, first + size)
        size -= end - first

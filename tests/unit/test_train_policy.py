"""The use case of `train_policy`: a run's rows in, its model out."""

import pytest

from pitboss.offers.training import fit, to_lines
from pitboss.stores.models import TRAIN
from tests import offer_nights, sample_events
from train_policy import handler as door

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("case", sample_events.load("train_policy"))
def test_the_model_of_a_run_is_that_of_its_rows(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    event = sample_events.load("train_policy")[case]
    lines = to_lines(offer_nights.training().train[:100])
    with offer_nights.models() as models:
        stub = type("Wiring", (), {"models": models})
        monkeypatch.setattr(door, "_wiring", lambda: stub)
        models.put_of_run(event["run"], TRAIN, lines)

        answer = door.handler(event, None)

        assert answer == {"model": "model.vw"}
        assert models.of_run(event["run"], answer["model"]) == fit(lines, {})

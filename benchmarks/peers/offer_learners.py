"""Learners of offers, each run alone: `python -m benchmarks.peers.offer_learners NAME FILE`.

The file has decisions that were left to chance, contexts to decide on and actions; printed is JSON:
which action is best in each context, and how long importing, learning and deciding took. All see
the same features, as `pitboss.offers.learning` writes them.
"""

import json
import sys
import time
from typing import Any

from pitboss.offers.learning import _feature
from pitboss.offers.logs import Action, LoggedDecision

MANY = 50
ASKED = 300


def _loaded(name: str) -> float:
    """Import what a learner stands on; milliseconds."""
    started = time.perf_counter()
    __import__({"vowpal_wabbit": "vowpalwabbit", "ridge": "numpy", "lightgbm": "lightgbm"}[name])
    return (time.perf_counter() - started) * 1_000


class VowpalWabbit:
    """This project's."""

    def __init__(self, actions: list[Action], log: list[Any]) -> None:
        from pitboss.offers.learning import Scorer, train

        odds = [1_000_000 // len(actions)] * len(actions)
        odds[0] += 1_000_000 - sum(odds)
        self._scorer = Scorer(
            train(
                [
                    LoggedDecision(
                        day="",
                        features=_pairs(features),
                        actions=tuple(actions),
                        chosen=actions[place].code,
                        propensities=tuple(odds),
                        reward=reward,
                    )
                    for features, place, reward in log
                ]
            )
        )

    def scores(self, features: Any, actions: list[Action]) -> Any:  # noqa: ANN401
        return self._scorer.score(_pairs(features), actions)


class Ridge:
    """A ridge regression for each action, as of LinUCB, on rewards divided by their size."""

    def __init__(self, actions: list[Action], log: list[Any]) -> None:
        import numpy as np

        self._places = {action.code: place for place, action in enumerate(actions)}
        self._columns: dict[str, int] = {}
        for features, _, _ in log:
            for name, _ in _tokens(features):
                self._columns.setdefault(name, len(self._columns))
        x = np.array([self._row(features) for features, _, _ in log])
        chosen = np.array([place for _, place, _ in log])
        rewards = np.array([float(reward) for _, _, reward in log])
        unit = abs(rewards).mean()
        size = np.maximum(x @ self._fitted(x, abs(rewards)), 0.05 * unit)
        y = rewards / size - (rewards / size).mean()
        self._weights = np.array(
            [self._fitted(x[chosen == n], y[chosen == n]) for n in range(len(actions))]
        )

    def _row(self, features: Any) -> list[float]:  # noqa: ANN401
        row = [0.0] * len(self._columns) + [1.0]
        for name, value in _tokens(features):
            if name in self._columns:
                row[self._columns[name]] = value
        return row

    @staticmethod
    def _fitted(x: Any, y: Any) -> Any:  # noqa: ANN401
        import numpy as np

        return np.linalg.solve(x.T @ x + 100.0 * np.eye(x.shape[1]), x.T @ y)

    def scores(self, features: Any, actions: list[Action]) -> Any:  # noqa: ANN401
        import numpy as np

        places = [self._places.get(action.code, 0) for action in actions]
        return (self._weights @ np.array(self._row(features)))[places]


class LightGbm:
    """Gradient-boosted trees of context and action, as they are by default."""

    def __init__(self, actions: list[Action], log: list[Any]) -> None:
        import lightgbm
        import numpy as np

        self._columns: dict[str, int] = {}
        for features, _, _ in log:
            for name, _ in self._named(features):
                self._columns.setdefault(name, len(self._columns))
        self._kinds = {action.kind: n for n, action in enumerate(actions)}
        x = np.array([[*self._row(f), *self._action(actions[n])] for f, n, _ in log])
        y = np.array([float(reward) for _, _, reward in log])
        options = {"verbosity": -1, "num_threads": 1, "seed": 1}
        self._model = lightgbm.train(options, lightgbm.Dataset(x, y))

    def _named(self, features: Any) -> list[tuple[str, float]]:  # noqa: ANN401
        return [(f"{n}={v}", 1.0) if isinstance(v, str) else (n, v) for n, v in features]

    def _row(self, features: Any) -> list[float]:  # noqa: ANN401
        row = [0.0] * len(self._columns)
        for name, value in self._named(features):
            if name in self._columns:
                row[self._columns[name]] = value
        return row

    def _action(self, action: Action) -> list[float]:
        return [float(action.cost), *(float(action.kind == kind) for kind in self._kinds)]

    def scores(self, features: Any, actions: list[Action]) -> Any:  # noqa: ANN401
        import numpy as np

        row = self._row(features)
        return self._model.predict(np.array([[*row, *self._action(one)] for one in actions]))


def _pairs(features: Any) -> Any:  # noqa: ANN401
    return tuple((name, value) for name, value in features)


def _tokens(features: Any) -> list[tuple[str, float]]:  # noqa: ANN401
    found = []
    for feature in features:
        for token in _feature(*feature).split():
            name, _, value = token.partition(":")
            found.append((name, float(value or 1)))
    return found


def main(name: str, file: str) -> None:
    """Learn, decide, and print what came of it."""
    import_ms = _loaded(name)
    learner = {"vowpal_wabbit": VowpalWabbit, "ridge": Ridge, "lightgbm": LightGbm}[name]
    with open(file, encoding="utf-8") as lines:
        task = json.load(lines)
    actions = [Action(*one) for one in task["actions"]]
    started = time.process_time()
    learned = learner(actions, task["log"])
    seconds = time.process_time() - started
    choices = []
    for features in task["ask"]:
        scores = list(learned.scores(features, actions))
        choices.append(scores.index(max(scores)))
    many = [actions[place % len(actions)] for place in range(MANY)]
    started = time.process_time()
    for features in task["ask"][:ASKED]:
        learned.scores(features, many)
    decision_ms = (time.process_time() - started) * 1_000 / min(ASKED, len(task["ask"]))
    json.dump(
        {
            "import_ms": import_ms,
            "learning_seconds": seconds,
            "decision_ms": decision_ms,
            "choices": choices,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

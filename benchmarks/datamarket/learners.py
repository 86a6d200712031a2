"""How good a model becomes on what a market accepted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.datamarket.samplepools import Content


def accuracy(train: Sequence[Content], test: Sequence[Content]) -> float:
    """Share of a test's samples that multinomial logistic regression (scikit-learn, C = 1) has right."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    most = max(1, *(int(each.features.max()) for each in train))
    rows, labels = _arrays(train, most)
    model = LogisticRegression(max_iter=200).fit(rows, labels)
    tests, wanted = _arrays(test, most)
    return float(model.score(tests, wanted))


def _arrays(contents: Sequence[Content], most: int) -> tuple[np.ndarray, np.ndarray]:
    return np.stack([each.features for each in contents]) / most, np.array([each.label for each in contents])

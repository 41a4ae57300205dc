"""Fits that the benchmarks of networks share: fixed schedules, what a fit is worth, and a cache of both."""

import json
import time
import warnings
from dataclasses import dataclass

import numpy as np

from sk_adalr.learning_rates import Constant

#: Probabilities below count as this: one row must not decide a mean.
SMALLEST_PROBABILITY = 1e-7
#: What a fit that diverges is worth. No other loss is larger.
WORST_LOSS = 100.0


@dataclass(frozen=True)
class LinearDecay(Constant):
    """A rate that falls linearly to zero over a horizon, which it must know."""

    n_steps: int = 1

    def update(self, state, grad, previous_direction, step, layout, *, scratch):
        """Set the rate of step 1, 2, ..."""
        state["rates"][...] = self.learning_rate_init * max(0.0, 1 - (step - 1) / self.n_steps)


def outcome(model, train, test, *, regression):
    """Return loss, score, calibration error (of classifiers) and CPU seconds of one fit."""
    start = time.process_time()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            model.fit(*train)
            seconds = time.process_time() - start
            result = regression_outcome(model, train, test) if regression else classification_outcome(model, *test)
        except ValueError:  # a rate at which training diverges
            seconds, result = time.process_time() - start, {"loss": WORST_LOSS, "score": -1.0, "calibration": 1.0}
    return {name: float(value) for name, value in result.items()} | {"seconds": seconds}


def regression_outcome(model, train, test):
    """Return the root mean squared error, in that of the mean of the training part, and R2 by the same mean."""
    X, y = test
    base = np.sqrt(np.mean((y - train[1].mean()) ** 2))
    loss = min(WORST_LOSS, np.sqrt(np.mean((model.predict(X) - y) ** 2)) / base)
    return {"loss": loss, "score": 1 - loss**2}


def classification_outcome(model, X, y):
    """Return log loss, accuracy and calibration error; a class that no row trained has no probability."""
    probabilities = model.predict_proba(X).astype(float)
    predicted = model.classes_[probabilities.argmax(axis=1)]
    columns = np.minimum(np.searchsorted(model.classes_, y), len(model.classes_) - 1)
    chosen = np.where(model.classes_[columns] == y, probabilities[np.arange(len(y)), columns], 0)
    return {
        "loss": -np.mean(np.log(np.maximum(chosen, SMALLEST_PROBABILITY))),
        "score": np.mean(predicted == y),
        "calibration": calibration_error(probabilities.max(axis=1), predicted == y),
    }


def calibration_error(confidence, is_right, n_bins=10):
    """Return the expected calibration error: |accuracy - confidence| of equally wide bins, weighted by their rows."""
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = np.bincount(bins, weights=is_right - confidence, minlength=n_bins)
    return np.abs(gaps).sum() / len(confidence)


def read_cache(path):
    """Return the rows so far; a line cut off by an interrupt is skipped."""
    rows = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            key, row = json.loads(line)
        except ValueError:
            continue
        rows[tuple(key)] = row
    return rows


def fill_cache(path, wanted, fit, budget_minutes):
    """Return all rows, after adding ``fit(*key)`` of those keys that are missing, until the time is up."""
    rows = read_cache(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + 60 * budget_minutes
    with path.open("a") as cache:
        for key in wanted:
            if key in rows or time.monotonic() > deadline:
                continue
            rows[key] = fit(*key)
            cache.write(json.dumps([key, rows[key]]) + "\n")
            cache.flush()
    done = sum(key in rows for key in wanted)
    print(f"# coverage: {done} of {len(wanted)} fits ({done / len(wanted):.0%})")
    return rows

"""Penalties of linear models that are "auto": learned from the rows of a fit, or taken from the previous fit."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sk_adalr.backends import to_host
from sk_adalr.dataset import Dataset
from sk_adalr.estimators.classes_without_rows import SolvedClasses
from sk_adalr.estimators.job import Job
from sk_adalr.estimators.model import LinearModel
from sk_adalr.penalty import Ending, Learned, Rows, Solution, representative, weighted_for_all
from sk_adalr.rows import copies_of_rows
from sk_adalr.targets import Target

_TOO_FEW = " `{name}` is 1, for there are too few rows{of_class} to learn it from."
_EACH = " `alpha` was learned for each output: the cross-validated loss is lowest at {:.3g} to {:.3g}."
_SENTENCES = {
    Ending.INSIDE: " `{name}` was learned: the cross-validated loss is lowest at {value:.3g}.",
    Ending.AT_THE_BOUND: " `{name}`, {value:.3g}, is at the bound of its search.",
    Ending.FLAT: " `{name}` is {value:.3g}, but the cross-validated loss is flat: it hardly matters.",
}


def with_learned_penalty(
    job: Job[LinearModel], solution: Callable[[Job[LinearModel], Dataset, Target, Solution | None], Solution]
) -> tuple[Job[LinearModel], str]:
    """Return the job with a learned penalty, and a sentence about it; `solution` fits the model to some rows."""
    data, target = job.data.moved(to_host), replace(job.target, values=to_host(job.target.values))
    name = "C" if target.loss.classifies else "alpha"
    classes = SolvedClasses.of(target, job.model.fit_intercept) if target.lacks_classes else None
    if classes is not None:
        data, target = classes.narrowed(data, target)

    def solve(train: Dataset, strength: float, start: Solution | None) -> Solution:
        model = replace(job.model, strength=strength)
        return solution(replace(job, model=model), train, target, start)

    assert job.model.choice is not None
    is_one = classes is not None and classes.is_one
    unit = data.weight_scale * data.weight_sum / data.n_samples
    if job.model.choice.per_target and target.labels is None and target.n_outputs > 1:
        return _of_each(job, job.model.choice.learn_each(_rows(job.model, data, target), solve), unit)
    learned = None if is_one else job.model.choice.learn(_rows(job.model, data, target), solve)
    if learned is None:
        of_class = " of a class" if target.loss.classifies else ""
        return _with_strength(job, name, 1.0), _TOO_FEW.format(name=name, of_class=of_class)
    job = _with_learned(job, name, learned, unit)
    return job, _SENTENCES[learned.ending].format(name=name, value=job.model.of_penalty[f"{name}_"])


def _of_each(job: Job[LinearModel], learned: list[Learned | None], unit: float) -> tuple[Job[LinearModel], str]:
    """Return the same with one penalty per output, which is 1 for outputs that it cannot be learned from."""
    nothing = Learned(1.0 / unit, float("nan"), np.empty((0, 3)), Ending.FLAT)
    each = [nothing if one is None else one for one in learned]
    values = np.array([unit * one.strength for one in each])
    more = {
        "penalty_curve_": [one.curve * [unit, 1.0, 1.0] for one in each],
        "cv_loss_": np.array([one.loss for one in each]),
    }
    return _with_strength(job, "alpha", values, more), _EACH.format(values.min(), values.max())


def with_known_penalty(job: Job[LinearModel]) -> Job[LinearModel]:
    """Return the job with a number as its penalty: that of the previous fit if it is "auto"."""
    if job.model.choice is None:
        return job
    name = "C" if job.target.loss.classifies else "alpha"
    before = {} if job.before is None else {key: job.before.get(key) for key in job.model.of_penalty}
    value = before.get(f"{name}_")
    if value is None:
        raise ValueError(
            f"`partial_fit` does not see all rows, from which `{name}='auto'` is learned. Call `fit` on some of them "
            f"first, or set `{name}` to a number."
        )
    return _with_strength(job, name, value, before)


def _rows(model: LinearModel, data: Dataset, target: Target) -> Rows:
    labels = None if target.labels is None else to_host(target.labels)
    rows = np.arange(data.n_samples)
    assert model.choice is not None
    if not model.choice.leaves_one_out(data, target.loss):
        rows = representative(data, labels)
    part = weighted_for_all(data, labels, rows)
    labels = None if labels is None else labels[rows]
    return Rows(
        part, labels, copies_of_rows(part.X, part.target), target.loss, model.penalty_unit, model.fit_intercept
    )


def _with_learned(job: Job[LinearModel], name: str, learned: Learned, unit: float) -> Job[LinearModel]:
    """Return the job with the learned penalty, rescaled from weights of mean 1 to the user's, of mean `unit`."""
    curve = learned.curve * [unit, 1.0, 1.0]
    strength = learned.strength * unit
    if name == "C":
        curve = np.column_stack([1 / curve[:, 0], curve[:, 1], -curve[:, 2]])
    value = 1 / strength if name == "C" else strength
    return _with_strength(job, name, value, {"penalty_curve_": curve, "cv_loss_": learned.loss})


def _with_strength(
    job: Job[LinearModel], name: str, value: Any, more: dict[str, object] | None = None
) -> Job[LinearModel]:
    of_penalty = {**job.model.of_penalty, **(more or {}), f"{name}_": value}
    strength = 1 / value if name == "C" else value
    return replace(job, model=replace(job.model, strength=strength, choice=None, of_penalty=of_penalty))

"""Classes without rows, or with zero weight: they remain in ``classes_``, with a probability of almost 0.

With intercepts, the optimal probability of such a class is 0, as its intercept tends to minus infinity: the other
classes are fitted without it, and its coefficients are zero. Without intercepts it is fitted like any other class.
"""

from dataclasses import dataclass, replace

import numpy as np

from sk_adalr.backends import Array, beside
from sk_adalr.dataset import Dataset
from sk_adalr.parameters import ParameterLayout
from sk_adalr.targets import Target

# When mini-batches continue from an optimum, a class without rows so far starts at this probability relative to the
# most probable class: from almost 0, training would need many steps.
_LEAST_PROBABILITY = 1e-3


@dataclass(frozen=True)
class SolvedClasses:
    """The classes that a full-batch solver fits, and the conversion of its solution to all classes.

    Parameters
    ----------
    indices : int array of shape (n_solved,)
        Indices of the fitted classes, in the order of the solver. The last one has rows, because the solver infers
        the number of classes from the largest index in its target.
    n_classes : int
        Number of all classes.
    """

    indices: np.ndarray
    n_classes: int

    @classmethod
    def of(cls, target: Target, has_intercept: bool) -> "SolvedClasses | None":
        """Return the classes to fit; None if the solver can fit the target as it is."""
        has_rows = target.shown
        if not (target.lacks_classes and (has_intercept or target.n_outputs > 1)):
            return None
        first = np.array([], dtype=int) if has_intercept else np.flatnonzero(~has_rows)
        return cls(np.concatenate([first, np.flatnonzero(has_rows)]), len(has_rows))

    @property
    def is_one(self) -> bool:
        """Whether only one class has rows, so that there is nothing to fit."""
        return len(self.indices) == 1

    def narrowed(self, data: Dataset, target: Target) -> tuple[Dataset, Target]:
        """Return data and target with the class indices of the solver."""
        if self.n_classes == 2:  # only one of them has rows
            return data, target
        number = np.zeros(self.n_classes, dtype=int)
        number[self.indices] = np.arange(len(self.indices))
        values = beside(number, data.target)[data.target]
        return replace(data, target=values), replace(target, n_outputs=len(self.indices))

    def narrowed_start(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Select the classes to fit from coefficients (n_features, n_classes) and intercepts (n_classes,)."""
        return (coef, intercept) if self.n_classes == 2 else (coef[:, self.indices], intercept[self.indices])

    def widened(self, coef: np.ndarray, intercept: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
        """Return the solution (n_features, n_solved), (n_solved,) for all classes, or one output for two classes."""
        full_coef, full_intercept = np.zeros((len(coef), self.n_classes)), np.zeros(self.n_classes)
        full_coef[:, self.indices], full_intercept[self.indices] = coef, intercept
        _rule_out(full_coef, full_intercept, self.indices, dtype)
        if self.n_classes > 2:
            return full_coef, full_intercept
        return full_coef[:, 1:] - full_coef[:, :1], full_intercept[1:] - full_intercept[:1]


def ruled_out(params: Array, layout: ParameterLayout, target: Target) -> Array:
    """Return `params`, (n_params,), or a copy in which classes without rows have a probability of almost 0.

    This can only lower the loss, since the other classes gain their probability.
    """
    if target.n_outputs == 1 or not (target.lacks_classes and layout.fit_intercept):
        return params
    params = params.copy()
    coefs, intercepts = layout.unpack(params)
    _rule_out(coefs[-1], intercepts[-1], beside(np.flatnonzero(target.shown), params), params.dtype)
    return params


def soften(coef: np.ndarray, intercept: np.ndarray) -> None:
    """Raise the probabilities of classes without rows to `_LEAST_PROBABILITY` by their intercepts, in place.

    `coef` is (n_features, n_outputs), and zero for these classes; `intercept` is (n_outputs,).
    """
    lowest = np.log(_LEAST_PROBABILITY)
    if len(intercept) > 1:
        floored = np.maximum(intercept, intercept.max() + lowest)
    else:
        floored = intercept.clip(lowest, -lowest)
    np.copyto(intercept, floored, where=~coef.any(axis=0))


def _rule_out(coef: Array, intercept: Array, others: Array, dtype: np.dtype) -> None:
    """Give all classes but `others` a probability of at most eps, in place, for any features.

    `coef` is (n_in, n_classes), `intercept` (n_classes,). The scores of the others are centred, so that the largest is
    at least 0, and a score of log(eps) means a probability of at most eps.
    """
    others_coef, others_intercept = coef[:, others], intercept[others]
    coef[...], intercept[...] = 0.0, np.log(float(np.finfo(dtype).eps))
    coef[:, others] = others_coef - others_coef.mean(axis=1, keepdims=True)
    intercept[others] = others_intercept - others_intercept.mean()

"""Classes without rows, or whose weights are all zero: they stay classes, of a probability that is next to nothing.

With an intercept the optimal probability tends to zero as the intercept of such a class tends to minus infinity: the
optimum of the others is that of a problem without it, and its own coefficients are zero. Without intercepts it takes
part like any other.
"""

from dataclasses import dataclass, replace

import numpy as np

from sk_adalr.backends import Array, beside
from sk_adalr.dataset import Dataset
from sk_adalr.parameters import ParameterLayout
from sk_adalr.targets import Target

# Where mini-batches continue from an optimum, a class without rows so far starts at this probability beside the
# largest: from next to nothing, each step would be a small part of the way.
_LEAST_PROBABILITY = 1e-3


@dataclass(frozen=True)
class SolvedClasses:
    """Which classes a full-batch solver sees, and how its solution becomes that of all classes.

    Parameters
    ----------
    indices : int array of shape (n_solved,)
        Of the classes, in the order of the solver, which takes the largest index in its target for the last class.
    n_classes : int
    """

    indices: np.ndarray
    n_classes: int

    @classmethod
    def of(cls, target: Target, has_intercept: bool) -> "SolvedClasses | None":
        """Return the classes to solve for; None where the target is taken as it is."""
        has_rows = target.shown
        if not (target.lacks_classes and (has_intercept or target.n_outputs > 1)):
            return None
        first = np.array([], dtype=int) if has_intercept else np.flatnonzero(~has_rows)
        return cls(np.concatenate([first, np.flatnonzero(has_rows)]), len(has_rows))

    @property
    def is_one(self) -> bool:
        """Whether a single class has rows, so that there is nothing to solve."""
        return len(self.indices) == 1

    def narrowed(self, data: Dataset, target: Target) -> tuple[Dataset, Target]:
        """Return the same with classes numbered as the solver sees them."""
        if self.n_classes == 2:  # one of which has all rows
            return data, target
        number = np.zeros(self.n_classes, dtype=int)
        number[self.indices] = np.arange(len(self.indices))
        values = beside(number, data.target)[data.target]
        return replace(data, target=values), replace(target, n_outputs=len(self.indices))

    def narrowed_start(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (n_features, n_classes) and intercepts (n_classes,) of the classes to solve for."""
        return (coef, intercept) if self.n_classes == 2 else (coef[:, self.indices], intercept[self.indices])

    def widened(self, coef: np.ndarray, intercept: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
        """Return the solution (n_features, n_solved), (n_solved,) with all classes, one output for two of them."""
        full_coef, full_intercept = np.zeros((len(coef), self.n_classes)), np.zeros(self.n_classes)
        full_coef[:, self.indices], full_intercept[self.indices] = coef, intercept
        _rule_out(full_coef, full_intercept, self.indices, dtype)
        if self.n_classes > 2:
            return full_coef, full_intercept
        return full_coef[:, 1:] - full_coef[:, :1], full_intercept[1:] - full_intercept[:1]


def ruled_out(params: Array, layout: ParameterLayout, target: Target) -> Array:
    """Return `params`, (n_params,), or a copy in which classes without rows are next to impossible.

    The loss can only fall by it: what is left of their probability goes to the others.
    """
    if target.n_outputs == 1 or not (target.lacks_classes and layout.fit_intercept):
        return params
    params = params.copy()
    coefs, intercepts = layout.unpack(params)
    _rule_out(coefs[-1], intercepts[-1], beside(np.flatnonzero(target.shown), params), params.dtype)
    return params


def soften(coef: np.ndarray, intercept: np.ndarray) -> None:
    """Give classes that had no rows, of (n_features, n_outputs) and (n_outputs,), a probability to continue from."""
    lowest = np.log(_LEAST_PROBABILITY)
    if len(intercept) > 1:
        floored = np.maximum(intercept, intercept.max() + lowest)
    else:
        floored = intercept.clip(lowest, -lowest)
    np.copyto(intercept, floored, where=~coef.any(axis=0))


def _rule_out(coef: Array, intercept: Array, others: Array, dtype: np.dtype) -> None:
    """Make all classes but `others` next to impossible: of (n_in, n_classes) and (n_classes,), in place.

    The scores of the others get the mean zero whatever the features, so that the largest is not negative. A class of
    the score log(eps) then has a probability of at most eps anywhere.
    """
    others_coef, others_intercept = coef[:, others], intercept[others]
    coef[...], intercept[...] = 0.0, np.log(float(np.finfo(dtype).eps))
    coef[:, others] = others_coef - others_coef.mean(axis=1, keepdims=True)
    intercept[others] = others_intercept - others_intercept.mean()

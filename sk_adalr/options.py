"""The parameters that the estimators share: their checks, and the optimizer and scorer that they describe."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, cached_property
from numbers import Integral, Real
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from sklearn.utils import check_random_state

from sk_adalr.learning_rates import GRANULARITIES
from sk_adalr.names import (
    check_bool,
    check_choice,
    check_number,
    default_rate,
    find_scorer,
    make_direction,
    make_learning_rate,
)
from sk_adalr.optimizer import Optimizer
from sk_adalr.optimizer.automatic import AUTOMATIC_DIRECTIONS, AutomaticOptimizer
from sk_adalr.parameters import ParameterLayout

#: Parameters that exist for compatibility and accept a single value, with advice for the error message.
_ONLY = {
    "dual": (False, "The primal problem, which is solved here, has the same optimum; leave it out."),
    "intercept_scaling": (1, "Intercepts are not penalised here, so there is nothing to scale; leave it out."),
    "positive": (False, "For coefficients of one sign use sklearn.linear_model.LinearRegression(positive=True)."),
}
#: Values of `solver` that are not the name of a direction.
_AUTO, _EXACT = "auto", "exact"
BackendName: TypeAlias = Literal["auto", "numpy", "cupy"]


@dataclass(frozen=True)
class Options:
    """The user's parameters, by name; the defaults apply to estimators that lack a parameter.

    Parameters
    ----------
    counterpart_solvers : tuple of str or None
        Solver names of the linear model's counterpart in scikit-learn: they all reach the same optimum, so each
        selects exact training on all rows. None for a network, which trains on mini-batches only.
    """

    solver: Any
    learning_rate: Any
    granularity: Any
    learning_rate_init: Any
    hyper_learning_rate: Any
    batch_size: Any
    max_iter: Any
    tol: Any
    n_iter_no_change: Any
    standardize: Any
    shuffle: Any
    random_state: Any
    momentum: Any
    beta_1: Any
    beta_2: Any
    epsilon: Any
    early_stopping: Any
    validation_fraction: Any
    warm_start: Any
    verbose: Any
    backend: Any
    ensemble: Any = False
    class_weight: Any = None
    loss: Any = None
    scoring: Any = None
    half_life: Any = None
    n_jobs: Any = None
    copy_X: Any = True
    nesterovs_momentum: Any = True
    dual: Any = False
    intercept_scaling: Any = 1
    positive: Any = False
    counterpart_solvers: tuple[str, ...] | None = None

    @classmethod
    def of(cls, parameters: Mapping[str, Any], counterpart_solvers: tuple[str, ...] | None = None) -> "Options":
        """Return the options among the parameters of an estimator."""
        chosen = {name: parameters[name] for name in _names() if name in parameters}
        if counterpart_solvers is not None and chosen["max_iter"] is None:  # the default of Ridge
            chosen["max_iter"] = 1000
        return cls(**chosen, counterpart_solvers=counterpart_solvers)

    @cached_property
    def names_exact(self) -> bool:
        """Whether `solver` selects exact training on all rows: "exact" or a solver name of the counterpart."""
        names = () if self.counterpart_solvers is None else (_EXACT, *self.counterpart_solvers)
        return isinstance(self.solver, str) and self.solver in names

    @property
    def is_automatic(self) -> bool:
        """Whether a linear estimator chooses the training method: no solver, rate or early stopping is requested."""
        return is_auto(self.solver) and is_auto(self.learning_rate) and not self.early_stopping

    @property
    def solves_at_once(self) -> bool:
        """Whether a linear estimator trains on all rows at once."""
        return self.names_exact or self.is_automatic

    @property
    def is_auto_stopping(self) -> bool:
        """Whether `early_stopping` is "auto"."""
        return isinstance(self.early_stopping, str)

    @cached_property
    def scorer(self) -> Callable[..., Any] | None:
        """The scorer that `scoring` names; None for the default score."""
        return find_scorer(self.scoring)

    @cached_property
    def direction(self) -> Any:
        """The direction, or its name, for mini-batches: "adam" unless `solver` gives another."""
        return "adam" if self.names_exact or is_auto(self.solver) else self.solver

    def check(self) -> None:
        """Raise a ValueError or TypeError if a parameter is invalid."""
        self._check_accepted()
        check_number("max_iter", self.max_iter, 1, integer=True)
        check_number("tol", self.tol, 0)
        check_choice("backend", self.backend, get_args(BackendName))
        check_number("n_iter_no_change", self.n_iter_no_change, 1, integer=True, or_infinite=True)
        check_number("validation_fraction", self.validation_fraction, 0, 1, strict=True)
        if not is_auto(self.batch_size):
            check_number("batch_size", self.batch_size, 1, integer=True)
        for name in ("standardize", "shuffle", "warm_start", "ensemble"):
            check_bool(name, getattr(self, name))
        check_bool("early_stopping", self.early_stopping, or_auto=self.counterpart_solvers is None)
        find_scorer(self.scoring)
        if not isinstance(self.verbose, bool | np.bool_ | Integral):
            raise TypeError(f"`verbose` must be True, False or an integer; got {self.verbose!r}.")
        try:
            check_random_state(self.random_state)
        except (ValueError, TypeError) as error:
            raise type(error)(
                "`random_state` must be None, an integer from 0 to 2**32 - 1 or a numpy.random.RandomState; got "
                f"{self.random_state!r}."
            ) from error
        self.make_optimizer(ParameterLayout(((1, 1),)), is_linear=False)
        self._check_combinations()

    def _check_accepted(self) -> None:
        """Raise an error if a parameter that exists for compatibility only has an unsupported value."""
        for name in ("copy_X", "nesterovs_momentum"):
            check_bool(name, getattr(self, name))
        if not isinstance(self.n_jobs, Integral | None):
            raise TypeError(f"`n_jobs` must be None or an integer; got {self.n_jobs!r}.")
        for name, (only, advice) in _ONLY.items():
            value = getattr(self, name)
            if not isinstance(value, Real | np.bool_) or value != only:
                raise ValueError(f"`{name}` must be {only!r}; got {value!r}. {advice}")

    def _check_combinations(self) -> None:
        if self.names_exact and self.early_stopping:
            raise ValueError(
                "`early_stopping=True` needs a mini-batch solver such as `solver='adam'`: the exact solver ends at "
                "the optimum of the training loss."
            )
        if self.names_exact and not is_auto(self.learning_rate):
            raise ValueError(
                f"`solver={self.solver!r}` solves for its learning rates, so `learning_rate` must be 'auto'; got "
                f"{self.learning_rate!r}. To set it, choose a solver such as 'adam'."
            )
        if self.ensemble and not self.early_stopping:
            raise ValueError(
                "`ensemble=True` stops each network by its fold: `early_stopping` must be 'auto' or True; got False."
            )
        if self.ensemble and self.warm_start:
            raise ValueError("`ensemble=True` trains all networks anew, so `warm_start` must be False; got True.")
        if self.half_life is not None:
            check_number("half_life", self.half_life, 0, strict=True)
        if isinstance(self.solver, str) and self.solver == "nesterov" and not self.nesterovs_momentum:
            raise ValueError(
                "`nesterovs_momentum=False` contradicts `solver='nesterov'`. For the classical momentum use "
                "`solver='momentum'`."
            )

    def make_optimizer(self, layout: ParameterLayout, *, is_linear: bool) -> Optimizer | AutomaticOptimizer:
        """Return the optimizer for mini-batches."""
        direction = make_direction(
            self.direction,
            "solver",
            others=(_AUTO,) if self.counterpart_solvers is None else (_AUTO, _EXACT),
            momentum=self.momentum,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
        )
        rule, rate = self.learning_rate, None if is_auto(self.learning_rate_init) else self.learning_rate_init
        if isinstance(rate, str):
            raise ValueError(f"`learning_rate_init` must be 'auto' or a number greater than 0; got {rate!r}.")
        if is_auto(rule):
            if isinstance(self.direction, str) and self.direction in AUTOMATIC_DIRECTIONS:
                check_choice("granularity", self.granularity, GRANULARITIES)
                if rate is not None:
                    check_number("learning_rate_init", rate, 0, strict=True)
                # The automatic rule has its own beta_1 and beta_2: Adam's defaults suit a tuned learning rate.
                return AutomaticOptimizer(layout, self.direction, momentum=self.momentum)
            rule = "hypergradient"  # the automatic rule supports the named directions only
        if rate is None:
            rate = default_rate(direction, linear=is_linear)
        learning_rate = make_learning_rate(rule, self.granularity, rate, self.hyper_learning_rate, others=(_AUTO,))
        return Optimizer(direction, learning_rate, layout)


@cache
def _names() -> tuple[str, ...]:
    return tuple(field.name for field in fields(Options))


def is_auto(value: Any) -> bool:
    """Return whether the value of a parameter is "auto"."""
    return isinstance(value, str) and value == _AUTO


def check_l2(penalty: Any, l1_ratio: Any) -> None:
    """Raise a ValueError or TypeError if parameters of LogisticRegression request a penalty other than L2."""
    check_number("l1_ratio", l1_ratio, 0)
    instead = "For an L1 penalty use sklearn.linear_model.LogisticRegression(l1_ratio=1, solver='saga')."
    if l1_ratio != 0:
        raise ValueError(f"`l1_ratio` must be 0, a pure L2 penalty; got {l1_ratio!r}. {instead}")
    if penalty is not None and not (isinstance(penalty, str) and penalty in ("l2", "deprecated")):
        raise ValueError(f"`penalty` must be 'l2' or None; got {penalty!r}. {instead}")


def checked_strength(alpha: Any) -> Any:
    """Return `alpha`, a number or an array with one entry per output; raise a ValueError or TypeError otherwise."""
    is_number = isinstance(alpha, str) or not isinstance(alpha, Sequence | np.ndarray)
    for one in (alpha,) if is_number else alpha:
        check_number("alpha", one, 0)
    return alpha if is_number else np.array(alpha, dtype=np.float64)

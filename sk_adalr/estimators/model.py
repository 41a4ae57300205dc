"""Models: layer sizes, penalty, initial parameters, and conversion between flat vectors and fitted attributes.

Models are immutable, and passed to the solvers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Any, ClassVar

import numpy as np

from sk_adalr.backends import beside, fitted_array, is_sparse
from sk_adalr.dataset import Dataset
from sk_adalr.early_stopping import N_FOLDS, copies_for_validation, n_folds_asked
from sk_adalr.estimators.classes_without_rows import soften
from sk_adalr.names import check_bool, check_choice, check_number
from sk_adalr.objectives import ACTIVATIONS, L2Penalty, Network
from sk_adalr.optimizer import freeze
from sk_adalr.options import Options, is_auto
from sk_adalr.parameters import ParameterLayout
from sk_adalr.penalty import PenaltyChoice
from sk_adalr.statistics import Spread
from sk_adalr.targets import Target
from sk_adalr.training import History
from sk_adalr.units import Units

_PENALTY_UNITS = ("features", "standardized")


@dataclass(frozen=True)
class LinearModel:
    r"""A linear predictor :math:`u = X W + b`.

    Parameters
    ----------
    strength : float or ndarray of shape (n_outputs,)
        L2 strength :math:`\lambda \sum_i s_i`, where :math:`\lambda` is relative to the mean loss.
    fit_intercept : bool
    choice : PenaltyChoice or None, default=None
        How to learn the strength; None if it is known.
    of_penalty : mapping, default={}
        Fitted attributes that describe the penalty.
    is_standardized : bool, default=False
        Whether the penalty is on the coefficients of columns divided by their standard deviations.
    spread : Spread or None, default=None
        Means and standard deviations of the columns, set by `seeing`.
    penalty_unit : ndarray of shape (n_features,) or float, default=1.0
        Divisors of the columns whose coefficients are penalised.
    """

    strength: Any
    fit_intercept: bool
    choice: PenaltyChoice | None = None
    of_penalty: Mapping[str, Any] = field(default_factory=dict)
    is_standardized: bool = False
    spread: Spread | None = None
    penalty_unit: np.ndarray | float = 1.0

    hidden_sizes: ClassVar[tuple[int, ...]] = ()
    activation: ClassVar[str] = "identity"

    def __post_init__(self) -> None:
        check_bool("fit_intercept", self.fit_intercept)
        object.__setattr__(self, "fit_intercept", bool(self.fit_intercept))  # numpy.bool_ cannot be written to JSON

    def seeing(self, data: Dataset, decay: np.ndarray | None = None, before: Spread | None = None) -> "LinearModel":
        """Return the model with `spread` and `penalty_unit` from `data` and the spread of the rows `before`.

        They are only set if the penalty is standardised. `decay` (n_samples,), if given, multiplies the weights.
        """
        if np.ndim(self.strength) and len(self.strength) != data.target.shape[1]:
            raise ValueError(
                f"`alpha` must be a number, or one for each of the {data.target.shape[1]} outputs; got "
                f"{len(self.strength)}."
            )
        if not self.is_standardized:
            return self
        weight = data.sample_weight
        if decay is not None:
            decay = beside(decay, data.X)
            weight = decay if weight is None else weight * decay
        spread = Spread.of(data.X, weight).weighing(data.sample_weight_scale)
        spread = spread if before is None else before.joined(spread)
        return replace(self, spread=spread, penalty_unit=spread.unit(data.X.dtype))

    def tasks(
        self, options: Options, data: Dataset | None = None, target: Target | None = None
    ) -> tuple[int, int | None]:
        """Return the number of subtasks before the epochs, and the maximum number of epochs, or None if unknown.

        It is unknown for exact solvers, which usually end far below `max_iter`, or make up to that many iterations
        per output.
        """
        if options.solves_at_once:
            return 0, None
        return int(self.choice is not None), options.max_iter

    def curvature(self, data: Dataset) -> Any:
        """Return the L2 strength relative to the mean loss, a number or (n_outputs,)."""
        # Two divisions, since the sum of the weights in the user's units may overflow.
        scale = data.weight_scale
        return self.strength / scale / (data.weight_sum + data.earlier_weight / scale)

    def penalty(self, data: Dataset, units: Units, layout: ParameterLayout) -> L2Penalty:
        """Return the penalty in the units of training."""
        each = self.curvature(data)
        strength = float(np.mean(each))
        factors = np.ones(layout.coef_shapes[0][1]) if units.outputs is None else units.outputs.penalty_factors
        if np.ndim(each) and strength > 0:
            factors = factors * each / strength
        is_plain = units.inputs is None and not self.is_standardized
        if strength == 0 or (is_plain and (factors == 1).all()):
            return L2Penalty(strength)
        # In the user's units the coefficients are w = w' / scale, and the penalty is on w * penalty_unit.
        scale = np.ones(data.X.shape[1]) if units.inputs is None else units.inputs.scale
        squares = (scale / self.penalty_unit) ** -2
        coef_weights = np.outer(squares, factors).ravel().astype(data.X.dtype)
        return L2Penalty(strength, coef_weights=beside(coef_weights, data.X))

    def start(self, network: Network, random_state: np.random.RandomState, dtype: Any) -> np.ndarray:
        """Return the initial parameters: zeros, (n_params,)."""
        return np.zeros(network.layout.n_params, dtype=dtype)

    def params(self, fitted: Mapping[str, Any], layout: ParameterLayout) -> np.ndarray:
        """Convert fitted attributes to a flat vector (n_params,) in the user's units."""
        params = np.empty(layout.n_params, dtype=fitted["_dtype"])
        coefs, intercepts = layout.unpack(params)
        coefs[0][...] = dense_coef(fitted).T
        if intercepts:
            intercepts[0][...] = fitted_array(fitted["intercept_"])
            if "classes_" in fitted:
                soften(coefs[0], intercepts[0])
        return params

    def attributes(
        self, layout: ParameterLayout, params: np.ndarray, target: Target, history: History
    ) -> dict[str, Any]:
        """Convert a flat vector (n_params,) in the user's units to fitted attributes."""
        coefs, intercepts = layout.unpack(params)
        coef = np.array(coefs[0].T, order="C")
        intercept = intercepts[0].copy() if intercepts else np.zeros(coef.shape[0], dtype=coef.dtype)
        n_iter, nothing = len(history.losses), {"n_gradient_evaluations_": None, "_summary": None}
        return self.shaped(coef, intercept, target) | self.counted(target, n_iter) | nothing

    def shaped(self, coef: np.ndarray, intercept: np.ndarray, target: Target) -> dict[str, Any]:
        """Return the fitted attributes for coefficients (n_outputs, n_features) and intercepts (n_outputs,)."""
        if target.labels is None:
            if target.attributes["_single_output"]:
                coef, intercept = coef[0], intercept[0]
            return self._seen | {"coef_": coef, "intercept_": intercept, "rank_": None, "singular_": None}
        if coef.shape[0] > 1:  # the loss does not change if all classes are shifted alike
            intercept -= intercept.mean()
            if self.strength == 0:
                coef -= coef.mean(axis=0)
        return self._seen | {"coef_": coef, "intercept_": intercept}

    @classmethod
    def of(cls, estimator: Any, name: str, value: Any, strength: Any) -> "LinearModel":
        """Return the model of an estimator whose penalty parameter `name` has a valid `value`, a number or "auto"."""
        check_choice("penalty_units", estimator.penalty_units, _PENALTY_UNITS)
        per_target = getattr(estimator, "alpha_per_target", False)
        check_bool("alpha_per_target", per_target)
        if isinstance(estimator.cv, Integral):
            check_number("cv", estimator.cv, 2, integer=True)
        choice = PenaltyChoice(estimator.cv, bool(per_target)) if is_auto(value) else None
        of_penalty = {f"{name}_": value, "penalty_curve_": None, "cv_loss_": None}
        is_standardized = estimator.penalty_units == "standardized"
        return cls(strength, estimator.fit_intercept, choice, of_penalty, is_standardized)

    @property
    def _seen(self) -> dict[str, Any]:
        return {**self.of_penalty, "_spread": None if self.spread is None else freeze(self.spread, share=True)}

    def counted(self, target: Target, n_iter: int) -> dict[str, Any]:
        """Return ``n_iter_``, which is an array for classifiers, as in scikit-learn."""
        return {"n_iter_": np.array([n_iter], dtype=np.int32) if target.labels is not None else n_iter}


def dense_coef(fitted: Mapping[str, Any]) -> np.ndarray:
    """Return the fitted ``coef_`` as (n_outputs, n_features) on the host."""
    coef = fitted["coef_"]
    return np.atleast_2d(coef.toarray() if is_sparse(coef) else fitted_array(coef))


@dataclass(frozen=True)
class NetworkModel:
    """A feed-forward network with hidden layers, which validates its parameters on construction.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
    activation : str
    alpha : float
        L2 strength.
    """

    hidden_layer_sizes: Any
    activation: str
    alpha: float

    fit_intercept: ClassVar[bool] = True
    penalty_unit: ClassVar[float] = 1.0
    choice: ClassVar[None] = None

    def __post_init__(self) -> None:
        sizes = self.hidden_layer_sizes
        is_vector = isinstance(sizes, Sequence) or (isinstance(sizes, np.ndarray) and sizes.ndim == 1)
        if isinstance(sizes, str | bytes | bool) or not (isinstance(sizes, Integral) or is_vector):
            raise TypeError(f"`hidden_layer_sizes` must be an integer or a sequence of integers; got {sizes!r}.")
        for size in self.hidden_sizes:
            check_number("hidden_layer_sizes", size, 1, integer=True)
        check_number("alpha", self.alpha, 0)
        check_choice("activation", self.activation, ACTIVATIONS)

    @property
    def hidden_sizes(self) -> tuple[int, ...]:
        """Number of units of each hidden layer."""
        sizes = self.hidden_layer_sizes
        return (int(sizes),) if isinstance(sizes, Integral) else tuple(sizes)

    def tasks(
        self, options: Options, data: Dataset | None = None, target: Target | None = None
    ) -> tuple[int, int | None]:
        """Return as for linear models: subtasks are folds, or the networks of an ensemble, then without epochs."""
        if options.ensemble:
            return N_FOLDS, 0
        if data is None or target is None:  # blocks of rows, which are not validated on folds
            return 0, options.max_iter
        return n_folds_asked(target, options, copies_for_validation(data, target, options)), options.max_iter

    def curvature(self, data: Dataset) -> float:
        """Return 0: the penalty is on coefficients in the units of training, so it does not affect these units."""
        return 0.0

    def penalty(self, data: Dataset, units: Units, layout: ParameterLayout) -> L2Penalty:
        """Return the penalty in the units of training."""
        return L2Penalty(self.alpha / data.weight_scale, per_batch=True)

    def start(self, network: Network, random_state: np.random.RandomState, dtype: Any) -> np.ndarray:
        """Return random initial parameters, (n_params,)."""
        # Smaller weights for the logistic function, as in scikit-learn's MLP.
        factor = 2.0 if self.activation == "logistic" else 6.0
        try:
            return network.initial_params(random_state, dtype, factor)
        except (MemoryError, OverflowError, ValueError) as error:
            raise ValueError(
                f"`hidden_layer_sizes` {self.hidden_layer_sizes!r} means {network.layout.n_params} parameters, more "
                "than fit into memory."
            ) from error

    def params(self, fitted: Mapping[str, Any], layout: ParameterLayout) -> np.ndarray:
        """Convert fitted attributes to a flat vector (n_params,) in the user's units."""
        return np.concatenate([fitted_array(array).ravel() for array in (*fitted["coefs_"], *fitted["intercepts_"])])

    def attributes(
        self, layout: ParameterLayout, params: np.ndarray, target: Target, history: History
    ) -> dict[str, Any]:
        """Convert a flat vector (n_params,) in the user's units to fitted attributes."""
        coefs, intercepts = layout.unpack(params)
        return {
            "coefs_": coefs,
            "intercepts_": intercepts,
            "n_layers_": len(coefs) + 1,
            "n_outputs_": len(intercepts[-1]),
            "n_iter_": len(history.losses),
            "t_": history.n_rows_seen,
            "out_activation_": target.loss.out_activation,
        }

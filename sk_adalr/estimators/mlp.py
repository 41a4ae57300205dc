"""What the multi-layer perceptrons share: hidden layers, initial weights, penalty."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sk_adalr.backends import Array, Origin, fitted_array
from sk_adalr.dataset import Dataset
from sk_adalr.estimators.base import GradientEstimator
from sk_adalr.estimators.session import Session
from sk_adalr.estimators.targets import Target
from sk_adalr.names import check_choice, check_number
from sk_adalr.objectives import ACTIVATIONS, L2Penalty, Network, predict_raw
from sk_adalr.parameters import ParameterLayout
from sk_adalr.units import Units
from sk_adalr.validation import check_features, check_finite_model, check_finite_prediction, check_same_origin


class MLPEstimator(GradientEstimator):
    """A feed-forward network with hidden layers."""

    _has_intercept = True
    # Of 4500 rows of 5 classes, with a tenth of the labels noise, fits to the end have an accuracy of .60 and a log
    # loss of 6.6, fits by folds .69 and 1.1. Without noise (letters, digits) the folds cost .003 of accuracy.
    _min_rows_to_hold_out = 1000
    _enough_rows_to_hold_out = 20_000
    # Of 30 to 49 rows, folds make predictions far better where the target is noisy (log loss 2.0 to .8 with a tenth of
    # wrong labels, R2 -.4 to .35 of diabetes) and cost up to R2 .03 where it is not (friedman); of 10 they cost .1.
    _min_rows_to_fold = 30

    @property
    def _hidden_sizes(self) -> tuple[int, ...]:
        sizes: Any = self.hidden_layer_sizes
        return (int(sizes),) if isinstance(sizes, Integral) else tuple(sizes)

    @property
    def _hidden_activation(self) -> str:
        return self.activation

    def _check_params(self) -> None:
        sizes = self.hidden_layer_sizes
        is_vector = isinstance(sizes, Sequence) or (isinstance(sizes, np.ndarray) and sizes.ndim == 1)
        if isinstance(sizes, str | bytes | bool) or not (isinstance(sizes, Integral) or is_vector):
            raise TypeError(f"`hidden_layer_sizes` must be an integer or a sequence of integers; got {sizes!r}.")
        for size in self._hidden_sizes:
            check_number("hidden_layer_sizes", size, 1, integer=True)
        super()._check_params()
        check_number("alpha", self.alpha, 0)
        check_choice("activation", self.activation, ACTIVATIONS)
        if isinstance(self.solver, str) and self.solver == "nesterov" and not self.nesterovs_momentum:
            raise ValueError(
                "`nesterovs_momentum=False` contradicts `solver='nesterov'`. For the classical momentum use "
                "`solver='momentum'`."
            )

    def _penalty(self, data: Dataset, units: Units, layout: ParameterLayout) -> L2Penalty:
        return L2Penalty(self.alpha / data.weight_scale, per_batch=True)

    def _initial_params(self, network: Network, random_state: np.random.RandomState, dtype: Any) -> np.ndarray:
        # The logistic function's slope at zero is a quarter of the others'; scikit-learn's MLP does the same.
        factor = 2.0 if self.activation == "logistic" else 6.0
        try:
            return network.initial_params(random_state, dtype, factor)
        except (MemoryError, OverflowError, ValueError) as error:
            raise ValueError(
                f"`hidden_layer_sizes` {self.hidden_layer_sizes!r} means {network.layout.n_params} parameters, more "
                "than fit into memory."
            ) from error

    def _params(self, layout: ParameterLayout) -> np.ndarray:
        return np.concatenate([fitted_array(array).ravel() for array in (*self.coefs_, *self.intercepts_)])

    @property
    def best_loss_(self) -> float | None:
        """Lowest entry of ``loss_curve_``; None where rows were held out."""
        return min(self.loss_curve_) if self.validation_scores_ is None else None

    @property
    def best_validation_score_(self) -> float | None:
        """Highest entry of ``validation_scores_``; None where no rows were held out."""
        return None if self.validation_scores_ is None else max(self.validation_scores_)

    def _fitted(self, session: Session, params: Array, training: dict[str, Any]) -> dict[str, Any]:
        fitted = super()._fitted(session, params, training)
        out_activation = session.target.loss.out_activation
        return fitted | {"t_": session.history.n_rows_seen, "out_activation_": out_activation}

    def _coef_attributes(self, layout: ParameterLayout, params: np.ndarray, target: Target) -> dict[str, Any]:
        coefs, intercepts = layout.unpack(params)
        return {
            "coefs_": coefs,
            "intercepts_": intercepts,
            "n_layers_": len(coefs) + 1,
            "n_outputs_": len(intercepts[-1]),
        }

    def _raw_prediction(self, X: Any, method: str) -> tuple[Array, Origin]:
        check_is_fitted(self)
        origin = check_same_origin(self, X, self.coefs_[0], method)
        X = check_features(self, X, reset=False)
        coefs, intercepts = (
            [fitted_array(array, X) for array in arrays] for arrays in (self.coefs_, self.intercepts_)
        )
        check_finite_model(self, *coefs, *intercepts)
        return check_finite_prediction(predict_raw(coefs, intercepts, X, self.activation)), origin

"""What the two multi-layer perceptrons share."""

from functools import reduce
from operator import add
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sk_adalr.backends import Array, Origin, fitted_array
from sk_adalr.estimators.base import GradientEstimator
from sk_adalr.estimators.ensemble import train_networks, train_networks_on_chunk
from sk_adalr.estimators.model import NetworkModel
from sk_adalr.judging import Policy
from sk_adalr.objectives import predict_raw, separated
from sk_adalr.validation import check_features, check_finite_model, check_finite_prediction, check_same_origin


class NetworkEstimator(GradientEstimator):
    """Base of the two: what the model is, how it trains and predicts."""

    hidden_layer_sizes: Any
    activation: Any
    alpha: float
    ensemble: bool
    # Fitted attributes.
    coefs_: list[np.ndarray]
    intercepts_: list[np.ndarray]
    estimators_: list[Self]
    n_iter_: int
    n_layers_: int
    n_outputs_: int
    out_activation_: str
    t_: int
    layer_learning_rate_curve_: np.ndarray

    _train = staticmethod(train_networks)
    _train_chunk = staticmethod(train_networks_on_chunk)

    def _model(self) -> NetworkModel:
        return NetworkModel(self.hidden_layer_sizes, self.activation, self.alpha, Policy())

    def _raw_prediction(self, X: Any, method: str) -> tuple[Array, Origin]:
        check_is_fitted(self)
        origin = check_same_origin(self, X, self.coefs_[0], method)
        X = check_features(self, X, reset=False)
        coefs, intercepts = (
            [fitted_array(array, X) for array in arrays] for arrays in (self.coefs_, self.intercepts_)
        )
        check_finite_model(self, *coefs, *intercepts)
        # Side by side, several layers of an ensemble would be multiplied with blocks of zeros.
        n_networks = len(getattr(self, "estimators_", ())) if len(coefs) > 2 else 1
        networks = separated(coefs, intercepts, max(1, n_networks))
        raw = reduce(add, (predict_raw(*network, X, self.activation) for network in networks))
        return check_finite_prediction(raw), origin

    @property
    def best_loss_(self) -> float | None:
        """Lowest entry of ``loss_curve_``; None where rows were held out."""
        return min(self.loss_curve_) if self.validation_scores_ is None else None

    @property
    def best_validation_score_(self) -> float | None:
        """Highest entry of ``validation_scores_``; None where no rows were held out."""
        return None if self.validation_scores_ is None else max(self.validation_scores_)

"""What the linear models share: one affine layer, and coefficients shaped as scikit-learn's."""

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted

from sk_adalr.backends import Array, Origin, beside, fitted_array, is_sparse, namespace
from sk_adalr.dataset import Dataset
from sk_adalr.estimators.stream import StreamTraining
from sk_adalr.estimators.targets import Target
from sk_adalr.names import check_bool
from sk_adalr.objectives import L2Penalty, Network
from sk_adalr.parameters import ParameterLayout
from sk_adalr.units import Units
from sk_adalr.validation import check_features, check_finite_model, check_finite_prediction, check_same_origin


class LinearEstimator(StreamTraining):
    """A linear predictor :math:`u = X W + b`. A subclass says how strong the penalty is."""

    _hidden_sizes = ()
    _hidden_activation = "identity"

    def _penalty_numerator(self) -> float:
        r"""Return :math:`\lambda \sum_i s_i` of the regularised mean."""
        raise NotImplementedError

    def _check_params(self) -> None:
        super()._check_params()
        check_bool("fit_intercept", self.fit_intercept)

    def _penalty_strength(self, data: Dataset) -> float:
        # Divided one after another, for weights whose sum would overflow.
        scale = data.weight_scale
        return self._penalty_numerator() / scale / (data.weight_sum + data.earlier_weight / scale)

    def _penalty(self, data: Dataset, units: Units, layout: ParameterLayout) -> L2Penalty:
        strength = self._penalty_strength(data)
        factors = np.ones(layout.coef_shapes[0][1]) if units.outputs is None else units.outputs.penalty_factors
        if strength == 0 or (units.inputs is None and (factors == 1).all()):
            return L2Penalty(strength)
        # The penalty is on coefficients in the user's units: w = w' / scale.
        squares = np.ones(data.X.shape[1]) if units.inputs is None else units.inputs.scale**-2
        coef_weights = np.outer(squares, factors).ravel().astype(data.X.dtype)
        return L2Penalty(strength, coef_weights=beside(coef_weights, data.X))

    def _units(self, data: Dataset, target: Target, is_chunk: bool) -> Units:
        units = super()._units(data, target, is_chunk)
        if units.inputs is None:
            return units
        # The deviation and the penalty are both curvatures: with both in the scale neither is ever stiff.
        factor = 1.0 if units.outputs is None else units.outputs.penalty_factors.mean()
        scale = np.hypot(units.inputs.scale, np.sqrt(factor * self._penalty_strength(data)))
        return replace(units, inputs=replace(units.inputs, scale=scale))

    @property
    def _max_iter(self) -> Any:
        return 1000 if self.max_iter is None else self.max_iter  # None as Ridge has it

    @property
    def _has_intercept(self) -> bool:
        return bool(self.fit_intercept)

    def _initial_params(self, network: Network, random_state: np.random.RandomState, dtype: Any) -> np.ndarray:
        return np.zeros(network.layout.n_params, dtype=dtype)

    def _params(self, layout: ParameterLayout) -> np.ndarray:
        """Return the fitted coefficients and intercepts as a flat vector."""
        params = np.empty(layout.n_params, dtype=self._dtype)
        coefs, intercepts = layout.unpack(params)
        coefs[0][...] = self._dense_coef().T
        if intercepts:
            intercepts[0][...] = fitted_array(self.intercept_)
        return params

    def _coef_attributes(self, layout: ParameterLayout, params: np.ndarray, target: Target) -> dict[str, Any]:
        coefs, intercepts = layout.unpack(params)
        coef = np.array(coefs[0].T, order="C")
        intercept = intercepts[0].copy() if intercepts else np.zeros(coef.shape[0], dtype=coef.dtype)
        return self._shape_coefs(coef, intercept, target) | {"n_gradient_evaluations_": None}

    def _shape_coefs(self, coef: np.ndarray, intercept: np.ndarray, target: Target) -> dict[str, Any]:
        """Return ``coef_`` and ``intercept_`` from (n_outputs, n_features) and (n_outputs,)."""
        return {"coef_": coef, "intercept_": intercept}

    def _raw_prediction(self, X: Any, method: str) -> tuple[Array, Origin]:
        check_is_fitted(self)
        origin = check_same_origin(self, X, self.coef_, method)
        X = check_features(self, X, reset=False)
        xp, is_sparsified = namespace(X), is_sparse(self.coef_)
        coef = self.coef_ if is_sparsified else xp.atleast_2d(fitted_array(self.coef_, X))
        intercept = fitted_array(self.intercept_, X)
        check_finite_model(self, coef.data if is_sparsified else coef, intercept)
        raw = safe_sparse_dot(X, coef.T, dense_output=True) + xp.atleast_1d(intercept)
        return check_finite_prediction(raw), origin

"""What the regressors share."""

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from sk_adalr.estimators.targets import Target, encode_outputs


class OutputPrediction(RegressorMixin):
    """Outputs from the raw prediction (n_samples, n_outputs) of `_raw_prediction`."""

    def _encode_target(self, y: Any, dtype: Any, sample_weight: Any, classes: None) -> Target:
        return encode_outputs(y, dtype)

    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted outputs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the shape of the target of `fit`, and in its units.
        """
        raw, origin = self._raw_prediction(X, "predict")
        return origin.give(raw[:, 0] if self._single_output else raw)

    @staticmethod
    def _score_raw(raw: np.ndarray, target: np.ndarray, weight: np.ndarray | None) -> float:
        """Return R2 of a raw prediction against a target."""
        return float(r2_score(target, raw, sample_weight=weight))

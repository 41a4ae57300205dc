"""Models that the default networks are compared with, each as its users would best set it up."""

import importlib.util

import numpy as np
from scipy import sparse
from sklearn import compose, ensemble, linear_model, model_selection, neural_network, pipeline, preprocessing

from sk_adalr import AdaptiveLRMLPClassifier, AdaptiveLRMLPRegressor

SKLEARN_RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
#: Columns beyond which gradient boosting and RealMLP take too long.
MAX_COLUMNS = 1000


def scaler_of(X):
    """Return what users put before scikit-learn's networks: it leaves sparse columns sparse."""
    return preprocessing.MaxAbsScaler() if sparse.issparse(X) else preprocessing.StandardScaler()


def _network(regression, X, seed):
    if not regression:
        return pipeline.make_pipeline(scaler_of(X), neural_network.MLPClassifier(random_state=seed))
    network = compose.TransformedTargetRegressor(
        neural_network.MLPRegressor(random_state=seed), transformer=preprocessing.StandardScaler()
    )
    return pipeline.make_pipeline(scaler_of(X), network)


def _tuned_network(regression, X, seed):
    model = _network(regression, X, seed)
    (name,) = (name for name in model.get_params() if name.endswith("__learning_rate_init"))
    return model_selection.GridSearchCV(model, {name: SKLEARN_RATES}, cv=3)


def _boosting(regression, X, seed):
    theirs = ensemble.HistGradientBoostingRegressor if regression else ensemble.HistGradientBoostingClassifier
    model = theirs(random_state=seed)
    return pipeline.make_pipeline(preprocessing.FunctionTransformer(_dense), model)


def _realmlp(regression, X, seed):
    from pytabkit import RealMLP_TD_S_Classifier, RealMLP_TD_S_Regressor

    model = (RealMLP_TD_S_Regressor if regression else RealMLP_TD_S_Classifier)(random_state=seed, n_threads=1)
    return pipeline.make_pipeline(preprocessing.FunctionTransformer(_dense), model)


def _linear(regression, X, seed):
    model = linear_model.Ridge() if regression else linear_model.LogisticRegression(max_iter=1000)
    return pipeline.make_pipeline(scaler_of(X), model)


def _ensemble(regression, X, seed):
    ours = AdaptiveLRMLPRegressor if regression else AdaptiveLRMLPClassifier
    return ours(ensemble=True, random_state=seed)


def _dense(X):
    return np.asarray(X.toarray() if sparse.issparse(X) else X, dtype=np.float32)


PEERS = {
    "MLP, best of 5 rates": _tuned_network,
    "MLP, default": _network,
    "ours, ensemble=True": _ensemble,
    "linear model, scaled": _linear,
    "gradient boosting": _boosting,
    **({"RealMLP-TD-S": _realmlp} if importlib.util.find_spec("pytabkit") else {}),
}


def can_fit(peer, X):
    """Return whether a peer takes so many columns."""
    return X.shape[1] <= MAX_COLUMNS or not peer.startswith(("gradient", "RealMLP"))

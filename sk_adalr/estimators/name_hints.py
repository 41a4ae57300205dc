"""Parameters and arguments that users know from scikit-learn and other libraries, and what to use instead.

To support another name, add it to one of these tables with a sentence that says what to do.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

_CLASSES_ARE_JOINT = (
    "More than two classes are always modelled jointly, as 'multinomial' does; leave it out, or wrap the estimator in "
    "sklearn.multiclass.OneVsRestClassifier."
)
_POWER_T = "It belongs to the schedule 'invscaling'; leave it out, since no rate needs a schedule here."
_AVERAGE = "Leave it out: `learning_rate='auto'` keeps a running average of the iterates anyway."
_EPOCHS = "Use `max_iter`."
_RATE = "Leave it out, as rates are found, or set `learning_rate='constant'` and `learning_rate_init`."
_SEED = "Use `random_state`."
_DEVICE = "Use `backend='cupy'` to compute on a GPU."

#: Parameters of other estimators, and what to use instead.
PARAMETERS = {
    "average": _AVERAGE,
    "callbacks": "Use `set_callbacks`.",
    "decay": _POWER_T,
    "device": _DEVICE,
    "early_stopping_rounds": "Use `early_stopping=True` and `n_iter_no_change`.",
    "epochs": _EPOCHS,
    "eval_metric": "Use `scoring`.",
    "eta": _RATE,
    "eta0": _RATE,
    "lr": _RATE,
    "max_epochs": _EPOCHS,
    "metric": "Use `scoring`.",
    "n_epochs": _EPOCHS,
    "n_iter": _EPOCHS,
    "normalize": "Leave it out: `standardize=True`, the default, does more.",
    "optimizer": "Use `solver`.",
    "patience": "Use `n_iter_no_change`.",
    "power_t": _POWER_T,
    "precompute": "Leave it out: the solver decides whether a Gram matrix pays.",
    "seed": _SEED,
    "weight_decay": "Use `alpha` or `C`, the L2 penalty.",
}

#: Parameters of other estimators for linear regression.
LINEAR_REGRESSION = {
    "C": "Use `alpha`, the strength of the L2 penalty.",
    "class_weight": "Pass `sample_weight` to `fit`.",
    "gcv_mode": "Set `alpha='auto'`, which leaves out one row at a time.",
    "alphas": "Set `alpha='auto'`, which needs no candidates.",
    "l1_ratio": "The penalty is L2; for an L1 penalty use sklearn.linear_model.ElasticNet.",
    "penalty": "The penalty is L2, with the strength `alpha`; for L1 use sklearn.linear_model.Lasso.",
}

#: Parameters of other estimators for logistic regression.
LOGISTIC_REGRESSION = {
    "alpha": "Use `C`, the inverse of the strength of the L2 penalty.",
    "Cs": "Set `C='auto'`, which needs no candidates.",
    "loss": "The loss is the log loss; for another use sklearn.linear_model.SGDClassifier.",
    "multi_class": _CLASSES_ARE_JOINT,
}

_NETWORK = {
    "fit_intercept": "Every layer has an intercept; leave it out.",
    "hidden_layers": "Use `hidden_layer_sizes`.",
    "max_fun": "It belongs to the solver 'lbfgs'; use `max_iter`.",
    "n_jobs": "Leave it out: the threads are those of NumPy's BLAS, which threadpoolctl sets.",
    "dropout": "There is no dropout; use `alpha`, `early_stopping=True`, or another library such as skorch.",
}

#: Parameters of other neural-network classifiers.
MLP_CLASSIFIER = {
    **_NETWORK,
    "C": "Use `alpha`, the strength of the L2 penalty.",
    "loss": "The loss is the log loss; leave it out.",
}

#: Parameters of other neural-network regressors.
MLP_REGRESSOR = {
    **_NETWORK,
    "C": "Use `alpha`, the strength of the L2 penalty.",
    "class_weight": "Pass `sample_weight` to `fit`.",
}

_VALIDATION = "Pass validation data as `X_val=..., y_val=...`, with `early_stopping=True`, or 'auto' in networks."
_VALIDATION_WEIGHT = "Pass the weights of validation data as `sample_weight_val`."
_SCORING = "Use the parameter `scoring` of the estimator."
_COEF_INIT = "Set `warm_start=True` to start from the previous fit."

#: Arguments of `fit` and `partial_fit` of other estimators, and what to use instead.
ARGUMENTS = {
    "batch_size": "It is a parameter of the estimator.",
    "callbacks": "Use `set_callbacks`.",
    "class_weight": "It is a parameter of the classifiers.",
    "classes": "`fit` finds the classes in `y`; only `partial_fit` of a classifier needs them.",
    "coef_init": _COEF_INIT,
    "early_stopping_rounds": "It is the parameter `n_iter_no_change` of the estimator.",
    "epochs": "It is the parameter `max_iter` of the estimator.",
    "eval_metric": _SCORING,
    "eval_sample_weight": _VALIDATION_WEIGHT,
    "eval_set": _VALIDATION,
    "intercept_init": _COEF_INIT,
    "sample_weight_eval_set": _VALIDATION_WEIGHT,
    "sample_weights": "Use `sample_weight`.",
    "validation_data": _VALIDATION,
    "validation_split": "It is the parameter `validation_fraction` of the estimator, with `early_stopping=True`.",
    "verbose": "It is a parameter of the estimator.",
    "weights": "Use `sample_weight`.",
}


def what_to_use(name: str, known: Iterable[str], of_counterpart: Mapping[str, str]) -> str:
    """Return what to use instead of the unknown parameter `name`; `of_counterpart` adds hints to `PARAMETERS`."""
    return {**PARAMETERS, **of_counterpart}.get(name) or _similar(name, known)


def argument_to_use(name: str, known: Iterable[str]) -> str:
    """Return what to use instead of the unknown argument `name` of a method."""
    return ARGUMENTS.get(name) or _similar(name, known)


def _similar(name: str, known: Iterable[str]) -> str:
    known = [other for other in known if other != "self"]
    similar = get_close_matches(name, known, n=1)
    if similar:
        return f"Did you mean `{similar[0]}`?"
    return "Known names are " + ", ".join(f"`{other}`" for other in sorted(known)) + "."

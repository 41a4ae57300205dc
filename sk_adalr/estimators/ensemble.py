"""The mean of several networks: each is validated on one fold, for early stopping, and trained on all other rows."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if

from sk_adalr.early_stopping import N_FOLDS, Holdout
from sk_adalr.estimators.job import Job
from sk_adalr.estimators.minibatch import train
from sk_adalr.estimators.model import NetworkModel
from sk_adalr.estimators.progress import Progress
from sk_adalr.objectives import averaged
from sk_adalr.rows import copies_of_rows
from sk_adalr.training import Setup, StopReason

Method = TypeVar("Method", bound=Callable[..., Any])

_SEED_RANGE = np.iinfo(np.int32).max
# Fitted attributes that all networks of an ensemble share, and those of the features.
_SAME = ("n_layers_", "n_outputs_", "out_activation_", "solver_", "_dtype", "_seen_weight")
_OF_FEATURES = ("n_features_in_", "feature_names_in_")


def train_networks(job: Job[NetworkModel]) -> dict[str, Any]:
    """Return all fitted attributes of a network, or of the mean of several if `ensemble`."""
    return _train_ensemble(job) if job.options.ensemble else train(job)


def for_one_network(method: Method) -> Method:
    """Make a method of an estimator available only if `ensemble` is False."""

    def is_alone(estimator: Any) -> bool:
        if estimator.ensemble:
            raise AttributeError(
                f"`{method.__name__}` trains one network, so `ensemble` must be False. The networks of a fitted "
                f"ensemble are in `estimators_`; each has a `{method.__name__}` of its own."
            )
        return True

    return available_if(is_alone)(method)


def _train_ensemble(job: Job[NetworkModel]) -> dict[str, Any]:
    copies = copies_of_rows(job.data.X, job.data.target)
    _check(job, copies, 2 * N_FOLDS)
    seed, *seeds = check_random_state(job.options.random_state).randint(_SEED_RANGE, size=N_FOLDS + 1).tolist()
    members: list[Any] = []
    fits: list[dict[str, Any]] = []
    folds = Holdout.folds(job.data, job.target, N_FOLDS, seed, copies)
    for fold, member_seed in zip(folds, seeds, strict=True):
        member: Any = clone(job.estimator).set_params(ensemble=False, random_state=member_seed)
        if member.verbose:
            print(f"Network {len(fits) + 1} of {N_FOLDS}")
        with job.progress.part("network", "network epoch", job.options.max_iter) as on_epoch:
            options, progress = replace(job.options, random_state=member_seed), Progress(member, on_epoch=on_epoch)
            own_job = replace(job, options=options, progress=progress)
            fits.append(train(own_job, make_holdout=partial(_in_training, fold)))
        seen = {name: vars(job.estimator)[name] for name in _OF_FEATURES if hasattr(job.estimator, name)}
        vars(member).update(seen | job.progress.publish(fits[-1]))
        members.append(member)
        if _was_interrupted(fits[-1]):
            break
    return _mean_of(job, fits) | {"estimators_": members}


def _check(job: Job[NetworkModel], copies: np.ndarray, n_needed: int) -> None:
    """Raise a ValueError if validation data, too few rows or a checkpoint callback rule out an ensemble."""
    n_rows = len(np.unique(copies))
    if job.target.validation is not None:
        raise ValueError("`ensemble=True` validates each network on its fold of `X`. Leave out `X_val` and `y_val`.")
    if n_rows < n_needed:
        raise ValueError(f"`ensemble=True` needs {n_needed} different rows with a weight; got n_samples={n_rows}.")
    if any(hasattr(callback, "restored") for callback in getattr(job.estimator, "_skl_callbacks", ())):
        raise ValueError("`Checkpoint` keeps one training, and `ensemble=True` has several. Use one of them.")


def _in_training(fold: Holdout, setup: Setup) -> Holdout:
    """Return a fold with its data in the units of training."""
    return replace(fold, data=setup.data)


def _mean_of(job: Job[NetworkModel], fits: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the fitted attributes of the mean of several networks, without the curves and scores of each."""
    first, n_networks = fits[0], len(fits)
    reason = StopReason.ENSEMBLE_INTERRUPTED if _was_interrupted(fits[-1]) else StopReason.ENSEMBLE
    same = {name: first[name] for name in (*job.target.attributes, *_SAME) if name in first}
    coefs, intercepts = averaged([fit["coefs_"] for fit in fits], [fit["intercepts_"] for fit in fits])
    return same | {
        "coefs_": coefs,
        "intercepts_": intercepts,
        "n_iter_": max(fit["n_iter_"] for fit in fits),
        "t_": sum(fit["t_"] for fit in fits),
        "loss_": float(np.mean([fit["loss_"] for fit in fits])),
        "stop_reason_": reason(n_networks=n_networks),
        "_training": None,
    }


def _was_interrupted(fitted: dict[str, Any]) -> bool:
    return fitted["stop_reason_"].startswith(StopReason.INTERRUPTED())

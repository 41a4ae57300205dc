"""Early stopping by a scorer of the user's, held against scikit-learn's scorers of models fitted to each epoch."""

import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from estimator_cases import (
    CLASSIFIERS,
    ESTIMATORS,
    LINEAR,
    MLP,
    REGRESSORS,
    blocks,
    fit,
    make,
    needs_callbacks,
    problem,
)
from scipy import sparse
from sklearn.base import clone
from sklearn.metrics import accuracy_score, get_scorer, make_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV

from sk_adalr.checkpoint import Checkpoint
from sk_adalr.plotting import LearningCurveDisplay

estimators = pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
networks = pytest.mark.parametrize("cls", MLP.values(), ids=list(MLP))
classifiers = pytest.mark.parametrize("cls", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
EARLY = {"early_stopping": True, "learning_rate": "constant", "learning_rate_init": 0.1}
CASES = [
    pytest.param(cls, scoring, id=f"{name}-{scoring}")
    for names, scorings in (
        (CLASSIFIERS, ("roc_auc", "neg_log_loss", "f1", "neg_brier_score")),
        (REGRESSORS, ("neg_mean_absolute_error", "neg_root_mean_squared_error", "neg_max_error", "r2")),
    )
    for name, cls in names.items()
    for scoring in scorings
]


def parts(cls, n_rows=90, **kwargs):
    """Return rows that train and rows that judge, with wrong labels or noise, and weights of the latter."""
    X, y = problem(cls, n_rows, **kwargs)
    rng = np.random.RandomState(1)
    y = np.where(rng.rand(n_rows) < 0.3, rng.permutation(y), y)
    return (X[:60], y[:60]), {"X_val": X[60:], "y_val": y[60:]}, rng.uniform(0.5, 2, n_rows - 60)


def first_argument(estimator, X, y):
    """Score by a coefficient, so that a test knows the score without predictions."""
    return float(blocks(estimator)[0])


# What the score is


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("cls", "scoring"), CASES)
def test_the_score_of_an_epoch_is_that_of_a_model_that_is_fitted_up_to_it(cls, scoring, weighted):
    train, rows, weight = parts(cls)
    weights = {"sample_weight": weight} if weighted and scoring != "neg_max_error" else {}
    own = rows | ({"sample_weight_val": weight} if weighted else {})
    model = fit(make(cls, scoring=scoring, max_iter=8, **EARLY), *train, **own)
    for epoch in range(1, 9):
        one = fit(make(cls, max_iter=epoch, **{**EARLY, "early_stopping": False}), *train)
        expected = get_scorer(scoring)(one, rows["X_val"], rows["y_val"], **weights)
        assert model.validation_scores_[epoch - 1] == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("cls", "scoring"), CASES)
def test_the_model_that_is_kept_has_the_highest_score_to_the_bit(cls, scoring):
    train, rows, _ = parts(cls)
    model = fit(make(cls, scoring=scoring, max_iter=30, **EARLY), *train, **rows)
    assert model.validation_scores_[model.best_epoch_ - 1] == max(model.validation_scores_)
    assert get_scorer(scoring)(model, rows["X_val"], rows["y_val"]) == max(model.validation_scores_)
    until_then = fit(make(cls, scoring=scoring, max_iter=model.best_epoch_, **EARLY), *train, **rows)
    np.testing.assert_array_equal(blocks(until_then), blocks(model))


@estimators
def test_another_scorer_keeps_another_epoch(cls):
    train, rows, _ = parts(cls)
    lowest = fit(make(cls, max_iter=20, scoring=lambda e, X, y: -first_argument(e, X, y), **EARLY), *train, **rows)
    highest = fit(make(cls, max_iter=20, scoring=first_argument, **EARLY), *train, **rows)
    assert blocks(lowest)[0] < blocks(highest)[0]
    assert lowest.best_epoch_ != highest.best_epoch_


@classifiers
def test_of_equal_scores_the_lowest_loss_decides(cls):
    train, rows, _ = parts(cls)
    model = fit(make(cls, max_iter=20, scoring=lambda estimator, X, y: 1.0, **EARLY), *train, **rows)
    assert model.best_epoch_ == 1 + np.argmin(model.validation_loss_curve_)


@classifiers
def test_accuracy_by_name_is_the_default(cls):
    X, y = problem(cls)
    one, other = (fit(make(cls, scoring=scoring, max_iter=12, **EARLY), X, y) for scoring in (None, "accuracy"))
    assert one.validation_scores_ == other.validation_scores_
    np.testing.assert_array_equal(blocks(one), blocks(other))


def test_only_the_default_accuracy_is_compared_by_standard_errors():
    cls = MLP["AdaptiveLRMLPClassifier"]
    X, y = problem(cls, 400)
    X, y = X[:, :1], np.where(np.random.RandomState(3).rand(400) < 0.2, 1 - y, y)
    options = {**EARLY, "early_stopping": "auto", "learning_rate_init": 0.3, "max_iter": 30}
    kept = []
    for scoring in (None, "accuracy"):
        model = fit(make(cls, scoring=scoring, **options), X[:200], y[:200], X_val=X[200:], y_val=y[200:])
        kept.append(model.validation_scores_[model.best_epoch_ - 1] == model.best_validation_score_)
    assert kept == [False, True]


def test_tol_is_in_units_of_the_score():
    cls = MLP["AdaptiveLRMLPRegressor"]
    train, rows, _ = parts(cls)
    options = {**EARLY, "tol": 0.5, "n_iter_no_change": 3, "max_iter": 50}
    epochs = iter(range(1000))
    rising = fit(make(cls, scoring=lambda estimator, X, y: 0.6 * next(epochs), **options), *train, **rows)
    assert rising.n_iter_ == 50
    epochs = iter(range(1000))
    slow = fit(make(cls, scoring=lambda estimator, X, y: 0.4 * next(epochs), **options), *train, **rows)
    assert slow.n_iter_ < 20
    assert "validation score" in slow.stop_reason_


# What the scorer sees


class Spy:
    """A scorer that keeps what it was given."""

    def __init__(self):
        self.seen = []

    def __call__(self, estimator, X, y, sample_weight=None):
        self.seen.append((estimator, X, y, sample_weight))
        return estimator.score(X, y, sample_weight)

    def __deepcopy__(self, memo):
        return self


@estimators
def test_held_out_rows_come_in_the_units_and_with_the_labels_of_the_user(cls):
    X, y = problem(cls)
    y = np.array(["no", "yes"])[y] if cls in CLASSIFIERS.values() else 1e3 + y
    weight = np.random.RandomState(0).permutation(60) + 1.0  # tells the rows apart
    spy = Spy()
    model = fit(make(cls, scoring=spy, max_iter=3, validation_fraction=0.25, **EARLY), X, y, sample_weight=weight)
    assert len(spy.seen) == 3
    for estimator, X_seen, y_seen, weight_seen in spy.seen:
        rows = weight_seen.astype(int)
        order = np.argsort(weight)[rows - 1]
        assert len(order) == len(set(order)) == 15
        np.testing.assert_array_equal(X_seen, X[order])
        np.testing.assert_array_equal(y_seen, y[order])
        assert type(estimator) is cls
        assert estimator is not model
        assert estimator.predict(X).dtype == y.dtype
    assert model.validation_scores_[-1] == pytest.approx(spy.seen[-1][0].score(*spy.seen[-1][1:]), rel=1e-12)


@estimators
def test_class_weights_weigh_held_out_rows_as_in_the_default_score(cls):
    X, y = problem(cls)
    weights = {"class_weight": {0: 1.0, 1: 3.0}} if cls in CLASSIFIERS.values() else {}
    sample_weight = None if weights else np.where(y > 0, 3.0, 1.0)
    spy = Spy()
    options = {**EARLY, **weights, "max_iter": 4}
    spied = fit(make(cls, scoring=spy, **options), X, y, sample_weight=sample_weight)
    plain = fit(make(cls, **options), X, y, sample_weight=sample_weight)
    assert spied.validation_scores_ == pytest.approx(plain.validation_scores_, rel=1e-9)
    np.testing.assert_array_equal(spy.seen[0][3], np.where(spy.seen[0][2] > 0, 3.0, 1.0))


@estimators
def test_the_estimators_of_two_epochs_are_two(cls):
    train, rows, _ = parts(cls)
    spy = Spy()
    model = fit(make(cls, scoring=spy, max_iter=6, **EARLY), *train, **rows)
    again = [estimator.score(rows["X_val"], rows["y_val"]) for estimator, *_ in spy.seen]
    assert again == model.validation_scores_
    assert [int(np.ravel(estimator.n_iter_)[0]) for estimator, *_ in spy.seen] == [1, 2, 3, 4, 5, 6]


@estimators
@pytest.mark.parametrize("storage", [sparse.csr_array, sparse.csc_matrix, pd.DataFrame, np.asfortranarray])
@pytest.mark.parametrize("judges", ["held out", "of the user"])
def test_any_kind_of_features_is_scored_without_a_warning(cls, storage, judges):
    (X, y), rows, _ = parts(cls)
    frame = {"columns": list("abcd")} if storage is pd.DataFrame else {}
    own = {"X_val": storage(rows["X_val"], **frame), "y_val": rows["y_val"]} if judges == "of the user" else {}
    scoring = "neg_log_loss" if cls in CLASSIFIERS.values() else "neg_mean_squared_error"
    plain = fit(make(cls, scoring=scoring, max_iter=3, **EARLY), X, y, **(rows if own else {}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = make(cls, scoring=scoring, max_iter=3, **EARLY).fit(storage(X, **frame), y, **own)
    assert model.validation_scores_ == pytest.approx(plain.validation_scores_, rel=1e-6)


def test_several_classes_labels_and_outputs_are_scored_as_the_user_gave_them():
    classifier, regressor = MLP["AdaptiveLRMLPClassifier"], MLP["AdaptiveLRMLPRegressor"]
    X, y = problem(classifier, n_classes=3)
    names = np.array(["a", "b", "c"], dtype=object)[y]
    labels = np.eye(3, dtype=int)[y]
    outputs = np.column_stack([y + 5.0, -1e3 * y])
    counts = {"loss": "poisson"}
    for cls, target, scoring, options in (
        (classifier, names, "roc_auc_ovr", {}),
        (classifier, labels, "f1_samples", {}),
        (regressor, outputs, "neg_mean_absolute_error", {}),
        (regressor, y.reshape(-1, 1) + 0.5, "r2", {}),
        (regressor, y * 1.0, "d2_absolute_error_score", counts),
    ):
        model = fit(make(cls, scoring=scoring, max_iter=4, **EARLY, **options), X, target, X_val=X, y_val=target)
        assert get_scorer(scoring)(model, X, target) == max(model.validation_scores_)


def test_a_scorer_that_takes_no_weights_gets_none():
    cls = MLP["AdaptiveLRMLPClassifier"]
    train, rows, weight = parts(cls)
    by_function = make_scorer(lambda y, prediction: accuracy_score(y, prediction))
    for scoring in (lambda estimator, X, y: accuracy_score(y, estimator.predict(X)), by_function):
        model = fit(make(cls, scoring=scoring, max_iter=3, **EARLY), *train, **rows, sample_weight_val=weight)
        assert model.best_validation_score_ == accuracy_score(rows["y_val"], model.predict(rows["X_val"]))


def test_weights_reach_a_scorer_with_metadata_routing_on_as_off():
    cls = MLP["AdaptiveLRMLPClassifier"]
    train, rows, weight = parts(cls)
    scores = []
    for routing in (False, True):
        with sklearn.config_context(enable_metadata_routing=routing):
            model = fit(make(cls, scoring="roc_auc", max_iter=3, **EARLY), *train, **rows, sample_weight_val=weight)
        scores.append(model.validation_scores_)
    assert scores[0] == scores[1]


# Where it has no effect, and what is refused


@networks
@pytest.mark.parametrize("early_stopping", [False, "auto"], ids=["nobody", "folds"])
def test_where_no_rows_judge_it_has_no_effect(cls, early_stopping):
    X, y = problem(cls)
    options = {"early_stopping": early_stopping, "tol": 1e-4, "max_iter": 20}
    spy = Spy()
    plain, scored = fit(make(cls, **options), X, y), fit(make(cls, scoring=spy, **options), X, y)
    assert spy.seen == []
    assert scored.validation_scores_ is None
    np.testing.assert_array_equal(blocks(plain), blocks(scored))


@pytest.mark.parametrize("cls", LINEAR.values(), ids=list(LINEAR))
def test_the_exact_mode_needs_no_score(cls):
    X, y = problem(cls)
    np.testing.assert_array_equal(blocks(cls(scoring="neg_max_error").fit(X, y)), blocks(cls().fit(X, y)))


@estimators
@pytest.mark.parametrize(
    ("scoring", "error", "message"),
    [
        ("auc", ValueError, "`scoring` must be None, a callable or one of .*; got 'auc'. Did you mean 'roc_auc'?"),
        ("loss", ValueError, "got 'loss'. Did you mean 'neg_log_loss' or 'neg_mean_squared_error'?"),
        ("roc_acu", ValueError, "Did you mean 'roc_auc'?"),
        ("zzzz", ValueError, "got 'zzzz'.$"),
        (["roc_auc"], TypeError, "`scoring` must be None, a callable or the name of one scorer; got ['roc_auc']."),
        (True, TypeError, "`scoring` must be"),
        (roc_auc_score, ValueError, "make_scorer"),
    ],
)
def test_what_is_no_scorer_is_refused_with_what_to_use(cls, scoring, error, message):
    pattern = re.escape(message).replace(r"\.\*", ".*").removesuffix(r"\$") + ("$" if message.endswith("$") else "")
    with pytest.raises(error, match=pattern):
        cls(scoring=scoring).fit(*problem(cls))


@networks
@pytest.mark.parametrize("score", [{"a": 1.0}, None, np.ones(2), "high"], ids=str)
def test_a_score_that_is_no_number_is_an_error_and_leaves_the_model_as_it_was(cls, score):
    X, y = problem(cls)
    model = make(cls, scoring=lambda estimator, X, y: score, **EARLY)
    with pytest.raises(ValueError, match="`scoring` must give one number, the larger the better; it gave "):
        model.fit(X, y)
    assert not hasattr(model, "coefs_")


@networks
@pytest.mark.parametrize("kind", [int, np.float32, np.float64, np.array, bool])
def test_any_number_is_a_score(cls, kind):
    model = fit(make(cls, scoring=lambda estimator, X, y: kind(1), **EARLY), *problem(cls))
    assert [type(score) for score in model.validation_scores_] == [float] * model.n_iter_


@networks
def test_a_score_that_is_not_defined_is_worse_than_any_other(cls):
    train, rows, _ = parts(cls)
    scores = iter([np.nan, np.nan, -5.0, np.nan, -7.0])
    model = fit(make(cls, scoring=lambda estimator, X, y: next(scores), max_iter=5, **EARLY), *train, **rows)
    assert model.validation_scores_ == [-np.inf, -np.inf, -5.0, -np.inf, -7.0]
    assert model.best_epoch_ == 3


def test_a_scorer_that_fails_says_why_and_leaves_the_model_as_it_was():
    model = make(MLP["AdaptiveLRMLPRegressor"], scoring="neg_log_loss", **EARLY)
    with pytest.raises(AttributeError, match="predict_proba"):
        model.fit(*problem(MLP["AdaptiveLRMLPRegressor"]))
    assert not hasattr(model, "coefs_")


# Fits that go on, and what shows the score


@estimators
def test_a_warm_start_by_a_scorer_goes_on_bitwise(cls):
    train, rows, _ = parts(cls)
    scoring = "roc_auc" if cls in CLASSIFIERS.values() else "neg_median_absolute_error"
    straight = fit(make(cls, scoring=scoring, max_iter=30, **EARLY), *train, **rows)
    parts_of_it = make(cls, scoring=scoring, max_iter=10, warm_start=True, **EARLY)
    for _ in range(3):
        parts_of_it = pickle.loads(pickle.dumps(fit(parts_of_it, *train, **rows)))
    assert parts_of_it.validation_scores_ == straight.validation_scores_
    assert parts_of_it.best_epoch_ == straight.best_epoch_
    np.testing.assert_array_equal(blocks(parts_of_it), blocks(straight))


@networks
def test_a_warm_start_by_another_score_is_refused(cls):
    train, rows, _ = parts(cls)
    model = fit(make(cls, warm_start=True, **EARLY), *train, **rows)
    with pytest.raises(
        ValueError, match=r"same score as before; `scoring` was None and is now 'neg_max_error'. Fit with"
    ):
        model.set_params(scoring="neg_max_error").fit(*train, **rows)
    assert fit(model.set_params(early_stopping=False), *train).n_iter_ == 10
    with pytest.raises(ValueError, match="same score as before"):
        model.set_params(early_stopping=True).fit(*train, **rows)
    unjudged = fit(make(cls, warm_start=True, **{**EARLY, "early_stopping": False}), *train)
    assert len(fit(unjudged.set_params(early_stopping=True, scoring=first_argument), *train).validation_scores_) == 5


@needs_callbacks
@networks
def test_a_checkpoint_by_a_scorer_goes_on_bitwise_and_knows_another_scorer(cls, tmp_path):
    train, rows, _ = parts(cls)
    straight = fit(make(cls, scoring=first_argument, max_iter=12, **EARLY), *train, **rows)
    checkpoint = Checkpoint(tmp_path / "fit.checkpoint")
    fit(make(cls, scoring=first_argument, max_iter=7, **EARLY).set_callbacks(checkpoint), *train, **rows)
    model = fit(make(cls, scoring=first_argument, max_iter=12, **EARLY).set_callbacks(checkpoint), *train, **rows)
    assert model.validation_scores_ == straight.validation_scores_
    np.testing.assert_array_equal(blocks(model), blocks(straight))

    def another(estimator, X, y):
        return 0.0

    with pytest.warns(UserWarning, match=r"`scoring` \(was first_argument, is .*another\)"):
        fit(make(cls, scoring=another, max_iter=2, **EARLY).set_callbacks(checkpoint), *train, **rows)


@networks
def test_the_line_of_an_epoch_shows_the_score(cls, capsys):
    train, rows, _ = parts(cls)
    fit(make(cls, scoring=lambda estimator, X, y: -12.3456, verbose=True, **EARLY), *train, **rows)
    assert capsys.readouterr().out.count("validation score -12.3456") == 5


@networks
def test_the_display_names_the_score(cls):
    pytest.importorskip("matplotlib")
    train, rows, _ = parts(cls)
    for scoring, name in (("neg_max_error", "neg_max_error"), (first_argument, "score")):
        model = fit(make(cls, scoring=scoring, **EARLY), *train, **rows)
        display = LearningCurveDisplay.from_estimator(model, metric="score")
        assert display.ax_.get_ylabel() == f"validation {name}"
        np.testing.assert_array_equal(display.lines_[0].get_ydata(), model.validation_scores_)


@networks
def test_the_score_of_early_stopping_is_a_parameter_like_any_other(cls):
    X, y = problem(cls)
    model = make(cls, scoring=first_argument, **EARLY)
    assert clone(model).scoring is first_argument
    search = GridSearchCV(model, {"scoring": [None, "neg_median_absolute_error", first_argument]}, cv=2)
    fit(search, X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()

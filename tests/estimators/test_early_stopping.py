import warnings

import numpy as np
import pytest
from estimator_cases import CLASSIFIERS, ESTIMATORS, LINEAR, MLP, REGRESSORS, blocks, fit, make, problem
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, average_precision_score, log_loss
from sklearn.model_selection import train_test_split

from sk_adalr.dataset import Dataset
from sk_adalr.early_stopping import n_folds_asked
from sk_adalr.early_stopping.folds import best_epoch
from sk_adalr.early_stopping.holdout import Holdout, largest_errors_of
from sk_adalr.objectives import HalfSquaredError, Network
from sk_adalr.options import Options
from sk_adalr.parameters import ParameterLayout
from sk_adalr.rows import copies_of_rows
from sk_adalr.targets import Target
from sk_adalr.training import Validation
from sk_adalr.units import Units

estimators = pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))


@estimators
def test_a_score_and_a_loss_are_recorded_after_each_epoch(cls):
    model = fit(make(cls, solver="adam", early_stopping=True, max_iter=7), *problem(cls))
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == model.n_iter_ == 7


@estimators
def test_without_early_stopping_there_are_no_scores(cls):
    model = fit(make(cls, solver="adam"), *problem(cls))
    assert model.validation_scores_ is None
    assert model.validation_loss_curve_ is None


@estimators
def test_scores_that_stand_still_end_the_fit_and_the_reason_says_so(cls):
    model = make(cls, solver="adam", early_stopping=True, max_iter=5000, tol=1e-3, learning_rate_init=0.05)
    model.fit(*problem(cls))
    assert model.n_iter_ < 5000
    assert "validation" in model.stop_reason_


@estimators
def test_the_parameters_with_the_best_score_are_kept(cls):
    # At a rate that large the later epochs are worse; the model that is kept is that of the best one.
    X, y = problem(cls)
    model = make(cls, solver="adam", early_stopping=True, max_iter=40, learning_rate_init=0.3)
    fit(model, X, y)
    best = max(range(40), key=lambda epoch: (model.validation_scores_[epoch], -model.validation_loss_curve_[epoch]))
    assert best < 39, "the best epoch must not be the last for this test to mean anything"
    until_best = fit(model.set_params(max_iter=best + 1), X, y)
    straight = blocks(until_best).copy()
    np.testing.assert_array_equal(straight, blocks(fit(model.set_params(max_iter=40), X, y)))


@pytest.mark.parametrize("cls", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
def test_the_score_of_a_classifier_is_the_accuracy_on_rows_that_do_not_train(cls):
    X, y = problem(cls)
    # labels that nothing explains: what trains is learnt by heart or not, what is held out stays at chance
    y = np.random.RandomState(0).randint(2, size=len(y))
    held_out = fit(make(cls, solver="adam", early_stopping=True, validation_fraction=0.25, max_iter=1), X, y)
    n_held_out = 15
    hits = held_out.validation_scores_[0] * n_held_out
    assert hits == pytest.approx(round(hits), abs=1e-9)
    assert 0 <= hits <= n_held_out


@pytest.mark.parametrize("cls", REGRESSORS.values(), ids=list(REGRESSORS))
def test_the_score_of_a_regressor_does_not_depend_on_the_units_of_y(cls):
    X, y = problem(cls)
    options = {"solver": "adam", "early_stopping": True, "max_iter": 20}
    one = fit(make(cls, **options), X, y)
    other = fit(make(cls, **options), X, 1024 * y)
    np.testing.assert_array_equal(one.validation_scores_, other.validation_scores_)


@pytest.mark.parametrize("cls", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
def test_validation_scores_use_the_sample_weights(cls):
    # Half the rows say the opposite of the other half, with next to no weight: they cannot lower a weighted score.
    X, y = problem(cls, n_rows=200)
    X, y = np.vstack([X, X]), np.r_[y, 1 - y]
    weight = np.r_[np.ones(200), np.full(200, 1e-9)]
    model = make(cls, solver="adam", early_stopping=True, max_iter=60, learning_rate_init=0.02)
    model = fit(model, X, y, sample_weight=weight)
    assert max(model.validation_scores_) > 0.85
    assert accuracy_score(y, model.predict(X)) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("cls", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
def test_where_a_stratified_split_is_impossible_training_goes_on_and_says_so(cls):
    X, y = problem(cls)
    y = np.r_[0, np.ones(len(y) - 1)].astype(int)  # a class of one row cannot be on both sides
    with pytest.warns(UserWarning, match="`early_stopping=True` found no rows to hold out, so all rows train"):
        model = fit(make(cls, solver="adam", early_stopping=True), X, y)
    assert model.n_iter_ == 5
    assert model.validation_scores_ is None
    assert "Early stopping had no rows to hold out" in model.stop_reason_


@pytest.mark.parametrize("cls", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
def test_the_only_row_of_a_class_trains(cls):
    X, y = problem(cls)
    X, y = np.vstack([X, X[:1] + 9]), np.r_[y, 2]
    model = fit(make(cls, solver="adam", early_stopping=True), X, y)
    assert len(model.validation_scores_) == model.n_iter_
    data, target = Dataset(X, y), Target(y, None, 1, y)
    holdout = Holdout.split(data, target, 0.1, 0, np.arange(data.n_samples))
    assert len(y) - 1 in holdout.train_rows
    np.testing.assert_array_equal(np.sort(np.r_[holdout.rows, holdout.train_rows]), np.arange(len(y)))


@estimators
def test_where_there_are_too_few_rows_training_goes_on_and_says_so(cls):
    X, y = problem(cls)
    rows = [int(np.argmin(y)), int(np.argmax(y))]
    with pytest.warns(UserWarning, match="`early_stopping=True` found no rows to hold out"):
        model = fit(make(cls, solver="adam", early_stopping=True), X[rows], y[rows])
    assert model.validation_scores_ is None
    assert "Early stopping had no rows to hold out" in model.stop_reason_


@estimators
def test_the_order_of_a_fit_without_split_is_that_of_a_fit_without_early_stopping(cls):
    X, y = problem(cls)
    rows = [int(np.argmin(y)), int(np.argmax(y))]
    with pytest.warns(UserWarning, match="found no rows to hold out"):
        with_request = fit(make(cls, solver="adam", early_stopping=True, batch_size=1), X[rows], y[rows])
    without = fit(make(cls, solver="adam", batch_size=1), X[rows], y[rows])
    np.testing.assert_array_equal(blocks(with_request), blocks(without))


# "auto"

networks = pytest.mark.parametrize("cls", MLP.values(), ids=list(MLP))


@pytest.mark.parametrize(
    ("cls", "n_classes"), [(MLP["AdaptiveLRMLPClassifier"], 25), (MLP["AdaptiveLRMLPRegressor"], 2)]
)
def test_auto_holds_rows_out_where_there_are_ten_thousand(cls, n_classes):
    X, y = problem(cls, 10_000, n_classes)
    model = make(cls, early_stopping="auto", max_iter=1, batch_size=1000)
    assert fit(model, X, y).validation_scores_ is not None
    assert fit(model, X[:-1], y[:-1]).validation_scores_ is None


def test_auto_holds_rows_out_where_a_thousand_are_not_of_the_most_frequent_class():
    cls = MLP["AdaptiveLRMLPClassifier"]
    X = problem(cls, 10_000)[0]
    model = make(cls, early_stopping="auto", max_iter=1, batch_size=1000)
    assert fit(model, X, np.arange(10_000) < 1000).validation_scores_ is not None
    assert fit(model, X, np.arange(10_000) < 999).validation_scores_ is None


@pytest.mark.parametrize(
    ("n_rows", "n_rare", "n_asked"),
    [(999, None, 5), (1001, None, 5), (2001, None, 3), (4001, None, 2), (9999, None, 1), (9999, 60, 5), (9999, 99, 5)],
)
def test_as_many_folds_are_asked_as_a_thousand_rows_and_a_hundred_rare_ones_are_in(n_rows, n_rare, n_asked):
    labels = None if n_rare is None else (np.arange(n_rows) < n_rare).astype(int)
    options = Options.of(vars(MLP["AdaptiveLRMLPClassifier"]()))
    assert n_folds_asked(Target(np.zeros(n_rows), None, 1, labels), options, np.arange(n_rows)) == n_asked


@networks
def test_auto_with_few_rows_counts_the_epochs_that_pay(cls):
    X, y = problem(cls, 30)
    assert "folds" in fit(by_folds(cls), X, y).stop_reason_


@networks
def test_auto_with_very_few_rows_is_a_fit_without_early_stopping(cls):
    X, y = problem(cls, 29)
    auto = fit(make(cls, early_stopping="auto"), X, y)
    np.testing.assert_array_equal(blocks(auto), blocks(fit(make(cls, early_stopping=False), X, y)))


# "auto" with few rows: folds


def noisy(n_rows):
    """Return rows of which half of the target's variance is noise, for a regressor: no model scores above .5."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n_rows, 20))
    signal = X @ rng.standard_normal(20) / np.sqrt(20)
    return X, signal + rng.standard_normal(n_rows) * signal.std()


def by_folds(cls, **params):
    options = {"learning_rate": "auto", "early_stopping": "auto", "tol": 1e-4, "max_iter": 200, "batch_size": 200}
    return make(cls, **{**options, **params})


@pytest.mark.parametrize("labels", [None, np.repeat([0, 1, 2], [50, 10, 3])], ids=["", "labels"])
def test_folds_share_no_row_and_leave_none_out(labels):
    data, target = Dataset(np.zeros((63, 1)), np.zeros(63)), Target(np.zeros(63), None, 1, labels)
    folds = list(Holdout.folds(data, target, 4, 0, np.arange(63)))
    np.testing.assert_array_equal(np.sort(np.concatenate([fold.rows for fold in folds])), np.arange(63))
    for fold in folds:
        np.testing.assert_array_equal(np.sort(np.concatenate([fold.rows, fold.train_rows])), np.arange(63))


def test_each_fold_has_its_share_of_each_class():
    labels = np.repeat([0, 1, 2], [50, 10, 3])
    data, target = Dataset(np.zeros((63, 1)), np.zeros(63)), Target(np.zeros(63), None, 1, labels)
    for fold in Holdout.folds(data, target, 5, 0, np.arange(63)):
        n_zeros, n_ones, n_twos = np.bincount(labels[fold.rows], minlength=3)
        assert (n_zeros, n_ones) == (10, 2)
        assert n_twos <= 1


@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_copies_of_a_row_stay_in_one_fold(storage):
    X, y = problem(REGRESSORS["AdaptiveLRMLPRegressor"], 30)
    times = np.random.RandomState(0).randint(1, 5, size=30)
    rows = np.repeat(np.arange(30), times)
    data, target = Dataset(storage(X[rows]), y[rows]), Target(y[rows], None, 1)
    copies = copies_of_rows(data.X, data.target)
    np.testing.assert_array_equal(copies, rows)
    once = Holdout.folds(Dataset(X, y), Target(y, None, 1), 5, 0, np.arange(30))
    for fold, expected in zip(Holdout.folds(data, target, 5, 0, copies), once, strict=True):
        np.testing.assert_array_equal(np.unique(rows[fold.rows]), np.sort(expected.rows))
        np.testing.assert_array_equal(np.unique(rows[fold.train_rows]), np.sort(expected.train_rows))
        assert len(fold.rows) + len(fold.train_rows) == len(rows)


@pytest.mark.parametrize("cls", MLP.values(), ids=list(MLP))
def test_copies_of_a_row_are_held_out_together(cls):
    X, y = problem(cls, 40)
    rows = np.repeat(np.arange(40), 3)
    target = Target(y[rows], None, 1, y[rows] if cls in CLASSIFIERS.values() else None)
    holdout = Holdout.split(Dataset(X[rows], y[rows]), target, 0.2, 0, rows)
    assert len(holdout.rows) == 3 * 8
    assert len(holdout.train_rows) == 3 * 32
    assert not set(rows[holdout.rows]) & set(rows[holdout.train_rows])


def test_equal_features_with_different_targets_are_no_copies():
    X = np.repeat(np.arange(5.0), 6)[:, None]
    np.testing.assert_array_equal(copies_of_rows(X, X[:, 0]), X[:, 0])
    np.testing.assert_array_equal(copies_of_rows(X, np.arange(30) % 2), np.arange(30))


@networks
def test_a_row_that_is_there_three_times_has_three_times_the_weight(cls):
    X, y = problem(cls, 40)
    rows = np.repeat(np.arange(40), 3)
    options = {"standardize": False, "max_iter": 30}
    weighted = fit(by_folds(cls, **options), X, y, sample_weight=np.full(40, 3.0))
    repeated = fit(by_folds(cls, **options), X[rows], y[rows])
    assert "folds" in weighted.stop_reason_
    assert repeated.stop_reason_ == weighted.stop_reason_
    for one, other in zip(blocks(repeated), blocks(weighted), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8)


@pytest.mark.one_in(2)
@networks
@pytest.mark.parametrize("rate", ["auto", "constant"])
def test_few_rows_train_for_the_median_of_the_best_epochs_of_folds(cls, rate):
    X, y = problem(cls, 80, raw_units=False)
    # Full batches, so that only the initial weights are drawn; a stop that is never met.
    options = {"standardize": False, "max_iter": 200, "n_iter_no_change": 200, "learning_rate": rate}
    if rate == "constant":
        options["learning_rate_init"] = 0.02
    model = fit(by_folds(cls, **options), X, y)
    seed = model._training["validation_seed"]
    target = Target(y, None, 1, y if cls in CLASSIFIERS.values() else None)
    best = []
    for fold in Holdout.folds(Dataset(X, y), target, 5, seed, np.arange(len(X))):
        one = by_folds(cls, **options, random_state=np.random.RandomState(seed))
        train, validation = fold.train_rows, fold.rows
        fit(one, X[train], y[train], X_val=X[validation], y_val=y[validation])
        best.append(1 + np.argmin(one.validation_loss_curve_))
    assert 1 < np.median(best) < 200
    assert model.n_iter_ == np.median(best)


@networks
def test_the_reason_of_the_end_names_the_folds(cls):
    X, y = noisy(150)
    model = by_folds(cls).fit(X, y > y.mean() if cls in CLASSIFIERS.values() else y)
    assert model.stop_reason_ == f"Trained for {model.n_iter_} epochs: the median best epoch of 5 validation folds."
    assert model.validation_scores_ is None


def test_a_verbose_fit_prints_a_line_per_fold(capsys):
    model = by_folds(MLP["AdaptiveLRMLPClassifier"], verbose=True).fit(*problem(MLP["AdaptiveLRMLPClassifier"]))
    lines = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert lines == [f"Fold {k} of 5" for k in range(1, 6)] + [f"Epoch {k}" for k in range(1, model.n_iter_ + 1)]


@networks
def test_epochs_that_folds_count_are_made_whatever_the_training_loss_does(cls, monkeypatch):
    monkeypatch.setattr("sk_adalr.early_stopping.folds.best_epoch", lambda *args, **kwargs: 20)
    model = by_folds(cls, tol=10, n_iter_no_change=1).fit(*problem(cls))
    assert model.n_iter_ == 20


def test_folds_keep_a_network_of_few_rows_from_fitting_noise():
    X, y = noisy(2000)
    scores = [
        fit(MLP["AdaptiveLRMLPRegressor"](early_stopping=choice, random_state=0), X[:300], y[:300]).score(
            X[300:], y[300:]
        )
        for choice in ("auto", False)
    ]
    assert scores[0] > 0.3
    assert scores[1] < 0


def test_folds_keep_a_classifier_of_few_rows_per_class_from_fitting_noise():
    X, y = make_classification(3900, 30, n_informative=12, n_classes=5, flip_y=0.1, random_state=0)
    losses = []
    for choice in ("auto", False):
        model = MLP["AdaptiveLRMLPClassifier"](early_stopping=choice, max_iter=50, random_state=0)
        losses.append(log_loss(y[2400:], fit(model, X[:2400], y[:2400]).predict_proba(X[2400:])))
    assert losses[0] < 1.0 < 1.5 < losses[1]


@networks
def test_folds_that_still_gain_make_all_epochs_and_warn(cls, monkeypatch):
    trainings = []

    def counted(*args, **kwargs):
        trainings.append(best_epoch(*args, **kwargs))
        return trainings[-1]

    monkeypatch.setattr("sk_adalr.early_stopping.folds.best_epoch", counted)
    model = by_folds(cls, max_iter=3)
    with pytest.warns(ConvergenceWarning, match=r"reached `max_iter` \(3\)(?!.*early_stopping)"):
        model.fit(*problem(cls))
    assert model.n_iter_ == 3
    assert model.stop_reason_.startswith("Reached `max_iter` while the validation loss was still falling")
    assert trainings == [3] * 3  # the others cannot change the median


@networks
@pytest.mark.parametrize("params", [{"tol": 0}, {"warm_start": True}, {"early_stopping": False}], ids=str)
def test_there_are_no_folds_where_the_user_counts_epochs(cls, params):
    X, y = problem(cls)
    counted = by_folds(cls, max_iter=7, n_iter_no_change=7, **params)
    assert fit(counted, X, y).n_iter_ == 7
    np.testing.assert_array_equal(blocks(counted), blocks(fit(clone(counted).set_params(early_stopping=False), X, y)))


@networks
def test_a_rate_too_high_for_the_folds_is_an_error_of_the_fit(cls):
    model = by_folds(cls, learning_rate="constant", solver="sgd", learning_rate_init=1e200, max_iter=20)
    with pytest.raises(ValueError, match="became non-finite at epoch"):
        fit(model, *problem(cls))


@networks
def test_auto_is_the_default(cls):
    assert cls().early_stopping == "auto"


@networks
def test_auto_listens_to_validation_rows_of_the_user_however_few(cls):
    X, y = problem(cls)
    model = fit(make(cls, early_stopping="auto"), X[:50], y[:50], X_val=X[50:], y_val=y[50:])
    assert len(model.validation_scores_) == model.n_iter_


def test_auto_lets_the_loss_decide_between_accuracies_that_chance_could_swap():
    # 100 rows of which 80 are right: a standard error is .04, and half of it is two rows.
    epochs = {"first": (0.80, 1.0), "chance": (0.815, 1.1), "lower loss": (0.79, 0.9), "right": (0.83, 1.2)}
    kept = []
    for n_rows in (100, np.inf):
        validation = Validation(lambda params: epochs[params[0]], n_rows=n_rows)
        for epoch in epochs:
            validation(np.array([epoch], dtype=object))
            kept.append(validation.best_params[0])
    assert kept == ["first", "first", "lower loss", "right", "first", "chance", "chance", "right"]


@pytest.mark.parametrize("cls", REGRESSORS.values(), ids=list(REGRESSORS))
def test_a_regressor_s_best_score_is_its_lowest_loss(cls):
    options = {"early_stopping": True, "solver": "adam", "max_iter": 40, "learning_rate_init": 0.3}
    model = fit(make(cls, **options), *problem(cls))
    assert np.argmax(model.validation_scores_) == np.argmin(model.validation_loss_curve_)


@networks
def test_auto_goes_on_bitwise_after_a_warm_start(cls):
    X, y = problem(cls)
    rows = {"X_val": X[40:], "y_val": y[40:]}
    options = {"early_stopping": "auto", "learning_rate": "auto"}
    straight = fit(make(cls, max_iter=30, **options), X[:40], y[:40], **rows)
    halves = make(cls, max_iter=15, warm_start=True, **options)
    for _ in range(2):
        fit(halves, X[:40], y[:40], **rows)
    assert halves.validation_loss_curve_ == straight.validation_loss_curve_
    np.testing.assert_array_equal(blocks(halves), blocks(straight))


def test_auto_does_not_touch_partial_fit():
    cls = MLP["AdaptiveLRMLPRegressor"]
    X, y = problem(cls, 1000)
    auto = make(cls, early_stopping="auto").partial_fit(X, y)
    assert auto.validation_scores_ is None
    np.testing.assert_array_equal(blocks(auto), blocks(make(cls, early_stopping=False).partial_fit(X, y)))


def test_auto_keeps_a_network_from_fitting_noise():
    X, y = noisy(3000)
    scores = [
        fit(MLP["AdaptiveLRMLPRegressor"](early_stopping=early_stopping, random_state=0), X[:1000], y[:1000]).score(
            X[1000:], y[1000:]
        )
        for early_stopping in ("auto", False)
    ]
    assert scores[0] > 0.35
    assert scores[1] < 0.2


@pytest.mark.parametrize("cls", LINEAR.values(), ids=list(LINEAR))
def test_a_linear_model_has_no_auto(cls):
    with pytest.raises(TypeError, match=r"`early_stopping` must be True or False; got 'auto'"):
        make(cls, early_stopping="auto").fit(*problem(cls))


@networks
def test_a_network_says_what_early_stopping_may_be(cls):
    with pytest.raises(TypeError, match=r"`early_stopping` must be 'auto', True or False; got 'yes'"):
        make(cls, early_stopping="yes").fit(*problem(cls))


@pytest.mark.parametrize("seed", range(3))
def test_far_fewer_rows_than_columns_give_no_worse_than_a_constant(seed):
    X = np.random.RandomState(seed).standard_normal((300, 500))
    y = X[:, 0] * X[:, 1]  # a hundred rows do not show that among 500 columns
    model = MLP["AdaptiveLRMLPRegressor"](random_state=seed).fit(X[:100], y[:100])
    assert "In cross-validation it was worse than the best constant prediction" in model.stop_reason_
    assert model.score(X[100:], y[100:]) > -0.1
    classifier = MLP["AdaptiveLRMLPClassifier"](random_state=seed).fit(X[:100], y[:100] > 0)
    assert log_loss(y[100:] > 0, classifier.predict_proba(X[100:])) < 0.8


@pytest.mark.parametrize(("n_rows", "seed", "in_chunks"), [(20, 169, False), (40, 22, False), (40, 4, True)])
def test_few_held_out_rows_do_not_choose_a_model_that_is_worse_than_a_constant_on_the_others(n_rows, seed, in_chunks):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 8))
    y = X[:, 0] + rng.normal(size=n_rows)
    model = MLP["AdaptiveLRMLPRegressor"]((8,), random_state=seed, early_stopping=True)
    model = model.fit_chunks(lambda: [(X, y)]) if in_chunks else model.fit(X, y)
    assert model.score(X, y) > -1e-9
    assert "worse than the best constant prediction" in model.stop_reason_


def test_outliers_among_the_held_out_rows_are_no_divergence():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((2400, 4))
    y = X[:, 0] + 1e3 * (np.arange(2400) % 400 == 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        for seed in range(3):
            MLP["AdaptiveLRMLPRegressor"](random_state=seed).fit(X, y)


def test_a_few_rows_far_out_do_not_stop_a_regressor():
    """Log-normal features of a smooth target: the squares of a handful of held-out rows rise and fall on their own."""
    Z = np.random.default_rng(2).normal(size=(3000, 8))
    X, y = np.exp(2 * Z), Z[:, 0] + np.sin(2 * Z[:, 1]) + Z[:, 2] * Z[:, 3]
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = MLP["AdaptiveLRMLPRegressor"](random_state=1)  # which stopped after 12 epochs, at a score of .05
    assert model.fit(X_train, y_train).score(X_test, y_test) > 0.6


def test_rare_targets_far_out_are_learned():
    """However far beyond the deviation of the target they are."""
    X = np.random.RandomState(0).standard_normal((4000, 5))
    y = np.where(X[:, 0] > np.quantile(X[:, 0], 0.99), 5 + 3 * X[:, 0], 0.1)
    assert MLP["AdaptiveLRMLPRegressor"](random_state=0).fit(X, y).score(X, y) > 0.7


@pytest.mark.parametrize("weight", [None, np.linspace(1, 2, 40)], ids=["alike", "weighted"])
@pytest.mark.parametrize("constant", [False, True])
def test_the_largest_errors_are_those_of_the_typical_row_or_of_the_mean(weight, constant):
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((40, 2)), rng.standard_normal((40, 2)) * [1, 100]
    if constant:
        y[:, 0] = 0.1
    layout, params = ParameterLayout.of_network([2, 2]), rng.standard_normal(6) * 50
    coefs, intercepts = layout.unpack(params)
    raw = X @ coefs[0] + intercepts[0]
    mean = np.average(y, axis=0, weights=weight)
    typical = 5**0.5 * np.sqrt(np.average((y - mean) ** 2, axis=0, weights=weight))
    if constant:
        typical[0] = np.inf
    largest = np.maximum(typical, 1.2 * abs(y - mean))
    errors = np.clip(raw - y, -largest, largest)
    assert ((errors != raw - y).any(axis=0) == [not constant, True]).all()
    data = Dataset(X, y, weight)
    network = Network(layout, HalfSquaredError())
    evaluate = Holdout(data).evaluator(network, Units(), largest_errors=largest_errors_of(data))
    expected = np.average((errors**2).sum(axis=1) / 2, weights=weight)
    assert evaluate(params)[1] == pytest.approx(expected, rel=1e-12)


# A rate that is wrong for a rare class


def test_a_fit_that_ends_above_the_constant_says_so_and_what_helps():
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((200, 500)), rng.standard_normal(200)
    model = MLP["AdaptiveLRMLPRegressor"](solver="sgd", max_iter=1, early_stopping=False, random_state=0)
    with pytest.warns(ConvergenceWarning, match="best constant prediction, and was shrunk.*Raise `max_iter`"):
        model.fit(X, y)
    assert model.score(X, y) >= 0


@pytest.mark.parametrize("solver", ["sgd", "adam", "momentum"])
def test_twenty_rows_of_a_class_among_twenty_thousand_are_found(solver):
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((20_000, 10)), np.zeros(20_000, int)
    y[:20] = 1
    X[:20, :3] += 2
    cls = LINEAR["AdaptiveLRLogisticRegression"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model, optimum = (fit(cls(solver=name, random_state=0), X, y) for name in (solver, "exact"))
    precisions = [average_precision_score(y, each.decision_function(X)) for each in (model, optimum)]
    assert precisions[0] > 0.95 * precisions[1] > 0.5


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_where_there_is_nothing_to_learn_nothing_is_said(solver):
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((2000, 10)), rng.randint(2, size=2000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LINEAR["AdaptiveLRLogisticRegression"](solver=solver, random_state=0).fit(X, y)

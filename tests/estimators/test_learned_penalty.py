"""`C="auto"` and `alpha="auto"`: the penalty with which rows that did not train are predicted best."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine, make_classification
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, PoissonRegressor, Ridge, RidgeCV
from sklearn.metrics import log_loss, mean_poisson_deviance
from sklearn.model_selection import GroupKFold, KFold, PredefinedSplit, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier

FINE_GRID = np.logspace(-6, 6, 500)


def learned_c(**params):
    return AdaptiveLRLogisticRegression(C="auto", penalty_units="standardized", **params)


def learned_alpha(**params):
    return AdaptiveLRLinearRegression("auto", **params)


@pytest.fixture(scope="module")
def cancer():
    return load_breast_cancer(return_X_y=True)


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True)


@pytest.fixture(scope="module")
def noise():
    """A few rows of many columns, of which few tell anything: the penalty matters."""
    return make_classification(300, 40, n_informative=5, flip_y=0.2, random_state=0)


def folds(y):
    """Return five folds of rows that follow each other in their class."""
    fold_of = np.zeros(len(y), dtype=int)
    for label in np.unique(y):
        fold_of[y == label] = np.arange((y == label).sum()) * 5 // (y == label).sum()
    return PredefinedSplit(fold_of)


# Ridge


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_more", [0, 600])
def test_alpha_is_that_of_ridge_cv_on_a_fine_grid(diabetes, n_more, weighted):
    X, y = diabetes
    rng = np.random.RandomState(0)
    X = np.hstack([20 * X, rng.standard_normal((len(X), n_more))])
    weight = rng.uniform(0.2, 3, len(X)) if weighted else None
    theirs, ours = RidgeCV(FINE_GRID).fit(X, y, sample_weight=weight), learned_alpha().fit(X, y, sample_weight=weight)
    assert ours.alpha_ == pytest.approx(theirs.alpha_, rel=0.1)  # where the loss is flat: the next line is narrower
    best, found = (
        RidgeCV([alpha]).fit(X, y, sample_weight=weight).best_score_ for alpha in (theirs.alpha_, ours.alpha_)
    )
    assert found >= best - 1e-6 * abs(best)


@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
def test_one_alpha_serves_several_outputs_as_in_ridge_cv(diabetes, storage):
    X, y = diabetes
    Y = np.column_stack([y, 30 * np.random.RandomState(0).standard_normal(len(y))])
    theirs, ours = RidgeCV(FINE_GRID).fit(20 * X, Y), learned_alpha().fit(storage(20 * X), Y)
    assert ours.alpha_ == pytest.approx(theirs.alpha_, rel=0.1)


@pytest.mark.parametrize("unit", [1.0, 1e-100])
@pytest.mark.parametrize("cv", [None, KFold(3)])
def test_each_output_can_have_its_own_alpha(diabetes, cv, unit):
    X, y = 20 * diabetes[0], diabetes[1]
    Y = np.column_stack([unit * y, 30 * np.random.RandomState(0).standard_normal(len(y))])
    model = learned_alpha(alpha_per_target=True, cv=cv).fit(X, Y)
    for k in range(2):
        alone = learned_alpha(cv=cv).fit(X, Y[:, k])
        assert model.alpha_[k] == pytest.approx(alone.alpha_, rel=1e-6)
        assert model.cv_loss_[k] == pytest.approx(alone.cv_loss_, rel=1e-6)
        np.testing.assert_allclose(model.coef_[k], alone.coef_, rtol=1e-6)
        np.testing.assert_allclose(model.penalty_curve_[k], alone.penalty_curve_, rtol=1e-6)
    other = AdaptiveLRLinearRegression(model.alpha_).fit(X, Y)
    np.testing.assert_allclose(other.coef_, model.coef_, rtol=1e-8)
    model.partial_fit(X, Y)
    np.testing.assert_array_equal(model.alpha_, other.alpha_)


@pytest.mark.parametrize("solver", ["auto", "exact", "adam", "stream"])
@pytest.mark.parametrize("units", ["features", "standardized"])
def test_an_array_of_alphas_is_that_of_ridge(solver, units):
    rng, alphas = np.random.RandomState(0), [1.0, 1000.0, 10.0]
    X = rng.standard_normal((300, 4)) * [1.0, 2.0, 0.5, 1.0]
    Y = X @ rng.standard_normal((4, 3)) + rng.standard_normal((300, 3))
    options = {"tol": 1e-7, "max_iter": 2000, "random_state": 0, "penalty_units": units}
    model = AdaptiveLRLinearRegression(alphas, solver="auto" if solver == "stream" else solver, **options)
    if solver == "stream":
        model.partial_fit(X[:200], Y[:200]).partial_fit(X[200:], Y[200:])
    else:
        model.fit(X, Y)
    scaled = StandardScaler().fit_transform(X) if units == "standardized" else X
    theirs = Ridge(np.array(alphas)).fit(scaled, Y)
    # Mini-batches end at that distance with one alpha, too.
    np.testing.assert_allclose(model.predict(X), theirs.predict(scaled), atol=0.15 if solver == "adam" else 1e-6)
    if solver == "adam":
        return
    residual, unit = Y - theirs.predict(scaled), scaled.std(axis=0) / X.std(axis=0)
    penalty = (np.array(alphas)[:, None] * (model.coef_ / unit) ** 2).sum()
    assert model.loss_ == pytest.approx(0.5 * ((residual**2).sum() + penalty) / len(X), rel=1e-3)


def test_alphas_of_another_number_of_outputs_are_refused(diabetes):
    X, y = diabetes
    with pytest.raises(ValueError, match=r"`alpha` must be a number, or one for each of the 1 outputs; got 2"):
        AdaptiveLRLinearRegression([1.0, 2.0]).fit(X, y)
    with pytest.raises(ValueError, match="`alpha` must be a number at least 0 and finite; got -1"):
        AdaptiveLRLinearRegression([1.0, -1.0]).fit(X, np.column_stack([y, y]))


def test_folds_of_alpha_are_those_of_cv(diabetes):
    X, y = diabetes
    model = learned_alpha(cv=KFold(4)).fit(20 * X, y)
    given = AdaptiveLRLinearRegression(model.alpha_)
    errors = y - cross_val_predict(given, 20 * X, y, cv=KFold(4))
    assert model.cv_loss_ == pytest.approx(0.5 * np.mean(errors**2), rel=1e-6)
    assert model.penalty_curve_[:, 1].min() == model.cv_loss_


def test_counts_learn_their_alpha_by_folds():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((200, 30))
    y = rng.poisson(np.exp(0.5 * X[:, 0]))
    model = learned_alpha(loss="poisson").fit(X, y)

    def loss(alpha):
        given = PoissonRegressor(alpha=alpha / 160, tol=1e-8, max_iter=1000)
        return 0.5 * mean_poisson_deviance(y, cross_val_predict(given, X, y, cv=KFold(5)))

    assert model.cv_loss_ == pytest.approx(loss(model.alpha_), rel=1e-2)
    assert model.cv_loss_ <= min(loss(alpha) for alpha in np.logspace(-3, 4, 15)) + 2e-3


def test_copies_of_rows_do_not_judge_each_other(diabetes):
    X, y = 20 * diabetes[0][:100], diabetes[1][:100]
    copies = np.repeat(np.arange(100), np.arange(100) % 3 + 1)
    one = learned_alpha().fit(X[copies], y[copies])
    other = learned_alpha().fit(X, y, sample_weight=np.arange(100) % 3 + 1)
    assert one.alpha_ == pytest.approx(other.alpha_, rel=1e-3)
    np.testing.assert_allclose(one.cv_loss_, other.cv_loss_, rtol=1e-8)


# Logistic regression


def test_the_loss_is_that_of_five_folds_in_order(cancer):
    X, y = cancer
    model = learned_c().fit(X, y)
    X = StandardScaler().fit_transform(X)
    given = LogisticRegression(C=model.C_, tol=1e-9)
    probabilities = cross_val_predict(given, X, y, cv=folds(y), method="predict_proba")
    assert model.cv_loss_ == pytest.approx(log_loss(y, probabilities), rel=1e-4)
    assert model.penalty_curve_[:, 1].min() == model.cv_loss_


def test_c_is_as_good_as_the_best_of_a_grid(noise):
    X, y = noise
    model = learned_c().fit(X, y)
    X = StandardScaler().fit_transform(X)

    def loss(C):
        return log_loss(y, cross_val_predict(LogisticRegression(C=C), X, y, cv=folds(y), method="predict_proba"))

    assert loss(model.C_) <= min(loss(C) for C in np.logspace(-4, 2, 25)) + 1e-4


def test_the_curve_has_the_slope_by_the_logarithm_of_c(noise):
    curve = learned_c().fit(*noise).penalty_curve_
    order = np.argsort(curve[:, 0])
    logs, losses, slopes = np.log(curve[order, 0]), curve[order, 1], curve[order, 2]
    # Of a smooth curve the mean slope at the ends of an interval is near the difference, and of one sign.
    near = np.diff(logs) < 1
    differences = np.diff(losses)[near] / np.diff(logs)[near]
    np.testing.assert_allclose(differences, ((slopes[1:] + slopes[:-1]) / 2)[near], atol=3e-3)
    assert slopes[0] < 0 < slopes[-1]


@pytest.mark.parametrize("kind", ["three classes", "csr", "wide"])
def test_where_folds_are_fitted_again_c_is_as_good_as_that_of_scikit_learn(kind):
    X, y = load_wine(return_X_y=True) if kind == "three classes" else load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    if kind == "wide":
        X = np.hstack([X[:150], np.random.RandomState(0).standard_normal((150, 300))])
    y = y[: len(X)]
    model = AdaptiveLRLogisticRegression(C="auto").fit(sparse.csr_array(X) if kind == "csr" else X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of what `C_` will be: one number, or one for each class
        theirs = LogisticRegressionCV(Cs=10, cv=5, scoring="neg_log_loss", max_iter=1000).fit(X, y)

    def loss(C):
        given = LogisticRegression(C=C, max_iter=10_000, tol=1e-8)
        return log_loss(y, cross_val_predict(given, X, y, cv=folds(y), method="predict_proba"))

    assert loss(model.C_) <= loss(float(np.ravel(theirs.C_)[0])) + 5e-3
    assert model.cv_loss_ == pytest.approx(loss(model.C_), rel=1e-2)
    assert np.isnan(model.penalty_curve_[:, 2]).all()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("solver", ["auto", "exact", "adam"])
@pytest.mark.parametrize("units", ["features", "standardized"])
def test_a_clone_with_the_learned_c_is_the_same_fit(n_classes, solver, units):
    X, y = make_classification(200, 10, n_informative=6, n_classes=n_classes, flip_y=0.1, random_state=0)
    model = AdaptiveLRLogisticRegression(C="auto", penalty_units=units, solver=solver, random_state=0).fit(X, y)
    other = clone(model).set_params(C=model.C_).fit(X, y)
    np.testing.assert_allclose(other.coef_, model.coef_, rtol=1e-8)
    np.testing.assert_allclose(other.intercept_, model.intercept_, rtol=1e-8)
    assert (other.C_, other.penalty_curve_, other.cv_loss_) == (model.C_, None, None)


@pytest.mark.parametrize("units", ["features", "standardized"])
def test_a_clone_with_the_learned_alpha_is_the_same_fit(diabetes, units):
    model = learned_alpha(penalty_units=units).fit(*diabetes)
    other = clone(model).set_params(alpha=model.alpha_).fit(*diabetes)
    np.testing.assert_allclose(other.coef_, model.coef_, rtol=1e-8)
    assert (other.alpha_, other.penalty_curve_, other.cv_loss_) == (model.alpha_, None, None)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_weights_weigh_the_loss_and_a_weight_of_zero_is_no_row(n_classes):
    X, y = make_classification(250, 10, n_informative=6, n_classes=n_classes, flip_y=0.1, random_state=0)
    weight = np.random.RandomState(0).uniform(0.3, 3, 250)
    weight[::7] = 0
    one = learned_c().fit(X, y, sample_weight=weight)
    other = learned_c().fit(X[weight > 0], y[weight > 0], sample_weight=weight[weight > 0])
    assert one.C_ == other.C_
    scaled = learned_c().fit(X, y, sample_weight=64 * weight)
    assert pytest.approx(one.C_ / 64, rel=1e-6) == scaled.C_
    assert scaled.cv_loss_ == pytest.approx(one.cv_loss_, rel=1e-6)
    assert learned_c().fit(X, y).C_ != one.C_


def test_folds_that_are_given_by_numbers_are_those_of_the_users_rows(noise):
    X, y = noise
    weight = (np.arange(300) % 3 > 0).astype(float)
    folds = list(StratifiedKFold(3).split(X, y))
    kept = np.flatnonzero(weight)
    renumbered = [tuple(np.flatnonzero(np.isin(kept, part)) for part in fold) for fold in folds]
    one, other = learned_c(cv=folds).fit(X, y, weight), learned_c(cv=renumbered).fit(X[kept], y[kept])
    assert one.C_ == other.C_


@pytest.mark.parametrize(
    ("cv", "error"), [(1, "`cv` must be an integer at least 2; got 1"), ("five", "Expected `?cv")]
)
def test_folds_that_are_none_are_refused(noise, cv, error):
    with pytest.raises(ValueError, match=error):
        learned_c(cv=cv).fit(*noise)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_weight_of_two_is_a_row_twice(n_classes):
    X, y = make_classification(250, 10, n_informative=6, n_classes=n_classes, flip_y=0.1, random_state=0)
    counts = np.random.RandomState(0).randint(0, 4, 250)
    again, fold = np.repeat(np.arange(250), counts), np.arange(250) % 5
    one = learned_c(cv=PredefinedSplit(fold[counts > 0])).fit(X, y, counts)
    other = learned_c(cv=PredefinedSplit(fold[again])).fit(X[again], y[again])
    assert pytest.approx(other.C_, rel=1e-5) == one.C_
    assert one.cv_loss_ == pytest.approx(other.cv_loss_, rel=1e-6)


def test_class_weights_are_sample_weights(noise):
    X, y = noise
    one = learned_c(class_weight={0: 5.0, 1: 1.0}).fit(X, y)
    other = AdaptiveLRLogisticRegression(C="auto").fit(
        StandardScaler().fit_transform(X), y, np.where(y == 0, 5.0, 1.0)
    )
    assert pytest.approx(other.C_, rel=1e-4) == one.C_


def test_copies_of_rows_stay_in_one_fold(noise):
    """In other folds they would say that learning by heart is best."""
    X, y = noise
    again = np.random.RandomState(0).permutation(np.tile(np.arange(len(X)), 4))
    plain, copied = learned_c().fit(X, y), learned_c().fit(X[again], y[again])
    assert copied.cv_loss_ == pytest.approx(plain.cv_loss_, rel=0.1)
    assert pytest.approx(plain.C_, rel=1) == 4 * copied.C_
    naive = learned_c(cv=StratifiedKFold(5)).fit(X[again], y[again])
    assert naive.cv_loss_ < 0.9 * copied.cv_loss_


def test_many_rows_learn_from_some_of_them():
    X, y = make_classification(20_000, 20, n_informative=5, flip_y=0.2, random_state=0)
    model = learned_c().fit(X, y)
    some = learned_c().fit(X[::10], y[::10])
    assert pytest.approx(some.C_, rel=2) == model.C_
    np.testing.assert_allclose(model.coef_, learned_c().set_params(C=model.C_).fit(X, y).coef_)


# Rows that depend on each other


def measurements(n_people=40, n_each=8):
    """Return rows of people, whose labels are drawn by person: only a person's own other rows foretell them."""
    rng = np.random.RandomState(0)
    people = np.repeat(np.arange(n_people), n_each)
    X = rng.standard_normal((n_people, 30))[people] + 0.1 * rng.standard_normal((len(people), 30))
    order = rng.permutation(len(people))
    return X[order], rng.randint(0, 2, n_people)[people][order], people[order]


@pytest.mark.parametrize("cv", [None, 4, GroupKFold(4)])
def test_groups_keep_rows_together(cv):
    X, y, people = measurements()
    without, with_groups = learned_c(cv=cv if cv is None else 4).fit(X, y), learned_c(cv=cv).fit(X, y, groups=people)
    assert with_groups.cv_loss_ > 2 * without.cv_loss_
    assert with_groups.C_ < without.C_ / 10


def test_groups_of_rows_without_weight_are_left_out():
    X, y, people = measurements()
    weight = (np.arange(len(X)) % 5 > 0).astype(float)
    one = learned_c().fit(X, y, sample_weight=weight, groups=people)
    other = learned_c().fit(X[weight > 0], y[weight > 0], groups=people[weight > 0])
    assert one.C_ == other.C_


def test_groups_are_routed():
    X, y, people = measurements()
    expected = learned_c(cv=GroupKFold(5)).fit(StandardScaler().fit_transform(X), y, groups=people)
    with config_context(enable_metadata_routing=True):
        model = learned_c(cv=GroupKFold(5)).set_fit_request(groups=True)
        pipeline = make_pipeline(StandardScaler(), model).fit(X, y, groups=people)
    assert pipeline[-1].C_ == expected.C_


def test_groups_without_anything_to_learn_are_refused(cancer):
    X, y = cancer
    for model in (AdaptiveLRLogisticRegression(), AdaptiveLRMLPClassifier()):
        with pytest.raises(ValueError, match=r"`groups` are for folds that choose the penalty, which is given"):
            model.fit(X, y, groups=y)
    with pytest.raises(
        ValueError, match=r"`groups` must have one entry for each of the 569 samples; got shape \(2,\)"
    ):
        learned_c().fit(X, y, groups=[1, 2])


# What is told


def test_the_sentence_says_where_the_penalty_comes_from(cancer, diabetes):
    assert "`C` was learned" in learned_c().fit(*cancer).stop_reason_
    assert "`alpha` was learned" in learned_alpha(penalty_units="standardized").fit(*diabetes).stop_reason_


def test_a_penalty_at_the_bound_is_told():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((100, 2))
    y = (X[:, 0] > 0).astype(int)
    X[:, 0] += np.sign(X[:, 0])
    model = learned_c().fit(X, y)
    assert "at the bound" in model.stop_reason_ or "flat" in model.stop_reason_
    assert np.isfinite(model.coef_).all()
    exact = learned_alpha().fit(X, X @ [1.0, 2.0])
    assert "at the bound" in exact.stop_reason_


def test_a_penalty_that_does_not_matter_is_told():
    x = np.random.RandomState(0).permutation(np.repeat([0.0, 1.0], 1000))
    y = (np.random.RandomState(1).uniform(size=2000) < 0.3 + 0.4 * x).astype(int)
    assert "flat" in learned_c().fit(x[:, None], y).stop_reason_


def test_where_there_is_nothing_to_learn_the_penalty_is_strong():
    rng = np.random.RandomState(0)
    model = learned_c().fit(rng.standard_normal((200, 20)), rng.randint(0, 2, 200))
    assert np.abs(model.coef_).max() < 0.05
    assert model.cv_loss_ == pytest.approx(np.log(2), rel=0.02)


@pytest.mark.parametrize("labels", [[0] * 60 + [1] * 9, [0] * 30 + [1] * 30 + [2] * 9])
def test_too_few_rows_of_a_class_keep_c_at_one(labels):
    X = np.random.RandomState(0).standard_normal((len(labels), 3))
    model = learned_c().fit(X, labels)
    assert model.C_ == 1.0
    assert "`C` is 1, for there are too few rows of a class" in model.stop_reason_
    given = clone(model).set_params(C=1.0).fit(X, labels)
    np.testing.assert_array_equal(model.coef_, given.coef_)


@pytest.mark.parametrize("cv", [None, 3])
def test_too_few_rows_keep_alpha_at_one(cv):
    model = learned_alpha(cv=cv).fit([[1.0], [2.0]], [1.0, 2.0])
    assert (model.alpha_, "too few rows to learn it from" in model.stop_reason_) == (1.0, True)


def test_a_class_whose_rows_weigh_nothing_does_not_count(noise):
    X, y = noise
    labels, weight = np.append(y, 2), np.append(np.ones(len(y)), 0.0)
    one, other = learned_c().fit(np.vstack([X, X[:1]]), labels, weight), learned_c().fit(X, y)
    assert len(one.classes_) == 3
    assert one.cv_loss_ == pytest.approx(other.cv_loss_, rel=0.02)


# Streams


def test_a_stream_goes_on_with_the_penalty_of_a_fit(cancer):
    X, y = cancer
    model = learned_c().fit(X[:300], y[:300])
    penalty = model.C_
    model.partial_fit(X[300:], y[300:])
    assert penalty == model.C_
    assert model.penalty_curve_ is not None


def test_a_stream_alone_needs_a_number(cancer, diabetes):
    with pytest.raises(ValueError, match=r"`partial_fit` does not see all rows, from which `C='auto'` is learned"):
        learned_c().partial_fit(*cancer, classes=[0, 1])
    with pytest.raises(ValueError, match=r"`alpha='auto'` is learned. Call `fit` on some of them first"):
        learned_alpha().partial_fit(*diabetes)


@pytest.mark.parametrize("value", ["best", "AUTO"])
def test_other_words_are_refused(cancer, diabetes, value):
    with pytest.raises(TypeError, match="`C` must be a number"):
        AdaptiveLRLogisticRegression(C=value).fit(*cancer)
    with pytest.raises(TypeError, match="`alpha` must be a number"):
        AdaptiveLRLinearRegression(value).fit(*diabetes)


def test_no_penalty_is_not_learned(cancer):
    with pytest.warns(UserWarning, match="`penalty=None` means no penalty"):
        model = AdaptiveLRLogisticRegression(penalty=None, C="auto").fit(*cancer)
    assert (model.C_, model.penalty_curve_) == (np.inf, None)

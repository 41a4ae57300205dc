"""What a fit leaves behind: attributes shaped as the counterpart's, of types that need no trust to load."""

import pickle
import warnings

import numpy as np
import pytest
from estimator_cases import CLASSIFIERS, ESTIMATORS, LINEAR, REGRESSORS, SOLVERS, fit, make, problem
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss

from sk_adalr import AdaptiveLRLinearRegression, AdaptiveLRLogisticRegression
from sk_adalr.learning_rates import GRANULARITIES

estimators = pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
solvers = pytest.mark.parametrize("options", SOLVERS.values(), ids=list(SOLVERS))

PLAIN = (np.ndarray, np.generic, bool, int, float, str, type(None))


def strangers(value, where="estimator"):
    """Yield where a value is that is neither an array, a number, a string, None nor a builtin container of such."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from strangers(entry, f"{where}[{key!r}]")
    elif isinstance(value, list | tuple):
        for i, entry in enumerate(value):
            yield from strangers(entry, f"{where}[{i}]")
    elif not isinstance(value, PLAIN) or (isinstance(value, np.ndarray) and value.dtype.hasobject):
        yield f"{where} is a {type(value)}"


@solvers
@estimators
@pytest.mark.parametrize("early_stopping", [False, True], ids=["", "early stopping"])
def test_fitted_state_holds_arrays_numbers_strings_and_builtin_containers_only(cls, options, early_stopping):
    if early_stopping and options["solver"] == "auto":
        options = {**options, "solver": "adam"}
    model = fit(make(cls, early_stopping=early_stopping, **options), *problem(cls))
    assert list(strangers(vars(model))) == []


@solvers
@estimators
def test_skops_needs_to_trust_the_estimator_itself_only(cls, options):
    skops = pytest.importorskip("skops.io")
    model = fit(make(cls, **options), *problem(cls))
    untrusted = skops.get_untrusted_types(data=skops.dumps(model))
    assert set(untrusted) <= {f"{cls.__module__}.{cls.__qualname__}"}


@estimators
def test_a_model_from_a_skops_file_predicts_and_goes_on_bitwise(cls):
    skops = pytest.importorskip("skops.io")
    X, y = problem(cls)
    model = fit(make(cls, warm_start=True), X, y)
    data = skops.dumps(model)
    loaded = skops.loads(data, trusted=skops.get_untrusted_types(data=data))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert fit(loaded, X, y).loss_curve_ == fit(model, X, y).loss_curve_


@solvers
@estimators
def test_curves_have_an_entry_per_iteration(cls, options):
    model = fit(make(cls, **options), *problem(cls))
    assert model.loss_ == model.loss_curve_[-1]
    assert np.isfinite(model.loss_curve_).all()
    n_iter = np.ravel(model.n_iter_)[0]
    assert np.shape(model.learning_rate_curve_) in {(n_iter, 3), (0, 3)}  # a factorisation has no rate
    if options["solver"] != "auto":
        assert len(model.loss_curve_) == n_iter == 5


@pytest.mark.parametrize("granularity", GRANULARITIES)
@estimators
def test_the_rate_curve_holds_the_smallest_median_and_largest_rate(cls, granularity):
    model = fit(make(cls, granularity=granularity, hyper_learning_rate=0.01), *problem(cls))
    low, median, high = model.learning_rate_curve_.T
    assert (low <= median).all()
    assert (median <= high).all()
    assert (low == high).all() == (granularity == "global" or (granularity == "layer" and cls in LINEAR.values()))


@estimators
def test_the_rate_curve_of_a_constant_rate_is_constant(cls):
    model = fit(make(cls, learning_rate="constant", learning_rate_init=0.01), *problem(cls))
    np.testing.assert_array_equal(model.learning_rate_curve_, 0.01)


@solvers
@estimators
def test_the_stop_reason_is_a_sentence(cls, options):
    model = fit(make(cls, **options), *problem(cls))
    assert model.stop_reason_[0].isupper()
    assert model.stop_reason_.endswith(".")


@estimators
def test_too_few_epochs_warn_and_say_what_to_do(cls):
    X, y = problem(cls)
    with pytest.warns(ConvergenceWarning, match=r"reached `max_iter` \(2\).*Raise `max_iter`") as record:
        make(cls, max_iter=2, tol=1e-8).fit(X, y)
    assert record[0].filename == __file__, "the warning must point at the line that called fit"


@pytest.mark.parametrize("solver", ["auto", "exact"])
@pytest.mark.parametrize("in_chunks", [False, True])
def test_too_few_iterations_for_one_of_several_outputs_warn(solver, in_chunks):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3))
    Y = rng.poisson(np.exp(np.column_stack([np.zeros(100), X[:, 0], np.zeros(100)])))
    model = AdaptiveLRLinearRegression(loss="poisson", solver=solver, max_iter=2, tol=1e-8)
    with pytest.warns(ConvergenceWarning, match=r"reached `max_iter` \(2\)"):
        model.fit_chunks(lambda: [(X, Y)]) if in_chunks else model.fit(X, Y)


@estimators
def test_zero_tol_does_not_warn(cls):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(cls, max_iter=2, tol=0).fit(*problem(cls))


@estimators
def test_zero_tol_trains_for_max_iter_epochs(cls):
    assert fit(make(cls, max_iter=37, tol=0, n_iter_no_change=1), *problem(cls)).n_iter_ == 37


@pytest.mark.parametrize("cls", LINEAR.values(), ids=list(LINEAR))
@pytest.mark.parametrize("solver", ["auto", "exact"])
def test_verbose_prints_a_line_per_iteration_and_of_a_factorisation(cls, solver, capsys):
    model = cls(solver=solver, verbose=True).fit(*problem(cls))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"Epoch {k + 1}" for k in range(len(model.loss_curve_))]


@estimators
def test_verbose_prints_a_line_per_epoch(cls, capsys):
    fit(make(cls, verbose=True, max_iter=3), *problem(cls))
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["Epoch 1", "Epoch 2", "Epoch 3"]


@estimators
def test_a_quiet_fit_prints_nothing(cls, capsys):
    fit(make(cls), *problem(cls))
    assert capsys.readouterr().out == ""


@solvers
@pytest.mark.parametrize("y_shape", [(60,), (60, 1), (60, 2)], ids=str)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_coefficients_of_a_regression_are_shaped_as_the_counterpart_s(options, fit_intercept, y_shape):
    X, _ = problem(AdaptiveLRLinearRegression)
    y = np.random.RandomState(1).standard_normal(y_shape)
    model = fit(make(AdaptiveLRLinearRegression, fit_intercept=fit_intercept, **options), X, y)
    expected = LinearRegression(fit_intercept=fit_intercept).fit(X, y)
    assert model.coef_.shape == expected.coef_.shape
    assert np.shape(model.intercept_) == np.shape(expected.intercept_) or not fit_intercept
    assert model.predict(X).shape == expected.predict(X).shape


@solvers
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_coefficients_of_a_classification_are_shaped_as_the_counterpart_s(options, fit_intercept, n_classes):
    X, y = problem(AdaptiveLRLogisticRegression, n_classes=n_classes)
    model = fit(make(AdaptiveLRLogisticRegression, fit_intercept=fit_intercept, **options), X, y)
    expected = LogisticRegression(fit_intercept=fit_intercept, max_iter=10_000).fit(X, y)
    for name in ("coef_", "intercept_"):
        assert getattr(model, name).shape == getattr(expected, name).shape
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        assert getattr(model, method)(X).shape == getattr(expected, method)(X).shape


@solvers
@pytest.mark.parametrize("cls", LINEAR.values(), ids=list(LINEAR))
def test_without_intercept_the_intercept_is_zero(cls, options):
    X, y = problem(cls)
    np.testing.assert_array_equal(fit(make(cls, fit_intercept=False, **options), X, y).intercept_, 0)


@solvers
@estimators
def test_float32_stays_float32(cls, options):
    X, y = problem(cls)
    y = y if cls in CLASSIFIERS.values() else y.astype(np.float32)
    model = fit(make(cls, **options), X.astype(np.float32), y)
    arrays = [*getattr(model, "coefs_", []), *getattr(model, "intercepts_", [])] or [model.coef_, model.intercept_]
    assert {np.asarray(array).dtype for array in arrays} == {np.dtype(np.float32)}
    method = "predict_proba" if cls in CLASSIFIERS.values() else "predict"
    assert getattr(model, method)(X.astype(np.float32)).dtype == np.float32


@solvers
@estimators
def test_float32_and_float64_agree(cls, options):
    X, y = problem(cls)
    method = "decision_function" if cls in CLASSIFIERS.values() else "predict"
    single, double = (getattr(fit(make(cls, **options), X.astype(dtype), y), method)(X) for dtype in "fd")
    # five epochs of float32 rounding, in columns with an offset of four deviations
    np.testing.assert_allclose(single, double, atol=2e-4 * np.abs(double).max())


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("storage", ["dense", "sparse", "chunks"])
def test_float32_columns_a_million_deviations_from_zero_are_predicted_in_full(storage, n_classes):
    """Their terms of a score, a million times its size, are rounded away in float32: the model stays in float64."""
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((1000, 4))
    X = (Z + 2e6).astype(np.float32)
    y = np.digitize(Z @ [1, -1, 0.5, 0.5] + rng.standard_normal(1000), [0, 1][: n_classes - 1])
    centred = X - X.mean(axis=0, dtype=float)
    least = log_loss(y, LogisticRegression(C=np.inf, tol=1e-8).fit(centred, y).predict_proba(centred))
    model, X = AdaptiveLRLogisticRegression(C=np.inf), sparse.csr_array(X) if storage == "sparse" else X
    model = (
        model.fit_chunks(lambda: [(X[:400], y[:400]), (X[400:], y[400:])]) if storage == "chunks" else model.fit(X, y)
    )
    assert log_loss(y, model.predict_proba(X)) - least < 1e-4
    assert model.partial_fit(X[:100], y[:100]).predict(X).dtype == y.dtype


@pytest.mark.parametrize("cls", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
@pytest.mark.parametrize("n_classes", [2, 4])
def test_probabilities_sum_to_one_and_their_logarithms_are_theirs(cls, n_classes):
    X, y = problem(cls, n_classes=n_classes)
    model = fit(make(cls), X, y)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X), rtol=1e-13)


@pytest.mark.parametrize("cls", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
@pytest.mark.parametrize("n_classes", [2, 3])
def test_log_probabilities_of_extreme_rows_do_not_underflow(cls, n_classes):
    X, y = problem(cls, n_classes=n_classes)
    model = fit(make(cls, learning_rate_init=0.05, max_iter=30), X, y)
    log_proba = model.predict_log_proba((X - X.mean(axis=0)) * 1e6)
    assert np.isfinite(log_proba).all()
    assert log_proba.min() < -800, "probabilities themselves are zero here"


@pytest.mark.parametrize("cls", REGRESSORS.values(), ids=list(REGRESSORS))
def test_pickles_are_small(cls):
    # parameters, optimizer state and random state; neither data nor buffers
    X, y = problem(cls, n_rows=5000)
    assert len(pickle.dumps(fit(make(cls), X, y))) < 30_000

"""Bad input is refused by name, and a fit that fails leaves the model before it bitwise intact."""

import copy
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl
import pytest
from estimator_cases import CLASSIFIERS, ESTIMATORS, LINEAR, MLP, REGRESSORS, fit, make, problem, same_state
from scipy import sparse

from sk_adalr import AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier
from sk_adalr.directions import SGD

estimators = pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
classifiers = pytest.mark.parametrize("cls", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
regressors = pytest.mark.parametrize("cls", REGRESSORS.values(), ids=list(REGRESSORS))


@dataclass(frozen=True)
class CtrlC:
    """Gradient descent until the user interrupts step `at`."""

    at: int

    def init(self, params):
        return {}

    def update(self, state, grad, step, *, out):
        if step == self.at:
            raise KeyboardInterrupt
        np.copyto(out, grad)


@dataclass(frozen=True)
class Broken:
    """A direction whose third step fails."""

    def init(self, params):
        return {}

    def update(self, state, grad, step, *, out):
        if step == 3:
            raise RuntimeError("broken")
        np.copyto(out, grad)


def without_ctrl_c(function):
    """Return `function` with KeyboardInterrupt as a failure: it would end the whole run of pytest."""

    def call(*args):
        try:
            return function(*args)
        except KeyboardInterrupt:
            pytest.fail("the model so far was lost")

    return call


# Parameters

PARAMETERS = {
    "max_iter": [(0, ValueError), (-3, ValueError), (2.5, TypeError), ("many", TypeError)],
    "tol": [(-1e-3, ValueError), (np.nan, ValueError), (np.inf, ValueError), (None, TypeError), ("tiny", TypeError)],
    "n_iter_no_change": [(0, ValueError), (1.5, TypeError), (-np.inf, TypeError), (np.nan, TypeError)],
    "validation_fraction": [(0, ValueError), (1.0, ValueError), (-0.1, ValueError), ("half", TypeError)],
    "batch_size": [(0, ValueError), (-1, ValueError), (2.0, TypeError), ("all", (TypeError, ValueError))],
    "standardize": [("yes", TypeError), (1, TypeError)],
    "shuffle": [("yes", TypeError), (None, TypeError)],
    "early_stopping": [("yes", TypeError), (1, TypeError)],
    "warm_start": [("yes", TypeError), (0, TypeError)],
    "solver": [("newton", ValueError), ("SGD", ValueError), (None, TypeError), (3, TypeError), (SGD, TypeError)],
    "learning_rate": [("adaptive", ValueError), ("invscaling", ValueError), (0.1, TypeError), (None, TypeError)],
    "granularity": [("weights", ValueError), (None, TypeError)],
    "learning_rate_init": [(0, ValueError), (-1.0, ValueError), (np.inf, ValueError), ("big", ValueError)],
    "hyper_learning_rate": [(-1.0, ValueError), (np.nan, ValueError), ("big", TypeError)],
    "momentum": [(1.0, ValueError), (-0.1, ValueError), ("heavy", TypeError)],
    "beta_1": [(1.0, ValueError), (-0.1, ValueError)],
    "beta_2": [(1.0, ValueError), (np.nan, ValueError)],
    "epsilon": [(0.0, ValueError), (-1e-8, ValueError)],
}
BY_CLASS = {
    "alpha": [(-1.0, ValueError), (np.nan, ValueError), (np.inf, ValueError), ("strong", TypeError)],
    "C": [(0.0, ValueError), (-1.0, ValueError), (np.nan, ValueError), ("weak", TypeError)],
    "l1_ratio": [(0.5, ValueError), (None, TypeError)],
    "fit_intercept": [("yes", TypeError)],
    "hidden_layer_sizes": [
        ((0,), ValueError),
        (-3, ValueError),
        ((3, 2.5), TypeError),
        (None, TypeError),
        ("64", TypeError),
        (True, TypeError),
        ({64}, TypeError),
        (np.array(64.0), TypeError),
    ],
    "activation": [("gelu", ValueError), (None, TypeError)],
    "class_weight": [("unbalanced", ValueError), ({7: 1.0}, ValueError), ({0: -1.0}, ValueError)],
    "penalty": [("l1", ValueError), ("elasticnet", ValueError), (0.1, ValueError)],
    "dual": [(True, ValueError), ("yes", ValueError)],
    "intercept_scaling": [(2, ValueError), (None, ValueError)],
    "positive": [(True, ValueError), (None, ValueError)],
    "n_jobs": [("all", TypeError), (1.5, TypeError)],
    "copy_X": [(None, TypeError)],
    "nesterovs_momentum": [(None, TypeError)],
}
CASES = [
    pytest.param(cls, name, value, error, id=f"{cls.__name__}-{name}-{value}")
    for cls in ESTIMATORS.values()
    for name, values in (PARAMETERS | BY_CLASS).items()
    if name in cls().get_params()
    for value, error in values
]


@pytest.mark.parametrize(("cls", "name", "value", "error"), CASES)
def test_a_parameter_out_of_range_is_refused_by_its_name(cls, name, value, error):
    with pytest.raises(error, match=name):
        make(cls, **{name: value}).fit(*problem(cls))


@pytest.mark.parametrize("cls", MLP.values(), ids=list(MLP))
def test_a_network_needs_a_number_of_epochs(cls):
    with pytest.raises(TypeError, match="`max_iter` must be an integer at least 1; got None"):
        make(cls, max_iter=None).fit(*problem(cls))


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "liblinear", "sag", "saga"])
@pytest.mark.parametrize("cls", MLP.values(), ids=list(MLP))
def test_an_unsupported_solver_is_refused_with_what_to_use(cls, solver):
    with pytest.raises(ValueError, match=f"got '{solver}'. Instead of '{solver}', use 'auto'"):
        make(cls, solver=solver).fit(*problem(cls))


@pytest.mark.parametrize("learning_rate", ["adaptive", "invscaling", "optimal"])
@estimators
def test_an_unsupported_schedule_is_refused_with_what_to_use(cls, learning_rate):
    with pytest.raises(ValueError, match=f"Instead of '{learning_rate}', use 'auto'"):
        make(cls, learning_rate=learning_rate).fit(*problem(cls))


def test_an_l1_penalty_is_refused_with_what_to_use():
    with pytest.raises(ValueError, match=r"`l1_ratio` must be 0.*sklearn.linear_model.LogisticRegression"):
        AdaptiveLRLogisticRegression(l1_ratio=1.0).fit(*problem(AdaptiveLRLogisticRegression))


@pytest.mark.parametrize("cls", MLP.values(), ids=list(MLP))
def test_a_network_cannot_be_solved_exactly(cls):
    with pytest.raises(ValueError, match="exact"):
        make(cls, solver="exact").fit(*problem(cls))


# Data


def spoil(X, value):
    X = np.array(X, dtype=np.result_type(X, value))
    X[3, 1] = value
    return X


BAD_X = {
    "NaN": lambda X: spoil(X, np.nan),
    "infinity": lambda X: spoil(X, np.inf),
    "complex": lambda X: spoil(X, 1j),
    "one-dimensional": lambda X: X[:, 0],
    "three-dimensional": lambda X: X[None],
    "no rows": lambda X: X[:0],
    "no columns": lambda X: X[:, :0],
    "strings": lambda X: X.astype(str).astype(object) + "x",
    "None": lambda X: None,
    "a string": lambda X: "X",
    "too few rows": lambda X: X[:-1],
    "masked": lambda X: np.ma.masked_array(X, mask=X > 100),
    "sparse NaN": lambda X: sparse.csr_array(spoil(X, np.nan)),
    "beyond float64": lambda X: spoil(X.astype(object), 10**400),
}
BAD_TARGETS = {
    "NaN": lambda y: np.where(np.arange(len(y)) == 3, np.nan, y),
    "infinity": lambda y: np.where(np.arange(len(y)) == 3, np.inf, y),
    "complex": lambda y: y + 1j,
    "too many": lambda y: np.r_[y, y],
    "None": lambda y: None,
    "a number": lambda y: 1.0,
    "empty": lambda y: y[:0],
    "three-dimensional": lambda y: np.ones((len(y), 2, 2)),
    "masked": lambda y: np.ma.masked_array(y, mask=y > 0),
}
BAD_LABELS = {
    "continuous": lambda y: y + 0.5 * np.random.RandomState(0).uniform(size=len(y)),
    "mixed types": lambda y: np.array(["a" if label else 0 for label in y], dtype=object),
    "several classes in several columns": lambda y: np.column_stack([y, y + 1, y + 2]),
}
BAD_WEIGHTS = {
    "negative": lambda n: np.r_[-1.0, np.ones(n - 1)],
    "NaN": lambda n: np.r_[np.nan, np.ones(n - 1)],
    "infinity": lambda n: np.r_[np.inf, np.ones(n - 1)],
    "all zero": lambda n: np.zeros(n),
    "too few": lambda n: np.ones(n - 1),
    "a matrix": lambda n: np.ones((n, 2)),
    "strings": lambda n: np.array(["heavy"] * n),
}


def refused(estimator, method, X, y, sample_weight=None):
    """Assert that a call is refused, with what was wrong, and that it leaves the estimator as it was."""
    before = copy.deepcopy(vars(estimator))
    with pytest.raises((ValueError, TypeError)) as caught:
        getattr(estimator, method)(X, y, sample_weight=sample_weight)
    assert str(caught.value), "an error without a message"
    assert same_state(before, vars(estimator))


def unfitted_and_fitted(cls, **params):
    X, y = problem(cls)
    yield make(cls, **params)
    yield fit(make(cls, **params), pd.DataFrame(X, columns=list("abcd")), y)
    yield fit(make(cls, warm_start=True, **params), X, y)


@estimators
@pytest.mark.parametrize("bad", BAD_X.values(), ids=list(BAD_X))
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_bad_features_are_refused_and_leave_the_model_as_it_was(cls, bad):
    X, y = problem(cls)
    for estimator in unfitted_and_fitted(cls):
        refused(estimator, "fit", bad(X), y)


@estimators
@pytest.mark.parametrize("bad", BAD_TARGETS.values(), ids=list(BAD_TARGETS))
def test_bad_targets_are_refused_and_leave_the_model_as_it_was(cls, bad):
    X, y = problem(cls)
    for estimator in unfitted_and_fitted(cls):
        refused(estimator, "fit", X, bad(y))


@classifiers
@pytest.mark.parametrize("bad", BAD_LABELS.values(), ids=list(BAD_LABELS))
def test_bad_labels_are_refused_and_leave_the_model_as_it_was(cls, bad):
    X, y = problem(cls)
    for estimator in unfitted_and_fitted(cls):
        refused(estimator, "fit", X, bad(y))


def test_a_linear_model_refuses_a_single_class_and_stays_as_it_was():
    X, y = problem(AdaptiveLRLogisticRegression)
    for estimator in unfitted_and_fitted(AdaptiveLRLogisticRegression):
        refused(estimator, "fit", X, np.zeros(len(y)))


@estimators
@pytest.mark.parametrize("bad", BAD_WEIGHTS.values(), ids=list(BAD_WEIGHTS))
def test_bad_weights_are_refused_and_leave_the_model_as_it_was(cls, bad):
    X, y = problem(cls)
    for estimator in unfitted_and_fitted(cls):
        refused(estimator, "fit", X, y, bad(len(y)))


@regressors
def test_text_is_no_target_of_a_regression(cls):
    X, y = problem(cls)
    refused(make(cls), "fit", X, np.array(["a"] * len(y)))


@classifiers
@pytest.mark.parametrize("class_weight", [{0: 0.0, 1: 0.0}, {0: np.nan, 1: 1.0}, {0: -1.0, 1: 1.0}], ids=str)
def test_class_weights_that_mean_nothing_are_refused(cls, class_weight):
    refused(make(cls, class_weight=class_weight), "fit", *problem(cls))


@pytest.mark.parametrize(
    "class_weight",
    [[{0: -1, 1: 1}] * 2, [{0: 0, 1: 1}] * 2, [{0: 1, 1: np.inf}] * 2, [{0: 1, 1: 2}], {0: 1, 1: 2}, 3.0],
    ids=str,
)
def test_class_weights_of_a_label_matrix_that_mean_nothing_are_refused(class_weight):
    X, y = problem(AdaptiveLRMLPClassifier)
    refused(make(AdaptiveLRMLPClassifier, class_weight=class_weight), "fit", X, np.column_stack([y, 1 - y]))


@estimators
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_features_beyond_the_range_of_a_models_float32_are_refused(cls, storage):
    X, y = problem(cls)
    single, huge = storage(X.astype(np.float32)), storage(X * 1e200)
    message = "float32.*beyond that range"
    with pytest.raises(ValueError, match=message):
        make(cls, early_stopping=True).fit(single, y, X_val=huge, y_val=y)
    model = make(cls, warm_start=True).fit(single, y)
    with pytest.raises(ValueError, match=message):
        model.fit(huge, y)


@estimators
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array, pd.DataFrame], ids=["dense", "sparse", "frame"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("options", [{}, {"solver": "sgd"}, {"standardize": False}], ids=str)
def test_features_whose_sums_overflow_are_refused_without_a_warning(cls, storage, dtype, options):
    X, y = problem(cls, raw_units=False)
    X = (X / np.abs(X).max()).astype(dtype)
    largest = np.finfo(dtype).max
    for factor in (1.0, 0.5, 0.1):
        for column in range(2):  # with signs and without
            huge = X.copy()
            huge[:, 0] = (X[:, 0] if column == 0 else np.abs(X[:, 0])) * dtype(factor * largest)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                with pytest.raises(
                    ValueError, match=r"`X` has numbers up to .*: sums over its 60 rows exceed the range"
                ):
                    cls(**options).fit(storage(huge), y)


@estimators
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_features_just_below_that_are_fitted(cls, dtype):
    X, y = problem(cls, raw_units=False)
    X = X.astype(dtype)
    X[:, 1] *= dtype(1e-3 * np.finfo(dtype).max / len(y))
    model = cls(random_state=0).fit(X, y)
    assert model.score(X, y) > 0.8


@regressors
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_a_target_whose_sums_overflow_is_refused_without_a_warning(cls, n_outputs):
    X, y = problem(cls)
    y = y / np.abs(y).max() * np.finfo(float).max
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(
            ValueError, match=r"`y` has numbers up to 1.8e\+308: sums over its 60 rows exceed the range"
        ):
            cls().fit(X, y if n_outputs == 1 else np.column_stack([y, X[:, 0]]))


@estimators
@pytest.mark.parametrize("name", ["X", "y", "sample_weight"])
def test_a_query_without_data_is_refused_with_what_to_call(cls, name):
    X, y = problem(cls)
    arguments = {"X": X, "y": y, "sample_weight": np.ones(len(y))}
    arguments[name] = pl.LazyFrame(arguments[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(TypeError, match=rf"`{name}` is a LazyFrame.* Pass `{name}.collect\(\)`"):
            make(cls).fit(**arguments)
    with pytest.raises(TypeError, match=r"Pass `X.collect\(\)`"):
        fit(make(cls), X, y).predict(pl.LazyFrame(X))


# Atomicity


@estimators
def test_a_refused_fit_keeps_number_and_names_of_the_features(cls):
    X, y = problem(cls)
    model = fit(make(cls), pd.DataFrame(X, columns=list("abcd")), y)
    wider = pd.DataFrame(np.column_stack([X, X[:, 0]]), columns=list("vwxyz"))
    before = copy.deepcopy(vars(model))
    with pytest.raises(ValueError, match="`sample_weight` must not be negative"):
        model.fit(wider, y, sample_weight=-np.ones(len(y)))
    assert same_state(before, vars(model))
    assert model.n_features_in_ == 4
    assert list(model.feature_names_in_) == list("abcd")


@estimators
def test_a_diverging_fit_names_the_rates_and_leaves_the_model_as_it_was(cls):
    X, y = problem(cls)
    model = fit(make(cls), X, y)
    model.set_params(solver="sgd", learning_rate="constant", learning_rate_init=1e200)
    before = copy.deepcopy(vars(model))
    with pytest.raises(
        ValueError, match=r"became non-finite at epoch \d.*learning rates? .*1e\+200.*learning_rate_init"
    ):
        model.fit(X, y)
    assert same_state(before, vars(model))


@estimators
@pytest.mark.parametrize(("solver", "rate"), [("sgd", 3.0), ("sgd", 1e3), ("adam", 1e4)])
def test_a_fit_that_ends_far_above_the_constant_prediction_is_never_silent(cls, solver, rate):
    X, y = problem(cls, n_rows=200)
    model = make(cls, solver=solver, learning_rate="constant", learning_rate_init=rate, tol=1e-4, max_iter=300)
    constant = np.log(2) if cls in CLASSIFIERS.values() else 0.5 * y.var()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.fit(X, y)
        except ValueError:
            return
    assert caught or model.loss_ < 10 * constant, f"silent: loss {model.loss_:g}, {model.stop_reason_}"


@estimators
def test_a_diverging_partial_fit_leaves_the_model_as_it_was(cls):
    X, y = problem(cls)
    model = fit(make(cls, solver="sgd", learning_rate="constant", standardize=False, learning_rate_init=1e-9), X, y)
    before = copy.deepcopy(vars(model))
    with pytest.raises(ValueError, match="non-finite"):
        model.partial_fit(X * 1e200, y)
    assert same_state(before, vars(model))


@estimators
def test_an_error_in_the_middle_of_training_leaves_the_model_as_it_was(cls):
    X, y = problem(cls)
    model = fit(make(cls, warm_start=True), X, y)
    model.set_params(solver=Broken())
    for method in ("fit", "partial_fit"):
        before = copy.deepcopy(vars(model))
        with pytest.raises(RuntimeError, match="broken"):
            getattr(model, method)(X, y)
        assert same_state(
            {k: v for k, v in before.items() if k != "solver"}, {k: v for k, v in vars(model).items() if k != "solver"}
        )


@estimators
@pytest.mark.parametrize("bad", ["features", "target", "weights", "columns"])
def test_a_refused_partial_fit_leaves_the_model_as_it_was(cls, bad):
    X, y = problem(cls)
    model = fit(make(cls), X, y)
    arguments = {
        "features": (spoil(X, np.nan), y, None),
        "target": (X, np.where(np.arange(len(y)) == 3, np.nan, y), None),
        "weights": (X, y, -np.ones(len(y))),
        "columns": (X[:, :3], y, None),
    }[bad]
    refused(model, "partial_fit", *arguments)


@classifiers
def test_partial_fit_refuses_what_it_cannot_know(cls):
    X, y = problem(cls)
    with pytest.raises(ValueError, match="`classes` must be passed in the first call"):
        make(cls).partial_fit(X, y)
    with pytest.raises(ValueError, match="`classes` must not change"):
        make(cls).partial_fit(X, y, classes=[0, 1]).partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"`classes`.*\[1\]"):
        make(cls).partial_fit(X, y, classes=[0, 2])
    with pytest.raises(ValueError, match=r"'balanced'.* not supported by `partial_fit`"):
        make(cls, class_weight="balanced").partial_fit(X, y, classes=[0, 1])


# Ctrl-C


@estimators
@pytest.mark.parametrize("step", [8, 9, 10], ids=["end of an epoch", "start of an epoch", "within an epoch"])
def test_ctrl_c_leaves_a_usable_model_with_a_warning(cls, step):
    X, y = problem(cls)  # four batches an epoch
    model = make(cls, solver=CtrlC(step), learning_rate_init=0.05, max_iter=1000)
    with pytest.warns(UserWarning, match="interrupted by the user"):
        without_ctrl_c(model.fit)(X, y)
    assert model.predict(X).shape == y.shape
    assert model.n_iter_ in (2, 3)
    assert "Interrupted" in model.stop_reason_


@estimators
def test_ctrl_c_before_the_first_update_leaves_the_model_as_it_was(cls):
    X, y = problem(cls)
    model = fit(make(cls), X, y).set_params(solver=CtrlC(at=1))
    before = dict(vars(model))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert all(vars(model)[name] is value for name, value in before.items())


# Prediction


@estimators
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_model_that_is_not_finite_does_not_predict(cls, value):
    X, y = problem(cls)
    model = fit(make(cls), X, y)
    if cls in LINEAR.values():
        model.coef_ = np.full_like(model.coef_, value)
    else:
        model.coefs_[0][0, 0] = value
    with pytest.raises(ValueError, match="not finite, so it cannot predict"):
        model.predict(X)


@estimators
@pytest.mark.parametrize("bad", ["NaN", "infinity", "one-dimensional", "no rows", "masked", "complex"])
def test_prediction_refuses_bad_features(cls, bad):
    X, y = problem(cls)
    model = fit(make(cls), X, y)
    with pytest.raises((ValueError, TypeError)):
        model.predict(BAD_X[bad](X))


@estimators
def test_prediction_refuses_another_number_of_features(cls):
    X, y = problem(cls)
    with pytest.raises(ValueError, match=r"X has 3 features, but .* is expecting 4"):
        fit(make(cls), X, y).predict(X[:, :3])

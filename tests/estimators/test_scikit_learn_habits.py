"""Pipelines, searches, feature names: what one does with an estimator of scikit-learn."""

import inspect

import numpy as np
import pandas as pd
import pytest
from estimator_cases import CLASSIFIERS, ESTIMATORS, REGRESSORS, blocks, fit, make, problem
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sk_adalr
from sk_adalr.directions import DIRECTIONS, Momentum
from sk_adalr.learning_rates import GRANULARITIES, LEARNING_RATES, Global, Hypergradient

estimators = pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))

COUNTERPARTS = {
    "AdaptiveLRLinearRegression": LinearRegression,
    "AdaptiveLRLogisticRegression": LogisticRegression,
    "AdaptiveLRMLPClassifier": MLPClassifier,
    "AdaptiveLRMLPRegressor": MLPRegressor,
}
# The deliberate differences; that of `penalty` is a mark of its deprecation.
OTHER_DEFAULTS = {
    "solver",
    "learning_rate",
    "learning_rate_init",
    "max_iter",
    "tol",
    "early_stopping",
    "warm_start",
    "verbose",
    "penalty",
}


@estimators
def test_search_over_solver_learning_rate_and_granularity(cls):
    X, y = problem(cls)
    grid = {
        "solver": list(DIRECTIONS),
        "learning_rate": list(LEARNING_RATES),
        "granularity": list(GRANULARITIES),
    }
    search = GridSearchCV(make(cls, max_iter=2), grid, cv=2, error_score="raise").fit(X, y)
    assert len(search.cv_results_["params"]) == len(DIRECTIONS) * len(LEARNING_RATES) * len(GRANULARITIES)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@estimators
def test_search_in_a_pipeline(cls):
    X, y = problem(cls)
    pipeline = make_pipeline(StandardScaler(), make(cls, max_iter=3))
    name = cls.__name__.lower()
    search = GridSearchCV(pipeline, {f"{name}__solver": ["auto", "sgd"]}, cv=2, error_score="raise").fit(X, y)
    assert search.best_estimator_.predict(X).shape == y.shape


@estimators
def test_cross_validation_reaches_what_the_data_allow(cls):
    X, y = problem(cls, n_rows=240)
    model = make(cls, max_iter=60, learning_rate_init=0.03)
    counterpart = LogisticRegression() if cls in CLASSIFIERS.values() else LinearRegression()
    best = cross_val_score(make_pipeline(StandardScaler(), counterpart), X, y, cv=3).mean()
    assert cross_val_score(model, X, y, cv=3).mean() > best - 0.05


@estimators
def test_feature_names_are_kept_and_checked(cls):
    X, y = problem(cls)
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = fit(make(cls), frame, y)
    np.testing.assert_array_equal(model.feature_names_in_, list("abcd"))
    without_names = fit(make(cls), X, y)
    np.testing.assert_array_equal(blocks(model), blocks(without_names))
    # a frame is in Fortran order, whose products round differently
    np.testing.assert_allclose(model.predict(frame), without_names.predict(X), rtol=1e-10)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={"a": "z"}))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)


@estimators
def test_features_without_names_leave_no_names_of_an_earlier_fit(cls):
    X, y = problem(cls)
    model = fit(make(cls), pd.DataFrame(X, columns=list("abcd")), y)
    assert not hasattr(fit(model, X, y), "feature_names_in_")


@estimators
def test_repr_and_clone_need_no_code_for_objects(cls):
    rule = Hypergradient(0.01, 1e-5, Global())
    model = make(cls, solver=Momentum(0.8), learning_rate=rule)
    other = clone(model)
    assert other.solver == Momentum(0.8)
    assert other.learning_rate == rule
    assert "Momentum(momentum=0.8)" in repr(model)
    X, y = problem(cls)
    np.testing.assert_array_equal(blocks(fit(model, X, y)), blocks(fit(other, X, y)))


@estimators
def test_objects_and_names_train_the_same_model(cls):
    X, y = problem(cls)
    by_name = make(cls, solver="momentum", momentum=0.8, learning_rate_init=0.01, granularity="global")
    by_object = make(cls, solver=Momentum(0.8), learning_rate=Hypergradient(0.01, granularity=Global()))
    np.testing.assert_array_equal(blocks(fit(by_name, X, y)), blocks(fit(by_object, X, y)))


@estimators
def test_fit_does_not_change_the_parameters(cls):
    model = make(cls)
    before = dict(model.get_params())
    assert fit(model, *problem(cls)).get_params() == before


@estimators
def test_fit_does_not_change_the_data(cls):
    X, y = problem(cls)
    weight = np.linspace(0.5, 2, len(y))
    copies = X.copy(), y.copy(), weight.copy()
    fit(make(cls), X, y, sample_weight=weight)
    for array, copied in zip((X, y, weight), copies, strict=True):
        np.testing.assert_array_equal(array, copied)


@estimators
def test_fit_returns_the_estimator(cls):
    model = make(cls)
    assert model.fit(*problem(cls)) is model
    X, y = problem(cls)
    assert model.partial_fit(X, y) is model


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_shared_parameters_keep_the_counterpart_s_defaults(name):
    ours = ESTIMATORS[name]().get_params()
    theirs = COUNTERPARTS[name]().get_params()
    if theirs.get("l1_ratio", 0) is None:  # the same, before version 1.8
        theirs["l1_ratio"] = 0.0
    shared = (ours.keys() & theirs.keys()) - OTHER_DEFAULTS
    assert {key: ours[key] for key in shared} == {key: theirs[key] for key in shared}


def test_every_estimator_has_a_counterpart():
    assert set(COUNTERPARTS) == set(ESTIMATORS)


@pytest.mark.parametrize("name", COUNTERPARTS)
@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict", "predict_proba", "decision_function", "score"])
def test_methods_take_the_counterpart_s_arguments_in_its_order(name, method):
    ours, theirs = (getattr(cls, method, None) for cls in (ESTIMATORS[name], COUNTERPARTS[name]))
    if theirs is None:
        pytest.skip(f"{COUNTERPARTS[name].__name__} has no {method}")
    ours, theirs = (
        [p.name for p in inspect.signature(f).parameters.values() if p.kind is not p.KEYWORD_ONLY]
        for f in (ours, theirs)
    )
    assert ours == theirs


def test_classifiers_work_inside_meta_estimators():
    X, y = problem(sk_adalr.AdaptiveLRLogisticRegression)
    model = make(sk_adalr.AdaptiveLRLogisticRegression)
    assert CalibratedClassifierCV(model, cv=2).fit(X, y).predict_proba(X).shape == (60, 2)
    assert BaggingClassifier(model, n_estimators=3, random_state=0).fit(X, y).predict(X).shape == (60,)
    assert MultiOutputClassifier(model).fit(X, np.column_stack([y, 1 - y])).predict(X).shape == (60, 2)


@pytest.mark.parametrize("cls", REGRESSORS.values(), ids=list(REGRESSORS))
def test_regressors_work_inside_meta_estimators(cls):
    X, y = problem(cls)
    model = TransformedTargetRegressor(make(cls), func=np.sinh, inverse_func=np.arcsinh).fit(X, y / 10)
    assert model.predict(X).shape == y.shape

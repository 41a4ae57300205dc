"""Hostile inputs: a right model or a clear error, never silent garbage.

Every estimator that should not care for the units of its features is in the table: without penalty, or standardised
inside.
"""

import re
import warnings

import numpy as np
import pytest
from hostile import (
    BINARY,
    CLASS_WEIGHTS,
    FEATURES,
    LABELS,
    MODELS,
    N_ROWS,
    REFUSED_FEATURES,
    REFUSED_LABELS,
    REFUSED_TARGETS,
    REFUSED_WEIGHTS,
    RIGHT,
    SUBSETS,
    TARGETS,
    USABLE,
    USABLE_FEATURES,
    VALUES,
    WARNED_LABELS,
    WEIGHTS,
    Warns,
    X,
    Y,
)
from sklearn.base import clone, is_regressor
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_linnerud,
    load_wine,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRMLPClassifier

models = pytest.mark.parametrize("name", MODELS)
regressors = pytest.mark.parametrize("name", [name for name, (model, _) in MODELS.items() if is_regressor(model)])
classifiers = pytest.mark.parametrize("name", [name for name, (model, _) in MODELS.items() if not is_regressor(model)])


def fitted(model, features, target, **kwargs):
    """Fit a clone; any warning but that of too few epochs is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(model).fit(features, target, **kwargs)


@pytest.fixture(scope="module")
def right_score():
    return {name: fitted(model, X, y).score(X, y) for name, (model, y) in MODELS.items()}


def arrays(value):
    if isinstance(value, dict | list | tuple):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from arrays(entry)
    else:
        yield np.asarray(value)


def not_finite(model):
    """Return which fitted attribute is not finite, or None; ``C=np.inf`` is a penalty of zero."""
    for attribute, value in vars(model).items():
        if attribute == "C_" and value == np.inf == model.C:
            continue
        if attribute.endswith("_") and any(a.dtype.kind in "fc" and not np.isfinite(a).all() for a in arrays(value)):
            return attribute
    return None


def constant_score(model, target):
    """Return the score of the best constant prediction."""
    if is_regressor(model):
        return 0.0
    return np.unique(np.asarray(target).astype(str), return_counts=True)[1].max() / len(target)


def outcome(model, expected, features, target, right_score, *, margin=0.05, **kwargs):
    """Return how a fit ended, as a word of the count, and what was wrong with it.

    A score may be `margin` below the right one.
    """
    warned = isinstance(expected, Warns)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = clone(model).fit(features, target, **kwargs)
            score = model.score(features, target)
            predicted = np.asarray(model.predict(features))
    except (ValueError, TypeError) as error:
        if isinstance(expected, str) and re.search(expected, str(error)):
            return "clear error", ""
        return "wrong", f"{type(error).__name__}: {error}"
    except Exception as error:
        return "wrong", f"{type(error).__name__} of the wrong kind: {error}"
    unexpected = [w for w in caught if not issubclass(w.category, ConvergenceWarning)]
    if warned:
        unexpected = [w for w in unexpected if not re.search(expected.pattern, str(w.message))]
    if unexpected:
        return "wrong", f"warning: {unexpected[0].message}"
    if isinstance(expected, str):
        return "wrong", f"accepted, with a score of {score:.3f}"
    if not_finite(model) or (predicted.dtype.kind == "f" and not np.isfinite(predicted).all()):
        return "wrong", f"not finite: {not_finite(model) or 'predictions'}"
    least = constant_score(model, target) if expected is USABLE else right_score
    if not score >= least - margin and any("far above" in str(w.message) for w in caught):
        return "warning", f"a score of {score:.3f}, with a warning"
    if not score >= least - margin:
        return "wrong", f"silent garbage: {score:.3f} where {least:.3f} is right"
    return ("warning" if warned else "right"), ""


def without_penalty(model, **params):
    """Return a clone whose objective does not depend on the unit of the weights, as one with a penalty does."""
    return clone(model).set_params(**({"alpha": 0.0} if "alpha" in model.get_params() else {}), **params)


def table(groups):
    return [pytest.param(group, name, id=f"{group}: {name}") for group, rows in groups.items() for name in rows]


@pytest.mark.one_in(4)
@pytest.mark.parametrize(("group", "features"), table(FEATURES))
@models
def test_features_of_any_unit_and_format_give_a_right_model(name, group, features, right_score, cell):
    model, y = MODELS[name]
    # Units and origins change nothing but roundings; float16 and integers are other data.
    margin = 0.01 if group in ("scale", "offset") else 0.05
    how, wrong = outcome(model, RIGHT, FEATURES[group][features], y, right_score[name], margin=margin)
    cell(group, model, how)
    assert how == "right", wrong


def raw_sets(model):
    """Return scikit-learn's data sets as they were measured: in units, with offsets, some of them rare."""
    if is_regressor(model):
        return {"diabetes": load_diabetes(return_X_y=True, scaled=False), "linnerud": load_linnerud(return_X_y=True)}
    loaders = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer, "digits": load_digits}
    return {name: load(return_X_y=True) for name, load in loaders.items()}


@models
def test_real_raw_data_give_a_right_model(name, cell):
    model = MODELS[name][0]
    reference = LinearRegression() if is_regressor(model) else LogisticRegression(C=np.inf, max_iter=1000)
    wrongs = {}
    for data, (features, target) in raw_sets(model).items():
        best = make_pipeline(StandardScaler(), reference).fit(features, target).score(features, target)
        how, wrong = outcome(model, RIGHT, features, target, best)
        cell("real raw data", model, how)
        if how != "right":
            wrongs[data] = wrong
    assert not wrongs


@pytest.mark.parametrize("features", USABLE_FEATURES)
@models
def test_features_that_tell_little_give_no_garbage(name, features, cell):
    model, y = MODELS[name]
    how, wrong = outcome(model, USABLE, USABLE_FEATURES[features], y, None)
    cell("structure", model, how)
    assert how == "right", wrong


@pytest.mark.parametrize("rows", SUBSETS)
@models
def test_few_rows_give_no_garbage(name, rows, cell):
    model, y = MODELS[name]
    features, choose = SUBSETS[rows]
    how, wrong = outcome(model, USABLE, features, choose(y), None)
    cell("structure", model, how)
    assert how == "right", wrong


@regressors
def test_one_row_is_predicted_as_it_is(name, cell):
    model = fitted(MODELS[name][0], X[:1], Y[:1])
    cell("structure", model, "right")
    np.testing.assert_allclose(model.predict(X[:1]), Y[:1], rtol=0.05)


@pytest.mark.parametrize("value", [0.0, 1.0, -1e6, 1e-200])
@regressors
def test_a_constant_target_is_predicted_as_it_is(name, value, cell):
    model = fitted(MODELS[name][0], X, np.full(N_ROWS, value))
    cell("structure", model, "right")
    np.testing.assert_allclose(model.predict(X), value, rtol=0.15, atol=0 if value else 0.15)


@pytest.mark.parametrize("n_rows", [1, N_ROWS])
@classifiers
def test_one_class_is_refused_by_a_linear_model_and_always_predicted_by_a_network(name, n_rows, cell):
    model, y = MODELS[name]
    labels = np.full(n_rows, y[0])
    if hasattr(model, "C"):
        how, wrong = outcome(model, "one class", X[:n_rows], labels, None)
        assert how == "clear error", wrong
    else:
        how = "right"
        np.testing.assert_array_equal(fitted(model, X[:n_rows], labels).predict(X), y[0])
    cell("structure", model, how)


@classifiers
def test_one_class_by_a_weight_of_zero_is_always_predicted(name, cell):
    labels = np.arange(N_ROWS) == 0
    model = fitted(MODELS[name][0], X, labels, sample_weight=1.0 * ~labels)
    cell("weights", model, "right")
    assert not model.predict(X).any()


@classifiers
def test_a_hundred_classes_give_no_garbage(name, cell):
    model = MODELS[name][0]
    how, wrong = outcome(model, USABLE, X, np.arange(N_ROWS) % 100, None)
    cell("structure", model, how)
    assert how == "right", wrong


@classifiers
def test_a_class_of_one_row_is_no_obstacle(name, right_score, cell):
    model, y = MODELS[name]
    y = y.copy()
    y[np.argmax(X[:, 0])] = 7
    how, wrong = outcome(model, RIGHT, X, y, right_score[name])
    cell("structure", model, how)
    assert how == "right", wrong


@classifiers
def test_separable_classes_are_separated(name, cell):
    model = MODELS[name][0]
    how, wrong = outcome(model, RIGHT, X, (X[:, 0] > 0).astype(int), 1.0)
    cell("structure", model, how)
    assert how == "right", wrong


@pytest.mark.parametrize("features", REFUSED_FEATURES)
@models
def test_invalid_features_are_refused(name, features, cell):
    model, y = MODELS[name]
    how, wrong = outcome(model, REFUSED_FEATURES[features][1], REFUSED_FEATURES[features][0], y, None)
    cell("invalid data", model, how)
    assert how == "clear error", wrong


@pytest.mark.parametrize("target", REFUSED_TARGETS)
@models
def test_invalid_targets_are_refused(name, target, cell):
    model, y = MODELS[name]
    if target == "dates" and isinstance(model, AdaptiveLRMLPClassifier):
        pytest.skip("dates are labels, and networks fit a single one, as scikit-learn's do")
    make, pattern = REFUSED_TARGETS[target]
    how, wrong = outcome(model, pattern, X, make(y), None)
    cell("invalid data", model, how)
    assert how == "clear error", wrong


@pytest.mark.parametrize("labels", REFUSED_LABELS)
@classifiers
def test_invalid_labels_are_refused(name, labels, cell):
    model = MODELS[name][0]
    target, pattern = REFUSED_LABELS[labels]
    how, wrong = outcome(model, pattern, X, target, None)
    cell("labels", model, how)
    assert how == "clear error", wrong


@pytest.mark.one_in(2)
@pytest.mark.parametrize("labels", LABELS)
@classifiers
def test_labels_of_any_kind_give_a_right_model(name, labels, right_score, cell):
    model, y = MODELS[name]
    expected = Warns("column-vector") if labels in WARNED_LABELS else RIGHT
    how, wrong = outcome(model, expected, X, LABELS[labels](y), right_score[name])
    cell("labels", model, how)
    assert how == ("warning" if labels in WARNED_LABELS else "right"), wrong


@classifiers
def test_a_matrix_of_labels_is_for_networks(name, cell):
    model = MODELS[name][0]
    labels = np.column_stack([BINARY, 1 - BINARY, X[:, 0] > 0]).astype(int)
    if "MLP" in name:
        how, wrong = outcome(model, RIGHT, X, labels, 0.9)
    else:
        how, wrong = outcome(model, "one label per sample", X, labels, None)
    cell("labels", model, how)
    assert how == ("right" if "MLP" in name else "clear error"), wrong


@pytest.mark.parametrize("target", TARGETS)
@regressors
def test_targets_of_any_unit_and_format_give_a_right_model(name, target, right_score, cell):
    y = TARGETS[target](Y)
    model = fitted(MODELS[name][0], X, y)
    cell("targets", model, "right")
    assert not_finite(model) is None
    # R2 of the prediction over the scale: the metric itself cannot square 1e-300.
    y = np.asarray(y, dtype=float).reshape(N_ROWS, -1)
    scale = np.abs(y).max(axis=0)
    residual = (y - model.predict(X).reshape(y.shape)) / scale
    score = 1 - (residual**2).mean(axis=0) / (y / scale).var(axis=0)
    assert score.min() >= right_score[name] - 0.01


@regressors
def test_words_are_no_target_of_a_regression(name, cell):
    how, wrong = outcome(MODELS[name][0], "convert", X, np.array(["no", "yes"])[BINARY], None)
    cell("targets", MODELS[name][0], how)
    assert how == "clear error", wrong


@pytest.mark.one_in(3)
@pytest.mark.parametrize("weight", WEIGHTS)
@models
def test_weights_of_any_unit_and_format_give_a_right_model(name, weight, right_score, cell):
    model, y = without_penalty(MODELS[name][0]), MODELS[name][1]
    how, wrong = outcome(model, RIGHT, X, y, right_score[name], sample_weight=WEIGHTS[weight])
    cell("weights", model, how)
    assert how == "right", wrong


@pytest.mark.parametrize("weight", REFUSED_WEIGHTS)
@models
def test_invalid_weights_are_refused(name, weight, cell):
    model, y = MODELS[name]
    value, pattern = REFUSED_WEIGHTS[weight]
    how, wrong = outcome(model, pattern, X, y, None, sample_weight=value)
    cell("weights", model, how)
    assert how == "clear error", wrong


@pytest.mark.parametrize("weight", CLASS_WEIGHTS)
@classifiers
def test_class_weights_are_right_or_refused(name, weight, right_score, cell):
    model, y = MODELS[name]
    value, expected = CLASS_WEIGHTS[weight]
    how, wrong = outcome(without_penalty(model, class_weight=value), expected, X, y, right_score[name])
    cell("weights", model, how)
    assert how == ("right" if expected is RIGHT else "clear error"), wrong


# Parameters

PARAMETERS = [
    (name, parameter)
    for name in ("linear", "linear literal", "logistic", "logistic nesterov", "MLP", "MLP regressor")
    for parameter in MODELS[name][0].get_params()
]


@pytest.mark.one_in(3)
@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_any_value_of_a_parameter_is_refused_by_its_name_or_gives_no_garbage(name, parameter, cell):
    model, y = MODELS[name]
    wrongs = {}
    for described, value in VALUES.items():
        model = clone(model).set_params(max_iter=20)
        model.set_params(**{parameter: value})
        how, wrong = outcome(model, rf"\b{parameter}\b", X[:100], y[:100], None)
        if wrong.startswith("accepted"):
            how, wrong = outcome(model, USABLE, X[:100], y[:100], None)
        cell("parameters", model, how)
        model = MODELS[name][0]
        if how == "wrong":
            wrongs[described] = wrong
    assert not wrongs


@pytest.mark.parametrize("rate", [1e-12, 1e-6, 1e-3, 1.0, 1e3, 1e8])
@pytest.mark.parametrize("name", ["linear sgd", "linear adam", "logistic nesterov", "MLP", "MLP sgd", "MLP regressor"])
def test_any_initial_rate_gives_a_right_model_in_the_automatic_mode(name, rate, right_score, cell):
    model, y = MODELS[name]
    model = fitted(clone(model).set_params(learning_rate_init=rate), X, y)
    cell("learning rate", model, "right")
    assert model.score(X, y) >= right_score[name] - 0.01

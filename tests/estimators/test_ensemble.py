"""The mean of networks that `ensemble` trains, one for each fold."""

import pickle
import warnings

import numpy as np
import pytest
import sklearn
from estimator_cases import CLASSIFIERS, MLP, fit, make, needs_callbacks, problem, run_check, same_state
from scipy.special import log_softmax, logit
from sklearn.base import clone
from sklearn.datasets import make_gaussian_quantiles
from sklearn.metrics import log_loss
from sklearn.utils.estimator_checks import parametrize_with_checks

from sk_adalr import AdaptiveLRMLPClassifier, AdaptiveLRMLPRegressor
from sk_adalr.callbacks import CSVLogger
from sk_adalr.checkpoint import Checkpoint

networks = pytest.mark.parametrize("cls", MLP.values(), ids=list(MLP))
LAYERS = {"no hidden layer": (), "one": (4,), "three": (5, 4, 3)}
AUTO = {"learning_rate": "auto", "early_stopping": "auto", "tol": 1e-4}


def ensemble(cls, **params):
    return make(cls, **{"ensemble": True} | AUTO | params)


def raw(model, X):
    """Return the raw prediction of a fitted model by the equations of a network with ReLU."""
    value = X
    for coef, intercept in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        value = np.maximum(value @ coef + intercept, 0)
    return value @ model.coefs_[-1] + model.intercepts_[-1]


@pytest.mark.parametrize("layers", LAYERS.values(), ids=list(LAYERS))
@pytest.mark.parametrize(("loss", "n_outputs"), [("squared_error", None), ("squared_error", 3), ("poisson", 2)])
def test_a_regression_predicts_the_mean_of_the_networks(layers, loss, n_outputs):
    X, y = problem(AdaptiveLRMLPRegressor)
    y = np.exp(y / 4) if n_outputs is None else np.exp(np.outer(y, np.arange(1, n_outputs + 1)) / 8)
    model = fit(ensemble(AdaptiveLRMLPRegressor, hidden_layer_sizes=layers, loss=loss), X, y)
    assert len(model.estimators_) == 5
    predictions = np.array([network.predict(X) for network in model.estimators_])
    # A loss with the logarithm as its link takes the mean of logarithms.
    mean = np.exp(np.log(predictions).mean(axis=0)) if loss == "poisson" else predictions.mean(axis=0)
    assert np.ptp(predictions, axis=0).min() > 0
    np.testing.assert_allclose(model.predict(X), mean, rtol=1e-10)


@pytest.mark.parametrize("layers", LAYERS.values(), ids=list(LAYERS))
@pytest.mark.parametrize("n_classes", [2, 4])
def test_a_classifier_predicts_by_the_mean_of_log_odds(layers, n_classes):
    X, y = problem(AdaptiveLRMLPClassifier, n_rows=120, n_classes=n_classes)
    labels = np.array(["a", "b", "c", "d"])[y]
    model = fit(ensemble(AdaptiveLRMLPClassifier, hidden_layer_sizes=layers), X, labels)
    logs = np.mean([network.predict_log_proba(X) for network in model.estimators_], axis=0)
    np.testing.assert_allclose(model.predict_log_proba(X), log_softmax(logs, axis=1), rtol=1e-8, atol=1e-10)
    assert set(model.predict(X)) <= set(labels)


def test_labels_that_occur_together_have_the_mean_of_log_odds(rng):
    X = rng.standard_normal((80, 4))
    y = (X[:, :3] > 0).astype(int)
    model = fit(ensemble(AdaptiveLRMLPClassifier), X, y)
    odds = np.mean([logit(network.predict_proba(X)) for network in model.estimators_], axis=0)
    np.testing.assert_allclose(logit(model.predict_proba(X)), odds, rtol=1e-8)


@networks
@pytest.mark.parametrize("layers", LAYERS.values(), ids=list(LAYERS))
def test_the_layers_are_those_of_one_network_that_predicts_the_same(cls, layers):
    X, y = problem(cls, n_classes=3)
    model = fit(ensemble(cls, hidden_layer_sizes=layers), X, y)
    assert [coef.shape[1] for coef in model.coefs_[:-1]] == [5 * size for size in layers]
    of_one = raw(model, X)
    if cls in CLASSIFIERS.values():
        np.testing.assert_allclose(model.predict_log_proba(X), log_softmax(of_one, axis=1), rtol=1e-8, atol=1e-10)
    else:
        np.testing.assert_allclose(model.predict(X), of_one.ravel(), rtol=1e-10)


@networks
def test_each_network_is_judged_by_rows_of_its_own_that_others_train(cls):
    X, y = problem(cls, n_rows=63)
    judges = []

    def scorer(estimator, X, y):
        judges.append(X.tobytes())
        return estimator.score(X, y)

    fit(ensemble(cls, scoring=scorer), X, y)
    folds = [np.frombuffer(rows).reshape(-1, X.shape[1]) for rows in dict.fromkeys(judges)]
    assert sorted(map(len, folds)) == [12, 12, 13, 13, 13]
    np.testing.assert_array_equal(np.unique(np.vstack(folds), axis=0), np.unique(X, axis=0))


@networks
def test_a_network_never_trains_on_the_rows_that_judge_it(cls):
    """Each row has a column of its own: its coefficients stay where they began in the network that it judges."""
    n_rows = 40
    y = problem(cls, n_rows)[1]
    X = np.eye(n_rows)
    still = {"activation": "tanh", "max_iter": 1, "standardize": False, "alpha": 0.0}
    model = fit(ensemble(cls, learning_rate="constant", learning_rate_init=0.1, **still), X, y)
    seeds = [network.random_state for network in model.estimators_]
    unseen = []
    for network, seed in zip(model.estimators_, seeds, strict=True):
        elsewhere = {"learning_rate": "constant", "learning_rate_init": 1e-300, "early_stopping": False}
        start = fit(make(cls, random_state=seed, **still | elsewhere), X, y)
        unseen.append((network.coefs_[0] == start.coefs_[0]).all(axis=1))
    assert (np.sum(unseen, axis=0) == 1).all()
    assert {int(mask.sum()) for mask in unseen} == {8}


@networks
def test_the_loss_of_the_mean_is_at_most_the_mean_of_the_losses(cls):
    X, y = problem(cls, n_rows=120)
    model = fit(ensemble(cls, max_iter=40), X[:80], y[:80])
    each = [*model.estimators_, model]
    if cls in CLASSIFIERS.values():
        *losses, of_mean = [log_loss(y[80:], network.predict_proba(X[80:])) for network in each]
    else:
        *losses, of_mean = [np.mean((y[80:] - network.predict(X[80:])) ** 2) for network in each]
    assert of_mean < np.mean(losses)


def test_curved_classes_gain():
    X, y = make_gaussian_quantiles(n_samples=1500, n_features=8, n_classes=3, random_state=0)
    X, X_test, y, y_test = X[:900], X[900:], y[:900], y[900:]
    model = AdaptiveLRMLPClassifier(random_state=0, ensemble=True).fit(X, y)
    alone = AdaptiveLRMLPClassifier(random_state=0).fit(X, y)
    loss, loss_alone = (log_loss(y_test, one.predict_proba(X_test)) for one in (model, alone))
    assert loss < 0.9 * loss_alone


@networks
def test_the_same_seed_gives_the_same_networks_and_each_has_weights_of_its_own(cls):
    X, y = problem(cls)
    one, other = (fit(ensemble(cls), X, y) for _ in range(2))
    for name in ("coefs_", "intercepts_", "loss_", "n_iter_"):
        assert same_state(getattr(one, name), getattr(other, name))
    first = [network.coefs_[0] for network in one.estimators_]
    assert all((first[i] != first[j]).all() for i in range(5) for j in range(i))
    assert len({network.random_state for network in one.estimators_}) == 5


@networks
def test_a_weight_of_two_is_the_row_twice(cls):
    X, y = problem(cls, n_rows=40)
    weight = np.arange(40) % 3
    weighted = fit(ensemble(cls, batch_size=100), X, y, sample_weight=weight)
    repeated = fit(ensemble(cls, batch_size=100), X.repeat(weight, axis=0), y.repeat(weight))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-6)


@networks
@pytest.mark.parametrize("layers", LAYERS.values(), ids=list(LAYERS))
def test_single_precision_is_kept(cls, layers):
    X, y = problem(cls)
    model = fit(ensemble(cls, hidden_layer_sizes=layers), X.astype(np.float32), y)
    assert {array.dtype for array in (*model.coefs_, *model.intercepts_)} == {np.dtype(np.float32)}


@networks
def test_names_of_columns_are_known_to_every_network(cls):
    pandas = pytest.importorskip("pandas")
    X, y = problem(cls)
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = fit(ensemble(cls), frame, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for network in (model, *model.estimators_):
            network.predict(frame)
            assert list(network.feature_names_in_) == list("abcd")


@networks
def test_tensors_lead_to_tensors_of_every_network(cls):
    torch = pytest.importorskip("torch")
    X, y = problem(cls)
    expected = fit(ensemble(cls, hidden_layer_sizes=(5, 4, 3)), X, y).predict(X)
    with sklearn.config_context(array_api_dispatch=True):
        model = fit(ensemble(cls, hidden_layer_sizes=(5, 4, 3)), torch.asarray(X), torch.asarray(y))
        for network in (model, *model.estimators_):
            assert {type(coef) for coef in network.coefs_} == {torch.Tensor}
        np.testing.assert_array_equal(np.asarray(model.predict(torch.asarray(X))), expected)


@networks
def test_what_one_training_has_is_with_the_networks(cls):
    X, y = problem(cls)
    model = fit(ensemble(cls), X, y)
    for name in ("loss_curve_", "learning_rate_curve_", "validation_scores_", "best_epoch_", "best_loss_"):
        assert not hasattr(model, name)
        assert all(hasattr(network, name) for network in model.estimators_)
    assert model.n_iter_ == max(network.n_iter_ for network in model.estimators_)
    assert model.t_ == sum(network.t_ for network in model.estimators_)
    assert model.loss_ == pytest.approx(np.mean([network.loss_ for network in model.estimators_]))
    assert "5 networks" in model.stop_reason_


@networks
def test_a_fit_leaves_nothing_of_one_of_the_other_kind(cls):
    X, y = problem(cls)
    model = fit(ensemble(cls, hidden_layer_sizes=(5, 4, 3)), X, y)
    alone = fit(make(cls, **AUTO, hidden_layer_sizes=(5, 4, 3)), X, y)
    assert vars(fit(clone(model), X, y)).keys() == vars(model).keys()
    fit(model.set_params(ensemble=False), X, y)
    assert vars(model).keys() == vars(alone).keys()
    np.testing.assert_array_equal(model.predict(X), alone.predict(X))
    fit(model.set_params(ensemble=True), X, y)
    assert not hasattr(model, "loss_curve_")


@networks
def test_a_stream_after_an_ensemble_begins_anew(cls):
    X, y = problem(cls)
    classes = {"classes": np.unique(y)} if cls in CLASSIFIERS.values() else {}
    model = fit(ensemble(cls, hidden_layer_sizes=(5, 4, 3)), X, y).set_params(ensemble=False)
    model.partial_fit(X, y, **classes)
    fresh = make(cls, **AUTO, hidden_layer_sizes=(5, 4, 3)).partial_fit(X, y, **classes)
    np.testing.assert_array_equal(model.predict(X), fresh.predict(X))


@networks
def test_a_pickle_predicts_the_same(cls):
    X, y = problem(cls)
    model = fit(ensemble(cls, hidden_layer_sizes=(5, 4, 3)), X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


@networks
def test_its_networks_go_on_by_themselves(cls):
    X, y = problem(cls)
    model = fit(ensemble(cls), X, y)
    before = model.predict(X)
    for network in model.estimators_:
        network.partial_fit(X, y)
    np.testing.assert_array_equal(model.predict(X), before)


def test_ctrl_c_keeps_the_networks_so_far():
    X, y = problem(AdaptiveLRMLPRegressor)
    calls = []

    def scorer(estimator, X, y):
        calls.append(len(X))
        if len(calls) == 8:  # in the second network, which makes five epochs as the first one
            raise KeyboardInterrupt
        return estimator.score(X, y)

    with pytest.warns(UserWarning, match="interrupted"):
        model = fit(ensemble(AdaptiveLRMLPRegressor, scoring=scorer, tol=0), X, y)
    assert len(model.estimators_) == 2
    assert model.stop_reason_.startswith("Interrupted")
    mean = np.mean([network.predict(X) for network in model.estimators_], axis=0)
    np.testing.assert_allclose(model.predict(X), mean, rtol=1e-10)


@networks
@pytest.mark.parametrize(
    ("params", "data", "message"),
    [
        ({"early_stopping": False}, {}, "early_stopping"),
        ({"warm_start": True}, {}, "warm_start"),
        ({"ensemble": "yes"}, {}, "ensemble"),
        ({}, {"X_val": np.zeros((4, 4)), "y_val": np.arange(4) % 2}, "X_val"),
    ],
)
def test_what_needs_one_training_is_refused(cls, params, data, message):
    X, y = problem(cls)
    with pytest.raises((ValueError, TypeError), match=f"`{message}"):
        fit(ensemble(cls, **params), X, y, **data)


@networks
def test_a_stream_is_not_offered_and_the_error_says_what_to_do(cls):
    assert not hasattr(cls(ensemble=True), "partial_fit")
    with pytest.raises(AttributeError) as caught:
        cls(ensemble=True).partial_fit([[1.0]], [1.0])
    assert "estimators_" in f"{caught.value} {caught.value.__cause__}"


@networks
def test_few_rows_are_refused(cls):
    X, y = problem(cls)
    with pytest.raises(ValueError, match="10 different rows with a weight; got n_samples=9"):
        fit(ensemble(cls), X.repeat(2, axis=0)[:18], y.repeat(2)[:18])


@needs_callbacks
@networks
def test_a_checkpoint_is_refused_and_a_logger_sees_no_epoch(cls, tmp_path):
    X, y = problem(cls)
    with pytest.raises(ValueError, match="Checkpoint"):
        fit(ensemble(cls).set_callbacks(Checkpoint(tmp_path / "state")), X, y)
    fit(ensemble(cls).set_callbacks(CSVLogger(tmp_path / "log.csv")), X, y)
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 1


#: Of fewer rows than two for each fold.
FEW_ROWS = ("weights_shape", "weights_not_overwritten", "equivalence_on_dense", "equivalence_on_sparse", "one_label")


@pytest.mark.one_in(4)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([cls((10,), ensemble=True, max_iter=3, n_iter_no_change=1) for cls in MLP.values()])
def test_scikit_learn_s_checks(estimator, check):
    if any(name in check.func.__name__ for name in FEW_ROWS):
        pytest.skip("it has fewer rows than an ensemble needs")
    run_check(check, estimator)

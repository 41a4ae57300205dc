"""What users of the counterparts pass and read: accepted where it cannot matter, else answered with what to use."""

import inspect
import pickle
import re
import warnings

import numpy as np
import pytest
import sklearn
from estimator_cases import CLASSIFIERS, ESTIMATORS, LINEAR, MLP, fit, make, problem
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier, SGDRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sk_adalr import (
    AdaptiveLRLinearRegression,
    AdaptiveLRLogisticRegression,
    AdaptiveLRMLPClassifier,
    AdaptiveLRMLPRegressor,
)
from sk_adalr.estimators.name_hints import ARGUMENTS, PARAMETERS

estimators = pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
networks = pytest.mark.parametrize("cls", MLP.values(), ids=list(MLP))

COUNTERPARTS = {
    AdaptiveLRLinearRegression: [LinearRegression, Ridge, SGDRegressor],
    AdaptiveLRLogisticRegression: [LogisticRegression, SGDClassifier],
    AdaptiveLRMLPClassifier: [MLPClassifier],
    AdaptiveLRMLPRegressor: [MLPRegressor],
}
MISSING = [
    pytest.param(ours, name, id=f"{ours.__name__}-{name}")
    for ours, theirs in COUNTERPARTS.items()
    for name in sorted({name for cls in theirs for name in cls().get_params()} - set(ours().get_params()))
]


@pytest.fixture
def regression():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((80, 5))
    return X, X @ [1.0, -2.0, 0.0, 0.5, 3.0] + rng.standard_normal(80) + 7


@pytest.fixture
def classes(regression):
    X, y = regression
    return X, np.digitize(y, np.quantile(y, [0.3, 0.7]))


# Unknown names


def test_every_missing_parameter_is_one_that_somebody_asks_for():
    assert {"penalty", "power_t", "max_fun", "loss", "average", "eta0"} <= {case.values[1] for case in MISSING}


@pytest.mark.parametrize(("cls", "name"), MISSING)
def test_a_parameter_of_the_counterpart_is_there_or_answered_with_what_to_use(cls, name):
    answers = {**PARAMETERS, **cls._other_parameters}
    with pytest.raises(TypeError, match=f"{cls.__name__} has no parameter `{name}`. ") as caught:
        cls(**{name: 1})
    assert str(caught.value).endswith(answers[name])
    with pytest.raises(ValueError, match=f"Invalid parameter '{name}' for estimator ") as caught:
        cls().set_params(**{name: 1})
    assert str(caught.value).endswith(answers[name])


@estimators
def test_no_answer_is_about_a_parameter_that_exists(cls):
    assert not set(cls().get_params()) & {*PARAMETERS, *cls._other_parameters}


@estimators
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_no_answer_is_about_an_argument_that_every_method_has(cls, method):
    assert not (set(inspect.signature(getattr(cls, method)).parameters) - {"classes"}) & set(ARGUMENTS)


@estimators
def test_a_slip_of_the_pen_is_answered_with_the_name_that_was_meant(cls):
    with pytest.raises(TypeError, match=r"has no parameter `learning_rte`. Did you mean `learning_rate`\?"):
        cls(learning_rte="auto")
    with pytest.raises(ValueError, match=r"Did you mean `learning_rate`\?"):
        cls().set_params(learning_rte="auto")
    with pytest.raises(TypeError, match=r"fit has no argument `sample_wieght`. Did you mean `sample_weight`\?"):
        cls().fit(*problem(cls), sample_wieght=None)


@estimators
def test_a_name_like_no_other_is_answered_with_all_there_are(cls):
    with pytest.raises(TypeError, match=r"has no parameter `zzz`. Known names are .*`backend`, `batch_size`"):
        cls(zzz=1)
    with pytest.raises(
        TypeError, match=r"fit has no argument `zzz`. Known names are `X`, `X_val`, `groups`, `sample_weight`"
    ):
        cls().fit(*problem(cls), zzz=1)


@estimators
def test_a_nested_name_of_nothing_is_answered_too(cls):
    with pytest.raises(ValueError, match=r"Invalid parameter 'seed' for estimator .*Use `random_state`"):
        cls().set_params(seed__margin=1)


@pytest.mark.parametrize(
    "name",
    [
        "eval_set",
        "eval_metric",
        "eval_sample_weight",
        "sample_weight_eval_set",
        "coef_init",
        "intercept_init",
        "validation_data",
        "epochs",
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@estimators
def test_an_argument_of_other_libraries_is_answered_with_what_to_use(cls, method, name):
    model = make(cls)
    with pytest.raises(TypeError, match=rf"{cls.__name__}\.{method} has no argument `{name}`. ") as caught:
        getattr(model, method)(*problem(cls), **{name: 1})
    assert str(caught.value).endswith(ARGUMENTS[name])
    assert not hasattr(model, "n_features_in_")


@estimators
def test_the_validation_data_of_boosting_libraries_are_answered_with_calls_that_work(cls):
    X, y = problem(cls)
    for argument, answer in (("eval_set", "`X_val=..., y_val=...`"), ("eval_sample_weight", "`sample_weight_val`")):
        with pytest.raises(TypeError, match=re.escape(answer)):
            cls().fit(X, y, **{argument: [(X, y)]})
    with pytest.raises(TypeError, match=r"`scoring`"):
        cls(eval_metric="auc")
    model = make(cls, early_stopping=True, scoring="r2")
    assert len(fit(model, X, y, X_val=X, y_val=y, sample_weight_val=np.ones(len(y))).validation_scores_) == 5


@estimators
def test_answers_change_neither_signature_nor_clone_nor_pickle(cls):
    assert list(inspect.signature(cls).parameters) == [
        name for name in inspect.signature(cls.__init__).parameters if name != "self"
    ]
    assert "sample_weight" in inspect.signature(cls.fit).parameters
    model = make(cls)
    for copy in (clone(model), pickle.loads(pickle.dumps(model))):
        assert copy.get_params() == model.get_params()
    with sklearn.config_context(enable_metadata_routing=True):
        assert cls().set_fit_request(sample_weight=True, X_val=True).get_metadata_routing().fit.requests["X_val"]


def test_a_subclass_may_have_parameters_of_its_own():
    class Named(AdaptiveLRLinearRegression):
        def __init__(self, kind="mine", alpha=0.0):
            super().__init__(alpha)
            self.kind = kind

    assert clone(Named(kind="yours", alpha=2.0)).get_params() == {"kind": "yours", "alpha": 2.0}

    class Open(AdaptiveLRLinearRegression):
        def __init__(self, mine=1, **others):
            super().__init__(**others)
            self.mine = mine

    assert Open(mine=2, alpha=3.0).alpha == 3.0
    with pytest.raises(TypeError, match="kind"):
        Open(kind="mine")


# Accepted names


def test_the_strength_of_the_penalty_comes_first_as_in_ridge(regression):
    X, y = regression
    np.testing.assert_allclose(
        AdaptiveLRLinearRegression(2.0, tol=1e-9).fit(X, y).coef_, Ridge(2.0).fit(X, y).coef_, rtol=1e-7
    )


def test_the_penalty_comes_first_as_in_logistic_regression():
    assert AdaptiveLRLogisticRegression(None).penalty is None


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (AdaptiveLRLinearRegression, {"n_jobs": -1}),
        (AdaptiveLRLinearRegression, {"n_jobs": np.int64(2), "copy_X": False, "positive": False}),
        (AdaptiveLRLinearRegression, {"max_iter": None}),
        (AdaptiveLRLogisticRegression, {"max_iter": None, "n_jobs": 4}),
        (AdaptiveLRLogisticRegression, {"dual": False, "intercept_scaling": 1.0, "penalty": "l2"}),
        (AdaptiveLRLogisticRegression, {"penalty": "deprecated"}),
        (AdaptiveLRMLPClassifier, {"nesterovs_momentum": False}),
        (AdaptiveLRMLPRegressor, {"nesterovs_momentum": False}),
    ],
)
def test_what_cannot_matter_is_accepted_without_effect(cls, options):
    X, y = problem(cls)
    own = {"hidden_layer_sizes": (4,), "random_state": 0, "max_iter": 5, "tol": 0} if cls in MLP.values() else {}
    plain, accepted = fit(cls(**own), X, y), fit(cls(**own, **options), X, y)
    np.testing.assert_array_equal(plain.predict(X), accepted.predict(X))
    assert plain.loss_curve_ == accepted.loss_curve_


def test_features_are_never_overwritten(regression):
    X, y = regression
    before = X.copy()
    AdaptiveLRLinearRegression(copy_X=False).fit(X, y)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("cls", LINEAR.values(), ids=list(LINEAR))
@pytest.mark.parametrize("options", [{}, {"solver": "exact"}, {"solver": "adam", "early_stopping": True}], ids=str)
def test_no_number_of_iterations_is_the_default_one(cls, options):
    X, y = problem(cls)
    models = [fit(cls(max_iter=max_iter, random_state=0, **options), X, y) for max_iter in (None, cls().max_iter)]
    assert models[0].loss_curve_ == models[1].loss_curve_
    assert models[0].max_iter is None


@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_no_penalty_is_an_infinite_c(classes, storage):
    X, y = classes
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = AdaptiveLRLogisticRegression(penalty=None, tol=1e-9).fit(storage(X), y)
        other = AdaptiveLRLogisticRegression(C=np.inf, penalty=None, tol=1e-9).fit(storage(X), y)
    np.testing.assert_array_equal(one.coef_, other.coef_)
    np.testing.assert_array_equal(one.coef_, AdaptiveLRLogisticRegression(C=np.inf, tol=1e-9).fit(storage(X), y).coef_)
    assert np.abs(one.coef_).max() > 1.1 * np.abs(AdaptiveLRLogisticRegression().fit(storage(X), y).coef_).max()


def test_a_c_that_no_penalty_leaves_without_effect_is_told(classes):
    with pytest.warns(UserWarning, match=r"`penalty=None` means no penalty, so `C=0.1` has no effect"):
        AdaptiveLRLogisticRegression(penalty=None, C=0.1).fit(*classes)


def test_an_l1_penalty_is_answered_with_what_to_use():
    with pytest.raises(ValueError, match=r"`penalty` must be 'l2' or None; got 'l1'.*LogisticRegression\(l1_ratio=1"):
        AdaptiveLRLogisticRegression("l1").fit(*problem(AdaptiveLRLogisticRegression))


@pytest.mark.parametrize("cls", MLP.values(), ids=list(MLP))
def test_the_solver_says_which_momentum_it_is(cls):
    X, y = problem(cls)
    with pytest.raises(ValueError, match=r"contradicts `solver='nesterov'`.*`solver='momentum'`"):
        make(cls, solver="nesterov", nesterovs_momentum=False).fit(X, y)
    for solver in ("sgd", "momentum", "adam"):
        with_it, without = (
            fit(make(cls, solver=solver, nesterovs_momentum=value), X, y).loss_curve_ for value in (True, False)
        )
        assert with_it == without


# Names of solvers


@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("solver", ["cholesky", "svd", "lsqr", "sparse_cg", "sag", "saga", "lbfgs"])
def test_the_solvers_of_ridge_have_its_optimum(solver, storage, regression):
    X, y = regression
    model = AdaptiveLRLinearRegression(2.0, solver=solver, tol=1e-10).fit(storage(X), y)
    np.testing.assert_allclose(model.coef_, Ridge(2.0).fit(X, y).coef_, rtol=1e-6)
    assert model.solver_ in ("cholesky", "exact")


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "newton-cholesky", "sag", "saga", "liblinear"])
def test_the_solvers_of_logistic_regression_have_its_optimum(solver, classes):
    X, y = classes
    model = AdaptiveLRLogisticRegression(solver=solver, tol=1e-10).fit(X, y)
    peer = LogisticRegression(tol=1e-12, max_iter=10**4, solver="newton-cholesky").fit(X, y)
    np.testing.assert_allclose(model.coef_, peer.coef_, atol=1e-6)
    assert model.solver_ in ("newton", "exact")


@pytest.mark.parametrize(
    ("cls", "solver"), [(AdaptiveLRLinearRegression, "svd"), (AdaptiveLRLogisticRegression, "lbfgs")]
)
def test_a_name_of_the_exact_mode_refuses_what_the_exact_mode_refuses(cls, solver):
    X, y = problem(cls)
    with pytest.raises(ValueError, match="`early_stopping=True` needs a mini-batch solver"):
        cls(solver=solver, early_stopping=True).fit(X, y)
    with pytest.raises(ValueError, match=f"`solver='{solver}'` solves for its learning rates"):
        cls(solver=solver, learning_rate="constant").fit(X, y)
    with pytest.raises(ValueError, match=f"`solver='{solver}'` needs all rows at once. Use `solver='auto'`"):
        cls(solver=solver).partial_fit(X, y, **({"classes": [0, 1]} if cls in CLASSIFIERS.values() else {}))


@pytest.mark.parametrize(
    ("cls", "solver"), [(AdaptiveLRLinearRegression, "liblinear"), (AdaptiveLRLogisticRegression, "cholesky")]
)
def test_a_solver_of_another_estimator_is_refused(cls, solver):
    with pytest.raises(ValueError, match=f"`solver` must be one of .*; got '{solver}'"):
        cls(solver=solver).fit(*problem(cls))


# Fitted attributes


@pytest.mark.parametrize("options", [{}, {"solver": "exact"}, {"solver": "sgd"}], ids=str)
def test_the_number_of_iterations_of_logistic_regression_has_the_counterpart_s_shape(options, classes):
    peer = LogisticRegression(max_iter=1000).fit(*classes)
    model = fit(AdaptiveLRLogisticRegression(max_iter=30, **options), *classes)
    assert (model.n_iter_.shape, model.n_iter_.dtype) == (peer.n_iter_.shape, peer.n_iter_.dtype)
    assert model.n_iter_[0] == len(model.loss_curve_)
    model = AdaptiveLRLogisticRegression().partial_fit(*classes, classes=[0, 1, 2]).partial_fit(*classes)
    assert model.n_iter_.tolist() == [2]


@networks
def test_the_rows_seen_are_counted(cls):
    X, y = problem(cls)
    model = fit(make(cls, max_iter=3), X, y)
    assert model.t_ == 3 * 60
    assert model.partial_fit(X[:7], y[:7]).t_ == 3 * 60 + 7
    assert fit(model, X, y).t_ == 3 * 60
    assert fit(make(cls, max_iter=3, early_stopping=True), X, y).t_ == 3 * 54  # a tenth judges
    model.set_params(warm_start=True, max_iter=2)
    assert fit(model, X, y).t_ == 5 * 60


@networks
def test_the_best_loss_and_score_are_those_of_the_curves(cls):
    X, y = problem(cls)
    assert not hasattr(make(cls), "best_loss_")
    assert not hasattr(make(cls), "best_validation_score_")
    model = fit(make(cls, solver="sgd", learning_rate="constant", learning_rate_init=0.5, max_iter=20), X, y)
    assert model.best_loss_ == min(model.loss_curve_)
    assert model.best_validation_score_ is None
    model = fit(make(cls, early_stopping=True, max_iter=20), X, y)
    assert model.best_loss_ is None
    assert model.best_validation_score_ == max(model.validation_scores_)


@pytest.mark.parametrize("n_outputs", [1, 2, 3])
@pytest.mark.parametrize("cls", MLP.values(), ids=list(MLP))
def test_the_output_has_the_counterpart_s_activation(cls, n_outputs):
    X, y = problem(cls, n_classes=n_outputs + 1)
    targets = [y]
    if cls in CLASSIFIERS.values():
        targets.append(np.eye(n_outputs + 1, dtype=int)[y])
    for target in targets:
        (peer,) = COUNTERPARTS[cls]
        assert (
            fit(make(cls), X, target).out_activation_
            == fit(peer(hidden_layer_sizes=(2,), max_iter=1), X, target).out_activation_
        )


@networks
def test_infinite_patience_trains_for_all_epochs(cls):
    X, y = problem(cls)
    for early_stopping in (False, True):
        options = {"tol": 0.5, "max_iter": 30, "early_stopping": early_stopping}
        assert fit(make(cls, n_iter_no_change=np.inf, **options), X, y).n_iter_ == 30
        assert fit(make(cls, n_iter_no_change=2, **options), X, y).n_iter_ < 30


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_sparse_model_predicts_and_continues_as_the_dense_one(n_classes, storage, dtype):
    X, y = problem(AdaptiveLRLogisticRegression, n_classes=n_classes, raw_units=False)
    X = storage(X.astype(dtype))
    for options in ({}, {"solver": "adam", "max_iter": 3}):
        model = fit(AdaptiveLRLogisticRegression(**options, warm_start=True, random_state=0), X, y)
        dense = clone(model)
        fit(dense, X, y)
        assert model.sparsify() is model
        assert sparse.issparse(model.coef_)
        # the order of the sums
        np.testing.assert_allclose(
            model.decision_function(X), dense.decision_function(X), rtol=1e3 * np.finfo(dtype).eps, atol=1e-6
        )
        np.testing.assert_array_equal(model.predict(X), dense.predict(X))
        model = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(fit(clone(model), X, y).coef_, dense.coef_)
        np.testing.assert_allclose(fit(model, X, y).coef_, fit(dense, X, y).coef_, rtol=1e-5)
        model.sparsify().partial_fit(X, y)
        dense.partial_fit(X, y)
        np.testing.assert_allclose(model.coef_, dense.coef_, rtol=1e-5)
        assert isinstance(model.sparsify().densify().coef_, np.ndarray)
        assert isinstance(model.densify().coef_, np.ndarray)


def test_a_sparse_model_that_is_not_finite_is_refused():
    X, y = problem(AdaptiveLRLogisticRegression)
    model = AdaptiveLRLogisticRegression().fit(X, y).sparsify()
    model.coef_.data[0] = np.nan
    with pytest.raises(ValueError, match="are not finite"):
        model.predict(X)

import numpy as np
import pytest
from estimator_cases import CLASSIFIERS, MLP, REGRESSORS, SOLVERS, blocks, fit, make, problem
from scipy import sparse
from sklearn.utils.class_weight import compute_sample_weight

from sk_adalr import AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier

classifiers = pytest.mark.parametrize("cls", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
regressors = pytest.mark.parametrize("cls", REGRESSORS.values(), ids=list(REGRESSORS))

# In sorted order, as `classes_` is.
LABELS = {
    "strings": ["ham", "spam", "unknown"],
    "objects": np.array(["ham", "spam", "unknown"], dtype=object),
    "negative integers": [-5, 0, 7],
    "floats": [0.0, 1.0, 2.0],
    "bool": [False, True],
    "two strings": ["no", "yes"],
    "minus one and one": [-1, 1],
    "uint8": np.array([0, 1, 2], dtype=np.uint8),
    "large integers": [10**12, 10**12 + 1, 10**15],
}


@classifiers
@pytest.mark.parametrize("labels", LABELS.values(), ids=list(LABELS))
def test_labels_of_any_kind_train_the_same_model(cls, labels):
    labels = np.asarray(labels)
    X, y = problem(cls, n_classes=len(labels))
    plain, model = fit(make(cls), X, y), fit(make(cls), X, labels[y])
    np.testing.assert_array_equal(blocks(model), blocks(plain))
    np.testing.assert_array_equal(model.classes_, labels)
    np.testing.assert_array_equal(model.predict(X), labels[plain.predict(X)])
    assert model.predict(X).dtype == labels.dtype


@classifiers
def test_labels_in_a_list_and_in_a_column_are_labels(cls):
    X, y = problem(cls)
    expected = blocks(fit(make(cls), X, y))
    np.testing.assert_array_equal(blocks(fit(make(cls), X, y.tolist())), expected)
    with pytest.warns(UserWarning, match="column-vector"):
        np.testing.assert_array_equal(blocks(make(cls).fit(X, y[:, None])), expected)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, lambda y: y.astype(bool), lambda y: y.tolist()])
def test_label_matrices_of_any_kind_train_the_same_network(kind):
    X, y = problem(AdaptiveLRMLPClassifier, n_classes=3)
    labels = np.column_stack([y == 0, y > 0, X[:, 0] > 0]).astype(int)
    expected = fit(make(AdaptiveLRMLPClassifier), X, labels)
    if kind(labels).__class__ is list:
        model = fit(make(AdaptiveLRMLPClassifier), X, np.array(kind(labels)))
    else:
        model = fit(make(AdaptiveLRMLPClassifier), X, kind(labels))
    np.testing.assert_array_equal(blocks(model), blocks(expected))


def test_each_label_of_a_matrix_is_predicted_on_its_own():
    X, y = problem(AdaptiveLRMLPClassifier, n_rows=200, n_classes=3)
    labels = np.column_stack([y == 0, y > 0, y == 2]).astype(int)
    model = fit(make(AdaptiveLRMLPClassifier, max_iter=100, learning_rate_init=0.03), X, labels)
    assert model.predict(X).shape == model.predict_proba(X).shape == (200, 3)
    assert (model.predict(X) == labels).mean() > 0.9
    np.testing.assert_array_equal(model.predict(X), model.predict_proba(X) > 0.5)
    # the first two labels are complements, and nothing makes their probabilities sum to one but the data
    assert not np.allclose(model.predict_proba(X)[:, :2].sum(axis=1), 1, atol=1e-12)


def test_partial_fit_takes_label_matrices():
    X, y = problem(AdaptiveLRMLPClassifier, n_classes=3)
    labels = np.column_stack([y == 0, y > 0]).astype(int)
    model = make(AdaptiveLRMLPClassifier)
    for _ in range(3):
        model.partial_fit(X, labels, classes=[0, 1])
    assert model.predict(X).shape == labels.shape


def test_a_linear_classifier_refuses_label_matrices_and_says_what_takes_them():
    X, y = problem(AdaptiveLRLogisticRegression)
    with pytest.raises(ValueError, match=r"one label per sample.*AdaptiveLRMLPClassifier"):
        make(AdaptiveLRLogisticRegression).fit(X, np.column_stack([y, 1 - y]))


@regressors
def test_several_outputs_are_predicted_together(cls):
    X, y = problem(cls, n_rows=300)
    Y = np.column_stack([y, 1000 * X[:, 0] - 7, 1e-6 * y])
    model = fit(make(cls, max_iter=80, learning_rate_init=0.03), X, Y)
    assert model.predict(X).shape == Y.shape
    assert model.score(X, Y) > 0.85


@regressors
@pytest.mark.parametrize("dtype", [int, np.int8, bool, np.float32, object])
def test_numbers_of_any_kind_are_a_target(cls, dtype):
    X, y = problem(cls)
    y = np.round(np.clip(y, -100, 100)) if dtype is not bool else y > 0
    expected = fit(make(cls), X, y.astype(float))
    np.testing.assert_array_equal(blocks(fit(make(cls), X, y.astype(dtype))), blocks(expected))


@classifiers
@pytest.mark.parametrize("solver", SOLVERS.values(), ids=list(SOLVERS))
def test_class_weights_are_sample_weights(cls, solver):
    # In units of the data: those of training count sample weights, but not class weights.
    X, y = problem(cls, n_classes=3, raw_units=False)
    y = np.array(["a", "b", "c"])[y]
    solver = {**solver, "standardize": False}
    class_weight = {"a": 2.0, "b": 0.5, "c": 1.0}
    weighted = fit(make(cls, class_weight=class_weight, **solver), X, y)
    expected = fit(make(cls, **solver), X, y, sample_weight=compute_sample_weight(class_weight, y))
    np.testing.assert_allclose(blocks(weighted), blocks(expected), rtol=1e-12)


@classifiers
def test_balanced_class_weights_count_sample_weights(cls):
    X, y = problem(cls, raw_units=False)
    weight = np.where(y == 1, 3.0, 1.0)
    balanced = fit(make(cls, class_weight="balanced", standardize=False), X, y, sample_weight=weight)
    share = np.array([weight[y == k].sum() for k in (0, 1)]) / weight.sum()
    expected = fit(make(cls, standardize=False), X, y, sample_weight=weight / (2 * share[y]))
    np.testing.assert_allclose(blocks(balanced), blocks(expected), rtol=1e-10)  # rounding of five epochs


@pytest.mark.parametrize(
    ("absent", "present", "matrix"),
    [(-1, 1, np.asarray), (0, 2, np.asarray), (1, 2, np.asarray), (0, 1e9, np.asarray), (0, 2, sparse.csr_array)],
)
def test_a_label_matrix_of_other_numbers_than_0_and_1_is_refused(absent, present, matrix):
    """Their log loss has no minimum: a model of -1 and 1 would predict no label at all, with a loss below -100."""
    X = np.random.default_rng(0).normal(size=(50, 3))
    Y = matrix(np.where(X > 0, present, absent))
    message = r"label matrix must hold 0 and 1 only; got .*\(y > 0\)"
    with pytest.raises(ValueError, match=message):
        AdaptiveLRMLPClassifier().fit(X, Y)
    with pytest.raises(ValueError, match=message):
        AdaptiveLRMLPClassifier().partial_fit(X, Y, classes=range(3))


def test_class_weights_of_a_label_matrix_are_sample_weights():
    cls = AdaptiveLRMLPClassifier
    X, y = problem(cls, raw_units=False)
    labels = np.column_stack([y, X[:, 0] > 0]).astype(int)
    class_weight = [{0: 1, 1: 3}, {0: 2, 1: 1}]
    weighted = fit(make(cls, class_weight=class_weight, standardize=False), X, labels)
    expected = fit(make(cls, standardize=False), X, labels, sample_weight=compute_sample_weight(class_weight, labels))
    np.testing.assert_allclose(blocks(weighted), blocks(expected), rtol=1e-12)


@classifiers
@pytest.mark.parametrize("solver", SOLVERS.values(), ids=list(SOLVERS))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("light", [0, 1])
@pytest.mark.parametrize("weight", [1e-16, 1e-60, 1e-300])
def test_a_class_of_next_to_no_weight_is_never_predicted(cls, solver, dtype, light, weight):
    X, y = problem(cls)
    model = fit(make(cls, class_weight={light: weight}, **solver), X.astype(dtype), y)
    assert np.isfinite(model.predict_proba(X.astype(dtype))).all()
    if model.solver in ("auto", "exact") and cls is AdaptiveLRLogisticRegression:  # the others made few steps
        np.testing.assert_array_equal(model.predict(X.astype(dtype)), 1 - light)


def test_balanced_class_weights_of_a_label_matrix_count_sample_weights():
    X, y = problem(AdaptiveLRMLPClassifier, raw_units=False)
    labels = np.column_stack([y, X[:, 0] > 0]).astype(int)
    weight = np.random.RandomState(0).randint(1, 4, size=len(y))
    rows = np.repeat(np.arange(len(y)), weight)
    options = {"class_weight": "balanced", "standardize": False, "batch_size": 1000}
    weighted = fit(make(AdaptiveLRMLPClassifier, **options), X, labels, sample_weight=weight)
    repeated = fit(make(AdaptiveLRMLPClassifier, **options), X[rows], labels[rows])
    np.testing.assert_allclose(blocks(weighted), blocks(repeated), rtol=1e-9)  # rounding of five epochs


def test_a_stream_of_label_matrices_need_not_show_both_answers():
    X, y = problem(AdaptiveLRMLPClassifier)
    model = make(AdaptiveLRMLPClassifier, class_weight=[{0: 1, 1: 3}, {1: 2}])
    labels = np.column_stack([np.zeros_like(y), y])
    for _ in range(2):
        model.partial_fit(X, labels, classes=["first", "second"])
    np.testing.assert_array_equal(model.classes_, [0, 1])
    with pytest.raises(ValueError, match="must not change"):
        model.partial_fit(X, labels, classes=["first", "second", "third"])


@classifiers
def test_partial_fit_knows_classes_that_have_not_occurred_yet(cls):
    X, y = problem(cls, n_classes=3)
    model = make(cls, learning_rate_init=0.05)
    for _ in range(30):
        for k in range(3):
            rows = y != k
            model.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    assert model.predict_proba(X).shape == (60, 3)
    assert model.score(X, y) > 0.6


@pytest.mark.parametrize("cls", MLP.values(), ids=list(MLP))
def test_integers_and_floats_of_features_train_the_same_network(cls):
    X, y = problem(cls)
    X = np.round(X * 10)
    np.testing.assert_array_equal(blocks(fit(make(cls), X.astype(int), y)), blocks(fit(make(cls), X, y)))

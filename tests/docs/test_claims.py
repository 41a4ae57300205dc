"""Sentences of the documentation that can be wrong, computed."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier, minimize
from sk_adalr.objectives.test_functions import beale, rosenbrock

DOCS = Path(__file__).parents[2] / "docs"


def text_of(page):
    if not DOCS.exists():
        pytest.skip("the source distribution leaves the documentation out")
    return " ".join((DOCS / f"{page}.rst").read_text(encoding="utf-8").split())


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("load", "name"), [(load_wine, "wine"), (load_breast_cancer, "breast cancer")])
def test_a_scaler_raises_the_score_of_a_penalised_model_as_the_faq_says(load, name):
    said = re.search(rf"from (\d\.\d+) to (\d\.\d+) on {name}", text_of("faq"))
    X, y = load(return_X_y=True)
    for model in (AdaptiveLRLogisticRegression(), LogisticRegression()):
        raw, scaled = (cross_val_score(m, X, y).mean() for m in (model, make_pipeline(StandardScaler(), model)))
        # Two digits; scikit-learn's fit on raw columns stops before the optimum.
        assert raw == pytest.approx(float(said[1]), abs=0.011)
        assert scaled == pytest.approx(float(said[2]), abs=0.006)


@pytest.mark.parametrize("load", [load_wine, load_breast_cancer])
def test_standardised_units_of_the_penalty_do_what_a_scaler_does_as_the_faq_says(load):
    assert 'set ``penalty_units="standardized"``, which does what a scaler in front would do' in text_of("faq")
    X, y = load(return_X_y=True)
    model = AdaptiveLRLogisticRegression(penalty_units="standardized")
    scaled = make_pipeline(StandardScaler(), AdaptiveLRLogisticRegression())
    assert cross_val_score(model, X, y).mean() == pytest.approx(cross_val_score(scaled, X, y).mean(), abs=1e-12)


def test_without_a_penalty_a_scaler_changes_no_prediction():
    X, y = load_breast_cancer(return_X_y=True)
    y = (y + (np.random.RandomState(0).rand(len(y)) < 0.2)) % 2  # classes that cannot be separated
    model = AdaptiveLRLogisticRegression(C=np.inf, tol=1e-8)
    raw = model.fit(X, y).predict_proba(X)
    scaled = make_pipeline(StandardScaler(), model).fit(X, y).predict_proba(X)
    # Both ends are within tol**2 of the optimum; a probability moves by the root of that.
    np.testing.assert_allclose(raw, scaled, atol=1e-4)


@pytest.mark.parametrize(("function", "start"), [(beale, [1.0, 1.0]), (rosenbrock, [-1.2, 1.0])])
def test_minimize_has_not_finished_by_default_where_scipy_needs_less_than_fifty_evaluations(function, start):
    assert "not finished Beale's and Rosenbrock's function" in " ".join(minimize.__doc__.split())
    assert not minimize(function, start).success
    for method in ("BFGS", "L-BFGS-B"):
        result = scipy.optimize.minimize(function, start, jac=True, method=method)
        assert result.success
        assert result.nfev < 50


def test_the_networks_of_scikit_learn_have_no_rate_with_lbfgs():
    assert '``solver="lbfgs"`` has no rate' in text_of("comparison")
    X, y = load_iris(return_X_y=True)
    networks = [
        MLPClassifier((4,), solver="lbfgs", learning_rate_init=rate, max_iter=30, random_state=0)
        for rate in (1e-9, 10)
    ]
    with pytest.warns(match="iteration"):
        first, second = (network.fit(X, y).predict_proba(X) for network in networks)
    np.testing.assert_array_equal(first, second)


def test_skorch_fits_csr_integer_labels_and_float32():
    assert "CSR (made dense row by row); labels as integers; float32 only" in text_of("comparison")
    torch, skorch = pytest.importorskip("torch"), pytest.importorskip("skorch")

    class Softmax(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(5, 2)

        def forward(self, X):
            return torch.softmax(self.linear(X), dim=1)

    def fit(X, y):
        torch.manual_seed(0)
        return (
            skorch.NeuralNetClassifier(Softmax, max_epochs=3, verbose=0, train_split=None).fit(X, y).predict_proba(X)
        )

    X = np.random.RandomState(0).randn(60, 5).astype("float32")
    y = (X[:, 0] > 0).astype(int)
    np.testing.assert_allclose(fit(sparse.csr_matrix(X), y), fit(X, y), rtol=1e-5)
    with pytest.raises(TypeError):
        fit(X, np.array(["no", "yes"])[y])
    with pytest.raises(RuntimeError):
        fit(X.astype("float64"), y)


def test_two_epochs_of_many_columns_are_few_for_the_automatic_rule():
    table = (DOCS / "results" / "bench_epoch.txt").read_text(encoding="utf-8")
    rows = [row.split() for row in table.splitlines() if " automatic " in row and row.startswith("(")]
    assert rows
    for row in rows:  # loss of ours / of the other
        slash = len(row) - row[::-1].index("/") - 1
        assert float(row[slash - 1]) > float(row[slash + 1])
        assert row[-1] == "refused"


def test_the_page_of_benchmarks_says_where_each_set_comes_from(monkeypatch):
    benchmarks = DOCS.parent / "benchmarks"
    if not benchmarks.exists():
        pytest.skip("the source distribution leaves the benchmarks out")
    monkeypatch.syspath_prepend(benchmarks)
    tables = importlib.import_module("tables")
    page = text_of("benchmarks")
    sources = {table.source for table in (tables.TABLES | tables.FURTHER_TABLES).values()}
    public = sources - set(tables.BUNDLED) - set(tables.GENERATED)
    assert {"letter", "mnist_t10k", "california_raw"} < public
    for name in public:
        assert f"``{name}``" in page
    assert "bundled and generated data only" not in page


def test_fit_says_that_logistic_regression_takes_one_dimension_of_y():
    said = " ".join(AdaptiveLRLogisticRegression.fit.__doc__.split())
    assert "`AdaptiveLRLogisticRegression` takes one dimension only" in said
    X, y = load_iris(return_X_y=True)
    labels = np.column_stack([y == 0, y == 1]).astype(int)
    with pytest.raises(ValueError, match="one label per sample"):
        AdaptiveLRLogisticRegression().fit(X, labels)
    network = AdaptiveLRMLPClassifier((4,), max_iter=30, tol=0, early_stopping=False, random_state=0)
    assert network.fit(X, labels).predict(X).shape == labels.shape


@pytest.mark.parametrize("page", ["faq", "guide/streams", "choosing"])
def test_the_pages_on_streams_say_to_shuffle(page):
    assert re.search("[Ss]huffle", text_of(page))

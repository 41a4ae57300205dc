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


def test_a_gpu_takes_the_share_of_the_cpus_time_that_the_page_says():
    said = re.search(
        r"1024 with batches of 4096 takes (\d+) percent of the time that (\d+) CPU cores take; one of a layer of 100 "
        r"with batches of 256 takes (\d+) percent",
        text_of("backends"),
    )
    table = (DOCS / "results" / "bench_gpu.txt").read_text(encoding="utf-8")
    assert f"{said[2]} CPUs, all threads" in table
    ratio = r"{} +hypergradient +cupy +NumPy +(\S+) "
    assert 100 * float(re.search(ratio.format(r"MLP \(1024, 1024\) / 4096"), table)[1]) == pytest.approx(
        int(said[1]), abs=0.5
    )
    assert 100 * float(re.search(ratio.format(r"MLP \(100,\) / 256"), table)[1]) == pytest.approx(int(said[3]), abs=1)


def default_fits():
    """Return {side: {table: (loss, score, CPU seconds)}}, of regressions and of classifications."""
    text = (DOCS / "results" / "bench_networks_defaults.txt").read_text(encoding="utf-8")
    kinds = {}, {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 7 and cells[2].isdigit():
            table, side, _, loss, score, calibration, seconds = cells
            kind = kinds[calibration != ""]
            kind.setdefault(side, {})[table] = float(loss), float(score), float(seconds)
    return kinds


def compared(kind, one, other):
    """Return the percentages of losses and CPU times, and the difference of scores; with standard errors."""
    tables = kind[one].keys() & kind[other].keys()
    a, b = (np.array([kind[side][table] for table in tables]) for side in (one, other))
    log_ratios = np.log(np.maximum(a[:, 0], 1e-3) / np.maximum(b[:, 0], 1e-3))
    ratio, error = np.exp(log_ratios.mean()), log_ratios.std(ddof=1) / np.sqrt(len(tables))
    scores = a[:, 1] - b[:, 1]
    seconds = np.exp(np.log(a[:, 2] / b[:, 2]).mean())
    score_error = scores.std(ddof=1) / np.sqrt(len(tables))
    return 100 * (1 - ratio), 100 * ratio * error, scores.mean(), score_error, 100 * seconds


def test_default_networks_compare_with_tuned_peers_as_the_page_says():
    page = text_of("benchmarks")
    regression, classification = default_fits()
    tuned = [compared(kind, "ours", "MLP, best of 5 rates") for kind in (regression, classification)]
    said = re.search(
        r"the loss is (\d+) percent \((\d+)\) lower in regression and (\d+) percent \((\d+)\) in classification; "
        r"R2 is ([.\d]+) \(([.\d]+)\) higher, accuracy ([.\d]+) \(([.\d]+)\)",
        page,
    )
    losses = [number for kind in tuned for number in kind[:2]]
    np.testing.assert_allclose([*map(float, said.groups()[:4])], losses, atol=0.6)
    scores = [number for kind in tuned for number in kind[2:4]]
    np.testing.assert_allclose([*map(float, said.groups()[4:])], scores, atol=6e-4)
    said = re.search(
        r"Fits take (\d+) percent of their CPU time, and (\d+) percent; against scikit-learn's default rate (\d+) and "
        r"(\d+) percent",
        page,
    )
    default = [compared(kind, "ours", "MLP, default") for kind in (regression, classification)]
    np.testing.assert_allclose([*map(float, said.groups())], [kind[4] for kind in tuned + default], atol=1)


@pytest.mark.parametrize("page", ["docs/index.rst", "README.md"])
def test_one_default_fit_is_as_good_as_a_grid_search_as_the_first_pages_say(page):
    text = " ".join((DOCS.parent / page).read_text(encoding="utf-8").split())
    said = re.search(
        r"[Oo]n (\d+) tables, one default fit scores on average as well as scikit-learn's network after a grid "
        r"search over five learning rates, in (\d+) percent of the CPU time",
        text,
    )
    kinds = default_fits()
    assert sum(len(kind["ours"]) for kind in kinds) == int(said[1])
    for kind in kinds:
        _, _, difference, _, percent = compared(kind, "ours", "MLP, best of 5 rates")
        assert difference >= 0
        assert percent <= int(said[2])


def test_ensembles_compare_with_single_networks_as_the_page_says():
    page = text_of("benchmarks")
    said = re.search(
        r"the log loss is another (\d+) percent \((\d+)\) lower, and the error of regressions (\d+) percent "
        r"\(([.\d]+)\); fits take ([.\d]+) to ([.\d]+) times as long",
        page,
    )
    ours = [compared(kind, "ours, ensemble=True", "ours") for kind in reversed(default_fits())]
    np.testing.assert_allclose([*map(float, said.groups()[:4])], [n for kind in ours for n in kind[:2]], atol=0.6)
    times = sorted(kind[4] / 100 for kind in ours)
    assert float(said[5]) <= times[0] + 0.1
    assert times[1] <= float(said[6])


def test_networks_compare_with_logistic_regression_as_the_page_says():
    said = re.search(
        r"within (\d+) percent of that of logistic regression; on the few rows of wine and breast cancer it is "
        r"(\d+) and (\d+) percent above",
        text_of("benchmarks"),
    )
    _, classification = default_fits()
    ours, linear = classification["ours"], classification["linear model, scaled"]
    excess = {table: 100 * (ours[table][0] / linear[table][0] - 1) for table in ours}
    assert 0 < excess["a9a 16281"] < excess["a9a"] < int(said[1])
    assert sorted(excess, key=excess.get)[-4:] == ["a9a 16281", "a9a", "breast cancer", "wine"]
    assert excess["wine"] == pytest.approx(int(said[2]), abs=0.6)
    assert excess["breast cancer"] == pytest.approx(int(said[3]), abs=0.6)
    for table in ("a9a", "a9a 16281"):
        assert linear[table][2] < 0.25 * ours[table][2]


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

"""The page of mathematics has every equation and figure of the paper, and names code that exists."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from sklearn.neural_network import MLPRegressor

from sk_adalr import AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier, AdaptiveLRMLPRegressor

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "mathematics.rst"
EQUATIONS = (
    "weight_update",
    "learning_rate_update",
    "dLdeta",
    "dwdeta",
    "dLdeta_2",
    "learning_rate_update_2",
    "weight_update_2",
    "dLdeta_global",
    "dLdeta_global_2",
    "learning_rate_update_global",
    "weight_update_global",
)
FIGURES = {
    "gd_gd": "plot_beale_paths",
    "gd_gdm": "plot_beale_paths",
    "gd_adam": "plot_beale_paths",
    "loss_beale": "plot_beale_loss",
    "loss_rosenbrock": "plot_rosenbrock_loss",
    "linear regression": "plot_linear_regression",
    "logistic regression": "plot_logistic_regression",
    "multilayer fully connected networks": "plot_mlp",
}

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the source distribution leaves the documentation out")


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("equation", EQUATIONS)
def test_every_equation_of_the_paper_is_named(page, equation):
    assert f"``{equation}``" in page


@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_of_the_paper_has_its_page(page, figure):
    table = page[page.index("The paper's figures") : page.index("Exact\n-----")]
    rows = re.split(r"^   \* - ", table, flags=re.MULTILINE)
    (row,) = [
        row
        for row in rows
        if figure in row.split("\n     - ")[0].replace("``", " ").replace(",", " ").split(":")[0]
        and re.search(rf"(^|\W){figure}(\W|$)", row)
    ]
    assert f"sphx_glr_auto_examples_paper_{FIGURES[figure]}.py" in row


def test_all_code_that_is_named_exists(page):
    named = re.findall(
        r"``(\w+(?:\.\w+)?)``(?: or ``(\w+\.\w+)``)?(?: and ``(\w+\.\w+)``)?\s+in\s+``([\w/]+\.py)``", page
    )
    assert len(named) > 15
    for *names, path in named:
        source = (ROOT / "sk_adalr" / path).read_text(encoding="utf-8")
        for name in filter(None, names):
            for part in name.split("."):
                assert re.search(rf"^\s*(def|class) {part}\b", source, re.MULTILINE), f"{name} in {path}"


def test_no_letter_has_two_meanings(page):
    table = page[page.index("Notation\n") : page.index("One step\n")]
    defined = re.findall(r"^   \* - (:math:.*)$", table, re.MULTILINE)
    letters = [
        re.sub(r"_\{?[\w,]+\}?", "", letter) for row in defined for letter in re.findall(r":math:`([^`]+)`", row)
    ]
    letters = [part.strip() for letter in letters for part in letter.split(",")]
    later = page[page.index("Exact\n-----") :]
    tables = page[page.index("Automatic\n") : page.index("Standardised units\n")]
    automatic = re.findall(r"^   \* - :math:`([^`]+)`$", tables, re.MULTILINE)
    for letter in (re.sub(r"_\w", "", letter) for letter in automatic):
        assert letter == "d" or letter not in letters, letter
    assert "m_t" not in later
    assert r"\mu" not in later
    assert r"\alpha" not in re.sub(r"of size :math:`\\alpha`", "", later)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(1, 2, size=(120, 4))
    return X, (X @ [1.0, -1.0, 0.5, 0.0] + rng.normal(size=120) > 1).astype(int)


PLAIN = {"standardize": False, "shuffle": False, "tol": 0, "batch_size": 50, "random_state": 0}


@pytest.mark.parametrize(
    ("solver", "kappa"), [("adam", 0.9), ("sgd", 0.9), ("momentum", 0.7), ("nesterov", 0.7)], ids=str
)
def test_the_equations_of_the_automatic_mode_are_what_is_computed(rows, solver, kappa):
    X, labels = rows
    A = np.column_stack([X, np.ones(len(X))])
    batches = np.split(np.arange(120), [40, 80]) * 4  # of at most 50 rows, and even
    first = A[:40].T @ (0.5 - labels[:40]) / 40  # where all coefficients are zero
    size = np.abs(first) if solver == "adam" else np.sqrt(np.mean(first**2))
    step = first / (size + 1e-5)
    change = np.abs(A[:40] @ step).mean() / ((step**2).sum() / np.abs(step).sum())
    rate = 1 / (2 * 1 * change) * np.sqrt(50 / 200)
    x, z, mean_square = np.zeros(5), np.zeros(5), 0.0
    for t, batch in enumerate(batches):
        y = (1 - kappa) * z + kappa * x
        gradient = A[batch].T @ (expit(A[batch] @ y) - labels[batch]) / len(batch)
        mean_square = 0.99 * mean_square + 0.01 * (gradient**2 if solver == "adam" else np.mean(gradient**2))
        z = z - rate * gradient / (np.sqrt(mean_square / (1 - 0.99 ** (t + 1))) + 1e-5)
        x = x + 2 / (t + 2) * (z - x)
    model = AdaptiveLRLogisticRegression(C=np.inf, solver=solver, momentum=0.7, max_iter=4, **PLAIN).fit(X, labels)
    np.testing.assert_allclose([*model.coef_[0], model.intercept_[0]], x, rtol=1e-9)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("unit", [1.0, 1e4])
def test_the_rates_of_layers_follow_from_the_first_step(rows, weighted, unit):
    X, y = unit * rows[0], rows[0] @ [30.0, 0.0, -10.0, 5.0]
    weight = np.random.default_rng(1).uniform(size=120) if weighted else np.ones(120)
    start = MLPRegressor(
        hidden_layer_sizes=(6, 3), solver="sgd", learning_rate_init=1e-300, max_iter=1, random_state=0
    ).partial_fit(X, y)
    coefs, intercepts = ([*layers[:-1], 0.3 * layers[-1]] for layers in (start.coefs_, start.intercepts_))
    of_batch = weight[:40] / weight[:40].sum()
    inputs = [X[:40]]
    for coef, intercept in zip(coefs, intercepts, strict=True):
        raw = inputs[-1] @ coef + intercept
        inputs.append(np.maximum(raw, 0))
    delta = of_batch[:, None] * (raw - y[:40, None])
    changes = []
    for layer in (2, 1, 0):
        gradients = inputs[layer].T @ delta, delta.sum(axis=0)
        steps = [gradient / (np.abs(gradient) + 1e-5) for gradient in gradients]
        entries = np.abs(np.concatenate([step.ravel() for step in steps]))
        moved = np.abs(inputs[layer] @ steps[0] + steps[1]).mean(axis=1) @ of_batch
        changes.insert(0, moved / ((entries**2).sum() / entries.sum()))
        delta = delta @ coefs[layer].T * (inputs[layer] > 0)
    expected = 1 / (2 * 3 * np.array(changes)) * np.sqrt(50 / 200)
    variance = np.average(y[:40] ** 2, weights=of_batch) - np.average(y[:40], weights=of_batch) ** 2
    sizes = np.sqrt(variance), np.average(np.abs(raw[:, 0]), weights=of_batch)
    assert np.argmax(sizes) == (unit > 1)
    expected[-1] *= max(sizes)
    model = AdaptiveLRMLPRegressor((6, 3), max_iter=1, early_stopping=False, alpha=0, **PLAIN)
    model.fit(X, y, sample_weight=weight if weighted else None)
    np.testing.assert_allclose(model.layer_learning_rate_curve_[0], np.repeat(expected[:, None], 3, axis=1))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("options", [{"early_stopping": True}, {"tol": 1e-4}], ids=["held out", "folds"])
def test_the_rates_stay_where_they_are(rows, options):
    rates = AdaptiveLRMLPClassifier((4,), max_iter=5, **PLAIN | options).fit(*rows).learning_rate_curve_
    assert len(rates) > 1
    np.testing.assert_array_equal(rates, rates[:1].repeat(len(rates), axis=0))


def test_the_page_has_the_numbers_of_the_rule(page):
    section = page[page.index("Automatic\n-----") : page.index("Standardised units\n-----")]
    for number in (
        "0.9,",
        r"\beta_2 = 0.99",
        r"\epsilon = 10^{-5}",
        r"\frac{n}{200}",
        r"\frac{2}{t + 2}",
        "at 0.3 times",
    ):
        assert number in section

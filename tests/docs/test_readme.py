"""The README's first example prints what the README says, and the text below it is true."""

import re
import warnings
from pathlib import Path

import pytest
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from sk_adalr import AdaptiveLRLogisticRegression

README = Path(__file__).parents[2] / "README.md"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def table():
    """Accuracy on raw and on scaled columns by model, as the README prints it."""
    row = re.compile(r"^(\w+) +raw columns (\S+) +behind a scaler (\S+)$", re.MULTILINE)
    return {name: (float(raw), float(scaled)) for name, raw, scaled in row.findall(blocks("text")[0])}


@pytest.mark.long
def test_the_first_example_prints_the_table_below_it(capsys, table):
    with warnings.catch_warnings():
        exec(compile(blocks("python")[0], "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(table) == 5
    for line in printed:
        name, *_ = line.split()
        raw, scaled = map(float, re.findall(r"\d\.\d\d", line))
        # Rounding to two digits, on another BLAS.
        assert (raw, scaled) == pytest.approx(table[name], abs=0.011)


def test_the_network_does_without_a_scaler_and_the_others_do_as_well_with_one(table):
    raw, scaled = table["AdaptiveLRMLPClassifier"]
    assert abs(raw - scaled) <= 0.01
    for name in ("MLPClassifier", "SGDClassifier"):
        assert table[name][0] < raw - 0.02
        assert abs(table[name][1] - raw) <= 0.015


def test_a_penalised_linear_model_gains_from_a_scaler_as_its_counterpart(table):
    ours, theirs = table["AdaptiveLRLogisticRegression"], table["LogisticRegression"]
    assert ours[1] - ours[0] > 0.01
    assert theirs[1] - theirs[0] > 0.01


def test_on_raw_columns_our_logistic_regression_converges_and_its_counterpart_stops_early():
    X, y = load_wine(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AdaptiveLRLogisticRegression().fit(X, y)
    with pytest.warns(ConvergenceWarning):
        LogisticRegression().fit(X, y)

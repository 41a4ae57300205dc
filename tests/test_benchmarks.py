"""The scripts of `benchmarks/` run, and compare what they say they compare."""

import importlib
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from sk_adalr import AdaptiveLRMLPRegressor

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"

pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="the source distribution leaves the benchmarks out")


@pytest.fixture
def module(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


@pytest.fixture
def harness(module):
    return module("harness")


def printed_rows(text):
    """Return the rows of a table, from below its header to the next empty line."""
    return text.strip().split("\n\n")[1].splitlines()[1:]


def measured(harness, seconds, loss):
    return harness.Measured(np.array(seconds), loss=loss)


def test_ratio_is_the_median_over_rounds_of_the_ratios_of_a_round(harness, capsys):
    ours, other = measured(harness, [1.0, 2.0, 9.0], 0.5), measured(harness, [2.0, 8.0, 9.0], 0.5)
    harness.Table(tolerance=0.01).row("case", ("ours", ours), "numpy", ("other", other), goal=0.5)
    (row,) = printed_rows(capsys.readouterr().out)
    assert "0.500 [0.375, 0.750]" in row
    assert row.endswith("met")


@pytest.mark.parametrize(("loss", "refused"), [(1.0, False), (1.009, False), (1.02, True), (np.nan, True)])
def test_time_is_not_compared_where_our_loss_is_higher(harness, capsys, loss, refused):
    ours, other = measured(harness, [1.0], loss), measured(harness, [1.0], 1.0)
    harness.Table(tolerance=0.01).row("case", ("ours", ours), "numpy", ("other", other))
    (row,) = printed_rows(capsys.readouterr().out)
    assert ("refused" in row) == refused
    assert ("1.000 [1.000, 1.000]" in row) != refused


def test_every_round_runs_every_side_once_and_reverses_the_order(harness):
    order = []
    sides = {name: lambda name=name: order.append(name) for name in "ab"}
    result = harness.measure(sides, 2)
    assert order == ["a", "b", "a", "b", "b", "a"]
    assert {name: len(side.seconds) for name, side in result.items()} == {"a": 2, "b": 2}


def run_benchmark(name, *options):
    path = os.pathsep.join([str(BENCHMARKS.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(BENCHMARKS / f"bench_{name}.py"), *options]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False)


@pytest.mark.skipif(find_spec("cupy") is not None, reason="CuPy is installed, and may find a device")
def test_the_benchmark_of_a_gpu_says_what_it_needs():
    done = run_benchmark("gpu")
    assert done.returncode == 1
    assert "Nothing was measured" in done.stderr
    assert "sk-adalr[cuda12]" in done.stderr


@pytest.mark.long
def test_a_quick_run_on_a_cluster_counts_what_travels():
    pytest.importorskip("distributed")
    done = run_benchmark("dask", "--quick")
    assert done.returncode == 0, done.stderr
    iterations, trips, tasks = map(
        int, re.search(r"(\d+) iter.* (\d+) round trips of (\d+) tasks", done.stdout).groups()
    )
    assert trips <= 2 * iterations + 4
    assert tasks == 2
    difference = float(re.search(r"from those in memory by (\S+) of the largest", done.stdout)[1])
    assert difference <= 1e-9
    assert re.search(r"ours, dask +\S+ +\d\.\de[+-]\d\d", done.stdout)


@pytest.mark.long
@pytest.mark.parametrize(
    "options", ["epoch", "step", "fullbatch", "midsize", "sparse", "search", "streams", "gpu --cpu"]
)
def test_quick_run_of_a_benchmark_prints_a_table(options):
    done = run_benchmark(*options.split(), "--quick")
    assert done.returncode == 0, done.stderr
    rows = printed_rows(done.stdout)
    assert rows
    assert all(re.search(r"\d\.\d{3} \[-?\d+\.\d{3}, -?\d+\.\d{3}\]|refused", row) for row in rows)
    assert not all("refused" in row for row in rows)


def outcomes(text):
    """Return what a table of tools says, by tool: of our linear model, scikit-learn's, our network, scikit-learn's."""
    rows = [line.rsplit(maxsplit=4) for line in text.split("\n\n")[0].splitlines()[1:]]
    return {row[0].rpartition(" ")[0]: row[1:] for row in rows}


def are_no_worse(table):
    return all(ours == "works" or theirs != "works" for row in table.values() for ours, theirs in (row[:2], row[2:]))


def run_tools(*names):
    path = os.pathsep.join([str(BENCHMARKS.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-W", "ignore", str(BENCHMARKS / "tools.py"), *names]
    env = os.environ | {"PYTHONPATH": path, "SCIPY_ARRAY_API": "1"}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_the_table_of_tools_has_an_outcome_for_each_that_is_installed():
    done = run_tools("joblib", "pandas", "polars")
    assert done.returncode == 0, done.stdout
    assert outcomes(done.stdout) == {name: ["works"] * 4 for name in ("joblib", "pandas", "polars")}
    assert done.stdout.endswith("Not installed: none\n")


@pytest.mark.long
def test_tools_that_work_with_scikit_learn_work_with_ours():
    done = run_tools()
    assert done.returncode == 0, done.stdout
    assert are_no_worse(outcomes(done.stdout))


def test_the_table_in_the_documentation_is_of_all_tools_and_says_what_the_page_says(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    table = outcomes((BENCHMARKS.parent / "docs" / "results" / "tools.txt").read_text(encoding="utf-8"))
    assert set(table) == set(importlib.import_module("tools").TOOLS)
    assert are_no_worse(table)
    assert not are_no_worse({"a": ["works", "works", "ValueError", "works"]})


@pytest.mark.long
def test_quick_run_of_the_benchmark_of_penalties_compares_all_sides_and_sums_up():
    done = run_benchmark("penalty", "--quick")
    assert done.returncode == 0, done.stderr
    rows = printed_rows(done.stdout)
    assert len(rows) == 10
    assert (
        sum(re.search(r" [-+]\d\.\d{4} \(\d\.\d{4}\) +-?\d\.\d{4} +\d+\.\d{3}$", row) is not None for row in rows) == 8
    )
    assert "Over the sets of a kind" in done.stdout


def test_calibration_error_is_the_mean_gap_of_the_bins_weighted_by_their_rows(module):
    confidence, is_right = np.array([0.95, 0.95, 0.95, 0.95, 0.55]), np.array([1, 1, 1, 0, 1])
    expected = (4 * abs(0.75 - 0.95) + 1 * abs(1 - 0.55)) / 5
    assert module("fits").calibration_error(confidence, is_right) == pytest.approx(expected)


def test_linear_decay_ends_at_zero_after_its_steps(module):
    state, decay = {"rates": np.zeros(1)}, module("fits").LinearDecay(0.5, n_steps=10)
    rates = []
    for step in (1, 6, 11):
        decay.update(state, None, None, step, None, scratch=None)
        rates.append(float(state["rates"][0]))
    assert rates == [0.5, 0.25, 0.0]


def rows_of_losses(losses):
    return {key: {"loss": loss, "score": 1 - loss, "seconds": 1.0} for key, loss in losses.items()}


def test_loss_ratio_is_a_geometric_mean_over_seeds_and_then_tables(module):
    ours = rows_of_losses({("a", 0): 0.2, ("a", 1): 0.8, ("b", 0): 0.1})
    theirs = rows_of_losses({("a", 0): 0.4, ("a", 1): 0.4, ("b", 0): 0.4})
    comparison = module("bench_networks").Comparison(ours, theirs)
    np.testing.assert_allclose(np.exp(comparison.log_ratios), [1.0, 0.25])
    assert comparison.wins_and_losses() == (1, 0)
    # Of the logarithms 0 and -log(4): half of their distance is the standard error of their mean.
    assert comparison.columns().startswith(f"2 | 3 | 0.500 ({0.5 * np.log(4) / 2:.3f}) | 1-0 | ")


def test_best_single_schedule_is_one_for_all_tables(module):
    networks = module("bench_networks")
    losses = {0.01: (0.1, 0.9), 0.03: (0.4, 0.4), 0.1: (0.9, 0.2)}  # each of the others wins one table
    sides = {
        (networks.SCHEDULE, "adam", rate, 30): rows_of_losses({("a", 0): a, ("b", 0): b})
        for rate, (a, b) in losses.items()
    }
    sides[networks.OURS,] = rows_of_losses({("a", 0): 0.5, ("b", 0): 0.5})
    means = {rate: a * b for rate, (a, b) in losses.items()}
    assert networks.best_single(sides) == (networks.SCHEDULE, "adam", min(means, key=means.get), 30)


@pytest.mark.filterwarnings("ignore:.*reached `max_iter`")
def test_ablation_takes_its_part_away_and_puts_it_back(module):
    ablation = module("ablation")
    X, y = np.random.RandomState(0).randn(200, 3), np.arange(200.0)

    def coefs():
        return AdaptiveLRMLPRegressor((4,), batch_size=20, max_iter=3, random_state=0).fit(X, y).coefs_[0]

    whole = coefs()
    for part in ablation.ABLATIONS:
        with ablation.without(part):
            assert not np.array_equal(coefs(), whole), part
    np.testing.assert_array_equal(coefs(), whole)


@pytest.mark.long
@pytest.mark.parametrize("part", ["null", "ablation", "defaults", "rates --solvers sgd --budget-minutes .1"])
def test_quick_run_of_the_automatic_mode_compares_both_kinds(part, tmp_path):
    done = run_benchmark("automatic", "--part", *part.split(), "--quick", "--cache", str(tmp_path / "rows.jsonl"))
    assert done.returncode == 0, done.stderr
    head, table, *_ = done.stdout.split("\n\n")
    assert "2 ta" in head
    rows = table.splitlines()[2:]
    assert rows
    assert all(re.search(r"\| \d+\.\d{3}", row) for row in rows)
    if not part.startswith("rates"):
        assert all(any(f"| {kind} |" in row for row in rows) for kind in ("regression", "classification"))

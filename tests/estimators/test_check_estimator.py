"""scikit-learn's own checks, for every estimator, direction, rate and granularity."""

from collections import Counter
from itertools import product

import pytest
from estimator_cases import ESTIMATORS, EXPECTED_TO_FAIL, run_check
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from sk_adalr.directions import DIRECTIONS
from sk_adalr.learning_rates import GRANULARITIES

RULES = [
    {"learning_rate": "auto"},
    {"learning_rate": "constant"},
    *({"learning_rate": "hypergradient", "granularity": granularity} for granularity in GRANULARITIES),
]
# Every estimator as it comes, and every other choice with one of them.
SELECTION = [
    *(cls() for cls in ESTIMATORS.values()),
    ESTIMATORS["AdaptiveLRLinearRegression"](solver="sgd", learning_rate="constant"),
    ESTIMATORS["AdaptiveLRLogisticRegression"](solver="momentum", learning_rate="hypergradient", granularity="global"),
    ESTIMATORS["AdaptiveLRMLPClassifier"](
        (10,), solver="adam", learning_rate="hypergradient", granularity="layer", learning_rate_init=0.01
    ),
    ESTIMATORS["AdaptiveLRMLPRegressor"]((10,), solver="nesterov", early_stopping=True),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(SELECTION)
def test_scikit_learn_s_checks(estimator, check):
    run_check(check, estimator)


WEIGHT_CHECKS = [f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")]
FULL = [
    pytest.param(cls, {"solver": solver, "early_stopping": early_stopping, **rule})
    for cls, solver, rule, early_stopping in product(ESTIMATORS.values(), DIRECTIONS, RULES, [False, True])
]


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("cls", "params"), FULL, ids=lambda value: str(getattr(value, "__name__", value)))
def test_scikit_learn_s_checks_on_the_full_product(cls, params, capsys):
    estimator = cls(**params)
    # Of an estimator with a parameter `cv` the check takes 45 rows, not 15: then some are held out, by their order.
    holds_out = params["early_stopping"] and "cv" in estimator.get_params()
    held_out = dict.fromkeys(WEIGHT_CHECKS, "the order of rows decides which are held out") if holds_out else {}
    expected = EXPECTED_TO_FAIL | held_out
    results = check_estimator(estimator, expected_failed_checks=expected, on_fail=None, on_skip=None)
    counts = Counter(result["status"] for result in results)
    with capsys.disabled():
        print(f"\n{len(FULL)} combinations; {cls.__name__}({params}): {dict(counts)}")
    assert [result["check_name"] for result in results if result["status"] == "failed"] == []

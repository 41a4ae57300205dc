"""One fit with nothing to tune against a grid search over six learning rates with five folds.

    python benchmarks/bench_search.py [--repeats 3] [--quick]

Checks the claim that a default fit takes the place of a search: it costs a small part of the search's time, and its
test error is no higher by more than 0.02, a few rows of the smaller data sets. The search fits scikit-learn's
estimator to standardised columns 6 x 5 + 1 times, one job at a time: MLPClassifier over `learning_rate_init`,
SGDClassifier with a constant rate over `eta0`, all else at its default. Ours sees the rows as they are, and
standardises them in `fit`. Test rows are a quarter of each data set; the error is the share that is predicted wrongly.
"""

from functools import partial

import numpy as np
from harness import Table, kernel_tables, kernels, measure, parse
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_classification
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier

FOLDS = 5
GOAL = 1 / 25
DATA = {
    "wine": partial(load_wine, return_X_y=True),
    "breast cancer": partial(load_breast_cancer, return_X_y=True),
    "digits": partial(load_digits, return_X_y=True),
    "generated 2000 x 50": partial(make_classification, 2000, 50, n_informative=20, n_classes=4, random_state=0),
}
# Our estimator, scikit-learn's, and the grid of the latter.
PAIRS = {
    "MLP": (
        partial(AdaptiveLRMLPClassifier, random_state=0),
        MLPClassifier(random_state=0),
        {"mlpclassifier__learning_rate_init": np.geomspace(1e-4, 1e-1, 6)},
    ),
    "logistic": (
        AdaptiveLRLogisticRegression,
        SGDClassifier(loss="log_loss", learning_rate="constant", random_state=0),
        {"sgdclassifier__eta0": np.geomspace(1e-5, 1, 6)},
    ),
}


def fit_ours(make, X, y, kernel):
    with kernels(kernel):
        return make().fit(X, y)


def search(estimator, grid, X, y):
    return GridSearchCV(make_pipeline(StandardScaler(), estimator), grid, cv=FOLDS).fit(X, y)


def test_error(X, y, model):
    return 1 - model.score(X, y)


def main():
    options = parse(__doc__, repeats=3)
    table = Table(margin=0.02, loss="error")
    for data in list(DATA)[: 1 if options.quick else None]:
        X, X_test, y, y_test = train_test_split(*DATA[data](), test_size=0.25, random_state=0)
        for name, (ours, theirs, grid) in PAIRS.items():
            sides = {"search": partial(search, theirs, grid, X, y)}
            sides |= {kernel: partial(fit_ours, ours, X, y, kernel) for kernel in kernel_tables()}
            measured = measure(sides, options.repeats, partial(test_error, X_test, y_test))
            against = (f"search, {type(theirs).__name__}", measured["search"])
            for kernel in kernel_tables():
                table.row(f"{data}, {name}", ("default fit", measured[kernel]), kernel, against, goal=GOAL)


if __name__ == "__main__":
    main()

"""Which column computes: numba's when it pays and is there, and never with another result."""

import subprocess
import sys
import threading
from importlib.util import find_spec

import numpy as np
import pytest

from sk_adalr import AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier
from sk_adalr.backends import expect_steps, kernels, use_kernels

module = sys.modules[kernels.__module__]
VECTOR = np.zeros(3)
needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="the extra `fast` is not installed")


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch):
    """Forget what other tests have announced."""
    monkeypatch.setattr(module, "_automatic", module.REFERENCE)
    monkeypatch.setattr(module, "_expected_work", 0.0)


@pytest.fixture
def _without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "sk_adalr.backends.kernels.fused", None)
    module._fused.cache_clear()
    yield
    module._fused.cache_clear()


def names(array=VECTOR):
    return kernels(array).name


def test_little_work_stays_with_numpy():
    expect_steps(1000, 1000)
    assert names() == "numpy"


@needs_numba
def test_much_work_loads_numba():
    expect_steps(10_000, 1_000_000)
    assert names() == "numba"


@needs_numba
def test_many_small_fits_load_numba_together():
    n_fits = 0
    while names() == "numpy":
        expect_steps(1000, 1_000_000)
        n_fits += 1
        assert n_fits < 100
    assert n_fits > 1 or module.LOADING_WORK <= 1e9


@pytest.mark.usefixtures("_without_numba")
def test_without_numba_much_work_stays_with_numpy():
    expect_steps(10_000, 1_000_000)
    assert names() == "numpy"


@pytest.mark.usefixtures("_without_numba")
def test_asking_for_numba_where_it_is_missing_names_the_extra():
    with pytest.raises(ImportError, match=r"sk-adalr\[fast\]"), use_kernels("numba"):
        pass


@needs_numba
def test_numba_is_not_used_where_it_cannot_store_what_it_compiled(monkeypatch):
    import numba.core.caching

    monkeypatch.setattr(numba.core.caching.FunctionCache._impl_class, "_locator_classes", [])
    for name in [name for name in sys.modules if name.startswith("sk_adalr.backends.kernels.fused")]:
        monkeypatch.delitem(sys.modules, name)
    module._fused.cache_clear()
    expect_steps(10_000, 1_000_000)
    assert names() == "numpy"
    module._fused.cache_clear()


@needs_numba
def test_the_choice_ends_with_its_block():
    with use_kernels("numba"):
        assert names() == "numba"
        with use_kernels("numpy"):
            expect_steps(10_000, 1_000_000)
            assert names() == "numpy"
        with use_kernels("auto"):
            assert names() == "numpy", "nothing has been announced outside of the blocks"
        assert names() == "numba"
    assert names() == "numpy"


@needs_numba
def test_the_choice_is_that_of_its_thread():
    seen = []
    with use_kernels("numba"):
        thread = threading.Thread(target=lambda: seen.append(names()))
        thread.start()
        thread.join()
    assert seen == ["numpy"]


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match=r"'auto', 'numpy', 'numba'; got 'cython'"), use_kernels("cython"):
        pass


def test_other_arrays_than_numpy_s_are_for_the_reference():
    with use_kernels("numpy"):
        assert names([1.0]) == "numpy"


def model(cls=AdaptiveLRMLPClassifier, **options):
    options = {"batch_size": 32, "max_iter": 4, "tol": 0, "random_state": 0, **options}
    return cls(**options) if cls is not AdaptiveLRMLPClassifier else cls((9,), **options)


def fitted_arrays(estimator):
    coefs = estimator.coefs_ if hasattr(estimator, "coefs_") else [estimator.coef_]
    intercepts = estimator.intercepts_ if hasattr(estimator, "intercepts_") else [estimator.intercept_]
    return [*coefs, *intercepts, np.array(estimator.loss_curve_), estimator.learning_rate_curve_]


def assert_same_fit(one, other):
    for a, b in zip(fitted_arrays(one), fitted_arrays(other), strict=True):
        np.testing.assert_array_equal(a, b)


@needs_numba
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("learning_rate", ["auto", "hypergradient", "constant"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_a_fit_is_the_same_with_either_column(iris, dtype, learning_rate, activation):
    X, y = iris
    fits = []
    for name in ("numpy", "numba"):
        with use_kernels(name):
            fits.append(model(activation=activation, learning_rate=learning_rate).fit(X.astype(dtype), y))
    assert_same_fit(*fits)


@needs_numba
@pytest.mark.parametrize("learning_rate", ["auto", "hypergradient"])
def test_a_fit_may_change_columns_on_the_way(iris, learning_rate):
    X, y = iris
    options = {"solver": "adam", "learning_rate": learning_rate, "warm_start": True}
    straight = model(AdaptiveLRLogisticRegression, **options).fit(X, y)
    stepwise = model(AdaptiveLRLogisticRegression, **options, max_iter=2)
    with use_kernels("numba"):
        stepwise.fit(X, y)
    with use_kernels("numpy"):
        stepwise.fit(X, y)
    assert_same_fit(straight, stepwise)


@needs_numba
def test_eight_threads_fit_as_one_does(iris):
    X, y = iris

    def fit(seed):
        with use_kernels("numba"):
            return model(random_state=seed).fit(X, y)

    fits = {}
    threads = [threading.Thread(target=lambda seed=seed: fits.update({seed: fit(seed)})) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(8):
        assert_same_fit(fits[seed], fit(seed))


def test_a_small_fit_does_not_import_numba():
    code = (
        "import sys; from sklearn.datasets import load_iris; from sk_adalr import AdaptiveLRMLPClassifier;"
        "AdaptiveLRMLPClassifier(max_iter=3, tol=0).fit(*load_iris(return_X_y=True)); print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "False"

"""What comes to `predict`: the same answer in any format, or a clear error; never a number that means nothing."""

import copy
import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hostile import MODELS, N_COLUMNS, N_ROWS, X, changed, frame
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

models = pytest.mark.parametrize("name", MODELS)
NAMES = [f"x{i}" for i in range(N_COLUMNS)]


@pytest.fixture(scope="module")
def trained():
    """Return each model, trained on a frame whose columns have names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return {name: clone(model).fit(frame(), y) for name, (model, y) in MODELS.items()}


SAME = {
    "the frame itself": frame(),
    "polars": pl.DataFrame(X, schema=NAMES),
    "nullable": frame().convert_dtypes(),
    "CSR": sparse.csr_array(X),
    "CSC": sparse.csc_array(X),
    "COO matrix": sparse.coo_matrix(X),
    "Fortran order": np.asfortranarray(X),
    "big endian": X.astype(">f8"),
    "objects": X.astype(object),
    "lists": X.tolist(),
    "read-only": np.broadcast_to(X, X.shape),
}
REFUSED = {
    "NaN": (changed(X, np.nan), "NaN"),
    "infinity": (changed(X, np.inf), "infinity"),
    "NaN in CSR": (sparse.csr_array(changed(X, np.nan)), "NaN"),
    "too few columns": (X[:, :-1], "expecting 8 features"),
    "too many columns": (np.hstack([X, X]), "expecting 8 features"),
    "names in another order": (frame()[NAMES[::-1]], "same order"),
    "other names": (frame().rename(columns={"x0": "z"}), "feature names"),
    "a missing name": (frame()[NAMES[1:]], "feature names"),
    "one-dimensional": (X[0], "2D array"),
    "a pandas row": (frame().iloc[0], "2-dimensional"),
    "three-dimensional": (X[None], "dim 3"),
    "empty": (X[:0], "0 sample"),
    "no columns": (X[:, :0], "0 feature"),
    "words": (np.full(X.shape, "three"), "could not convert"),
    "complex": (X + 1j, "[Cc]omplex"),
    "masked entries": (np.ma.masked_array(X, mask=X > 2), "masked"),
    "dates": (np.full(X.shape, np.datetime64("2020-01-01")), "dates"),
    "None": (None, "None|scalar|not"),
    "a word": ("X", "scalar|convert|string"),
}
#: Far beyond what was seen: finite where a float can say it, else an error.
HUGE = {f"X * {s:g}": X * s for s in (1e10, 1e100, 1e300, 1e307)}


def answers(model, features):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # names that an array does not have
        methods = [
            m for m in ("predict", "predict_proba", "predict_log_proba", "decision_function") if hasattr(model, m)
        ]
        return [getattr(model, method)(features) for method in methods]


@pytest.mark.parametrize("features", SAME)
@models
def test_any_format_is_predicted_as_dense_float64(name, features, trained, cell):
    model = trained[name]
    expected = answers(model, X)
    cell("predictions", model, "right")
    for answer, right in zip(answers(model, SAME[features]), expected, strict=True):
        if right.dtype.kind == "f":
            np.testing.assert_allclose(answer, right, rtol=1e-9, atol=1e-12)
        else:
            np.testing.assert_array_equal(answer, right)


@models
def test_a_single_row_is_predicted_as_among_others(name, trained, cell):
    cell("predictions", trained[name], "right")
    np.testing.assert_allclose(trained[name].predict(frame()[:1]), trained[name].predict(frame())[:1], rtol=1e-9)


@pytest.mark.parametrize("features", REFUSED)
@models
def test_invalid_features_are_refused_by_predict(name, features, trained, cell):
    model = trained[name]
    value, pattern = REFUSED[features]
    cell("predictions", model, "clear error")
    with pytest.raises((ValueError, TypeError), match=pattern):
        answers(model, value)


@pytest.mark.parametrize("features", HUGE)
@models
def test_features_beyond_all_bounds_give_finite_predictions_or_an_error(name, features, trained, cell):
    model = trained[name]
    try:
        with np.errstate(all="ignore"):
            predicted = answers(model, HUGE[features])
    except ValueError as error:
        cell("predictions", model, "clear error")
        if "The predictions are beyond the range" not in str(error):
            raise
        return
    cell("predictions", model, "right")
    assert not any(np.isnan(answer).any() for answer in predicted if answer.dtype.kind == "f")
    assert np.isfinite(predicted[0]).all()


@models
def test_a_model_that_was_not_fitted_says_so(name, cell):
    cell("predictions", MODELS[name][0], "clear error")
    with pytest.raises(NotFittedError, match="not fitted yet"):
        clone(MODELS[name][0]).predict(X)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@models
def test_parameters_that_are_not_finite_do_not_predict(name, value, trained, cell):
    for attribute in ("coef_", "intercept_", "coefs_", "intercepts_"):
        model = copy.deepcopy(trained[name])
        if not hasattr(model, attribute):
            continue
        block = getattr(model, attribute)
        if isinstance(block, list):
            block[-1].flat[-1] = value
        else:
            setattr(model, attribute, np.where(np.arange(np.size(block)).reshape(np.shape(block)) == 0, value, block))
        for method in ("predict", "predict_proba", "decision_function", "predict_log_proba"):
            if hasattr(model, method):
                with pytest.raises(ValueError, match="not finite, so it cannot predict"):
                    getattr(model, method)(frame())
    cell("predictions", trained[name], "clear error")


@models
def test_a_model_from_a_file_predicts_bitwise_the_same(name, trained, tmp_path, cell):
    skops = pytest.importorskip("skops.io")
    model = trained[name]
    joblib.dump(model, tmp_path / "model.joblib", compress=3)
    data = skops.dumps(model)
    cell("predictions", model, "right")
    # The estimator's own class is all there is to trust.
    assert skops.get_untrusted_types(data=data) == [f"{type(model).__module__}.{type(model).__qualname__}"]
    for loaded in (
        pickle.loads(pickle.dumps(model)),
        joblib.load(tmp_path / "model.joblib"),
        skops.loads(data, trusted=skops.get_untrusted_types(data=data)),
    ):
        for answer, expected in zip(answers(loaded, frame()), answers(model, frame()), strict=True):
            assert answer.tobytes() == expected.tobytes()


def test_names_are_checked_in_a_frame_of_the_same_columns():
    model, y = MODELS["linear"]
    model = clone(model).fit(frame(), y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
    assert model.predict(pd.DataFrame(X, columns=NAMES)).shape == (N_ROWS,)

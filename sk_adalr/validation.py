"""Validation of the user's data, with error messages that say what to do."""

import numbers
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.validation import validate_data

from sk_adalr.backends import Origin, enter, enter_host, is_sparse, namespace, origin, same_place, to_host
from sk_adalr.caller import warn_caller
from sk_adalr.integers import refuse_merged_integers
from sk_adalr.rows import has_finite_squares, is_mapped

FLOAT_DTYPES = (np.float64, np.float32)
# Size in bytes above which copying a memory map causes a warning.
_LARGE_COPY = 2**26


def check_features(estimator: Any, X: Any, *, reset: bool) -> Any:
    """Return `X` as a float array or CSR matrix (n_samples, n_features); see `check_features_and_target`."""
    if not reset and _are_plain_features(estimator, X):
        return X
    _refuse_masked_and_dask(X=X)
    _refuse_dates(X=X)
    order = _order_to_ask_for(X)
    with _overflow_is_a_value_error():
        X = validate_data(
            estimator, enter(X, "`X`"), accept_sparse="csr", dtype=FLOAT_DTYPES, order=order, reset=reset
        )
    return _in_c_order(X)


def check_features_and_target(estimator: Any, X: Any, y: Any, *, numeric: bool, reset: bool) -> tuple[Any, np.ndarray]:
    """Return `X` as a float array or CSR matrix and `y` as an array with the same number of rows.

    float32 stays float32, everything else becomes float64. All arrays become C-contiguous, for access by rows, except
    memory maps of floats, which are not copied. With scikit-learn's ``array_api_dispatch``, arrays of other libraries
    are accepted: `X` stays on its device, `y` is copied to the host. Sets or checks `n_features_in_` and
    `feature_names_in_` of the estimator.

    Raises
    ------
    ValueError, TypeError
        If `X` or `y` is empty, not numeric, complex, not finite, masked, a dask collection or a polars LazyFrame, if
        their lengths differ, or if numbers are too large for float64 or for sums over the rows.
    """
    if not reset and _are_plain_features(estimator, X) and _is_plain_target(y, len(X)):
        return X, y
    _refuse_masked_and_dask(X=X, y=y)
    _refuse_dates(X=X, **({"y": y} if numeric else {}))
    order = _order_to_ask_for(X)
    X, y = enter(X, "`X`"), enter_host(y, "`y`")
    if reset:  # later calls must keep the precision of the first
        arrays = {"X": X, "y": y} if numeric else {"X": X}
        if not all(isinstance(array, np.ndarray) and array.dtype.kind == "f" for array in arrays.values()):
            refuse_merged_integers(**arrays)
    with _overflow_is_a_value_error(), np.errstate(over="ignore", invalid="ignore"):
        X, y = validate_data(
            estimator,
            X,
            y,
            accept_sparse="csr",
            dtype=FLOAT_DTYPES,
            order=order,
            multi_output=True,
            y_numeric=numeric,
            reset=reset,
            ensure_all_finite=False,  # of `X`: `_check_magnitude` below does it faster
        )
    X = _in_c_order(X)
    _check_magnitude(estimator, "X", X)
    if is_sparse(X) and not X.has_canonical_format:
        # Column moments are computed from the stored entries, so duplicate entries must be summed first.
        X = X.copy()
        X.sum_duplicates()
    y = to_host(y)
    if numeric and not is_sparse(y):
        _check_magnitude(estimator, "y", y)
    return X, y


def _are_plain_features(estimator: Any, X: Any) -> bool:
    """Return whether `X` would pass all checks unchanged: for a few rows the checks take longer than predicting."""
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype in FLOAT_DTYPES
        and X.flags.c_contiguous
        and len(X) > 0
        and X.shape[1] == getattr(estimator, "n_features_in_", None)
        and not hasattr(estimator, "feature_names_in_")
        and has_finite_squares(X)
    )


def _is_plain_target(y: Any, n_samples: int) -> bool:
    """Return whether `y` would pass all checks unchanged, provided that `X` does."""
    return (
        type(y) is np.ndarray
        and y.shape == (n_samples,)
        and (y.dtype.kind in "biu" or (y.dtype in FLOAT_DTYPES and has_finite_squares(y)))
    )


class NoWeightError(ValueError):
    """Raised if no row has a positive weight."""


def check_weights(
    sample_weight: Any, n_samples: int, class_weight: np.ndarray | None = None, name: str = "sample_weight"
) -> np.ndarray | None:
    """Return sample weights times class weights as float64 (n_samples,), or None if neither is given.

    `name` is the name of the user's parameter, for error messages.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, if all are zero, or if their number differs from `n_samples`.
    """
    if sample_weight is None and class_weight is None:
        return None
    if sample_weight is None:
        weight = np.ones(n_samples)
    elif isinstance(sample_weight, numbers.Number):
        weight = np.full(n_samples, sample_weight, dtype=np.float64)
    else:
        _refuse_masked_and_dask(**{name: sample_weight})
        sample_weight = enter_host(sample_weight, f"`{name}`")
        weight = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name=name)
    if weight.shape != (n_samples,):
        raise ValueError(
            f"`{name}` must have one entry for each of the {n_samples} samples; got shape {weight.shape}."
        )
    if (weight < 0).any():
        raise ValueError(f"`{name}` must not be negative; got {weight.min():g}. Drop those rows instead.")
    if class_weight is not None:
        weight = weight * class_weight
    if not np.isfinite(weight).all():
        raise ValueError(f"`{name}` times `class_weight` must be finite; got NaN or infinity.")
    if not weight.any():
        raise NoWeightError("The weights are all zero: at least one sample must have a positive weight.")
    return weight


def check_groups(groups: Any, n_samples: int) -> np.ndarray | None:
    """Return the groups (n_samples,) of the rows; raise a ValueError if their number differs from `n_samples`."""
    if groups is None:
        return None
    groups = enter_host(groups, "`groups`")
    if np.shape(groups) != (n_samples,):
        raise ValueError(
            f"`groups` must have one entry for each of the {n_samples} samples; got shape {np.shape(groups)}."
        )
    return np.asarray(groups)


def check_same_origin(estimator: Any, X: Any, fitted: Any, method: str) -> Origin:
    """Return the library and device of `X`; raise a ValueError unless the fitted array has the same.

    As in scikit-learn, this matters only with ``array_api_dispatch``.
    """
    place, home = origin(X), origin(fitted)
    if not same_place(place, home):
        name = type(estimator).__name__
        raise ValueError(
            f"Inputs passed to {name}.{method}() must use the same namespace and the same device as those passed to "
            f"fit(): fitted on {home}, got {place}. Convert `X`, or fit on arrays of its library."
        )
    return place


def check_finite_model(estimator: Any, *arrays: np.ndarray) -> None:
    """Raise a ValueError if a fitted array of `estimator` has NaN or infinity."""
    for array in arrays:
        if not namespace(array).isfinite(array).all():
            raise ValueError(
                f"The parameters of this {type(estimator).__name__} are not finite, so it cannot predict; they were "
                "changed after `fit`. Fit it again, or load it from an intact file."
            )


def check_finite_prediction(raw: Any) -> Any:
    """Return a raw prediction; raise a ValueError if it is not finite, as labels from it would be meaningless."""
    if not bool(namespace(raw).isfinite(raw).all()):
        raise ValueError(
            f"The predictions are beyond the range of {raw.dtype}: `X` has values too far from those of `fit`."
        )
    return raw


def _order_to_ask_for(X: Any) -> str | None:
    """Return the memory order to request from scikit-learn: None for a memory map, to avoid a copy."""
    if not is_mapped(X):
        return "C"
    if X.dtype not in FLOAT_DTYPES and 8 * X.size > _LARGE_COPY:
        warn_caller(
            f"`X` is a memory map of {X.dtype}, which is copied into memory as float64: {8 * X.size / 1e9:.2g} GB. "
            "Save it as float32 or float64 to have its rows read where they lie, or pass slices to `partial_fit`."
        )
    return None


def _in_c_order(X: Any) -> Any:
    """Return `X` in C order unless it is sparse or a memory map; scikit-learn ensures it for NumPy arrays only."""
    return X if is_sparse(X) or is_mapped(X) else namespace(X).ascontiguousarray(X)


@contextmanager
def _overflow_is_a_value_error() -> Iterator[None]:
    try:
        yield
    except OverflowError as error:
        raise ValueError(f"`X` or `y` has values beyond the range of float64: {error}. Rescale them.") from error


def is_dask(array: Any) -> bool:
    """Return whether an array is a dask collection, without importing dask."""
    return type(array).__module__.partition(".")[0] in ("dask", "dask_expr")


def _refuse_masked_and_dask(**arrays: Any) -> None:
    for name, array in arrays.items():
        if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
            raise ValueError(
                f"`{name}` is a masked array with masked entries, which would be used as if they were not. Impute "
                "them, for example with sklearn.impute.SimpleImputer, or drop their rows."
            )
        if is_dask(array):
            raise TypeError(
                f"`{name}` is a dask collection, which would silently be loaded into memory as a whole. Pass "
                f"`{name}.compute()` to do so, or call `partial_fit` chunk by chunk."
            )
        if type(array).__name__ == "LazyFrame":
            raise TypeError(f"`{name}` is a LazyFrame, a query without data. Pass `{name}.collect()`.")


def _refuse_dates(**arrays: Any) -> None:
    for name, array in arrays.items():
        columns = getattr(array, "dtypes", None)
        dtypes = columns if isinstance(columns, Iterable) else [getattr(array, "dtype", None)]
        if any(_is_temporal(dtype) for dtype in dtypes):
            raise TypeError(
                f"`{name}` has dates or durations, which would silently become numbers of a unit that depends on how "
                "they are stored. Convert them to numbers of your own, such as days since a date."
            )


def _is_temporal(dtype: Any) -> bool:
    """Return whether a dtype (NumPy, pandas or polars) represents dates or durations."""
    return getattr(dtype, "kind", None) in ("m", "M") or bool(getattr(dtype, "is_temporal", lambda: False)())


def _check_magnitude(estimator: Any, name: str, array: Any) -> None:
    """Raise a ValueError if a number is not finite, or so large that sums over the rows would overflow."""
    entries = array.data if is_sparse(array) else array
    if entries.dtype.kind != "f" or entries.size == 0:
        return
    if has_finite_squares(entries):
        return
    with np.errstate(over="ignore", invalid="ignore"):
        # Transposed to C order, it is checked without a copy.
        in_order = array.T if not is_sparse(array) and entries.flags.f_contiguous else array
        assert_all_finite(in_order, estimator_name=type(estimator).__name__, input_name=name)
    largest, limits = float(max(-entries.min(), entries.max())), np.finfo(entries.dtype)
    if largest > limits.max / (4 * array.shape[0]):
        unit = 10.0 ** np.floor(np.log10(largest))
        raise ValueError(
            f"`{name}` has numbers up to {largest:.3g}: sums over its {array.shape[0]} rows exceed the range of "
            f"{entries.dtype} ({limits.max:.3g}). Rescale it, for example by `{name} / {unit:.0e}`."
        )


def as_dtype(X: Any, dtype: Any) -> Any:
    """Return the features `X` converted to the `dtype` of a model.

    Raises
    ------
    ValueError
        If a number is beyond the range of `dtype`.
    """
    if X.dtype == dtype:
        return X
    with np.errstate(over="ignore"):
        converted = X.astype(dtype)
    entries = converted.data if is_sparse(converted) else converted
    if not bool(namespace(entries).isfinite(entries).all()):
        raise ValueError(
            f"The model computes in {np.dtype(dtype).name}, the dtype of the features that it was fitted to; `X` is "
            f"{X.dtype.name} and has numbers beyond that range. Rescale the features, or fit to {X.dtype.name}."
        )
    return converted

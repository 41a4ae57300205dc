r"""Least squares by a factorisation: for few rows or few columns faster than any iteration.

With :math:`\tilde X` standardised and :math:`\Lambda` the penalty of its coefficients,

.. math:: (\tfrac1n \tilde X^T \Omega \tilde X + \Lambda)\, \tilde w = \tfrac1n \tilde X^T \Omega \tilde y

is solved by Cholesky and refined once with the residual of the data, which restores the digits that squaring
the condition cost. Where the matrix is numerically singular, or p > n, a singular value decomposition takes
over; among the solutions it returns that of minimum norm in the units of the caller's columns, as
`LinearRegression` does.
"""

import numpy as np
from scipy import linalg

from sk_adalr.backends import Array, namespace, to_host
from sk_adalr.objectives.columns import DenseColumns
from sk_adalr.optimizer.exact.small_system import upper_factor

# Reciprocal condition of the normal equations above which one refinement reaches full accuracy.
_SAFE = 1e-9
# Rounding of a column in units of eps times its mean, generously: the columns may themselves be results.
_NOISE = 4.0
# Length of a step in the null space, in units of the coefficients, beyond which it is made of rounding.
_LONGEST = 1e3
# Residual, in units of the target's deviation, of a fit that is perfect up to rounding.
_FITTED = 1e-9
_SIDE = 300
# Eighths of the values of a block: in the cache of the host, and enough for a device.
_BLOCK, _DEVICE_BLOCK = 32_768, 1 << 22


def prefers_factorisation(n: int, p: int, sparse: bool) -> bool:
    """Say whether a factorisation of an (n, p) problem is expected to be faster than exact steps."""
    return not sparse and min(n, p) <= _SIDE


def factorised_coefficients(
    columns: DenseColumns, target: Array, weight: Array | None, penalty: np.ndarray | None
) -> np.ndarray:
    """Return the coefficients (k, p) in standardised columns that fit a standardised target.

    On a device, only the products with the data are computed there.

    Parameters
    ----------
    columns : DenseColumns (n, p)
    target : array (k, n), float64
        Beside the columns; see `standardised_target`.
    weight : array (n,) or None
        Sample weights with mean 1.
    penalty : ndarray (p,) or None
        Penalty of each standardised coefficient.
    """
    n, p = columns.shape
    penalty = np.zeros(p) if penalty is None else penalty
    coef = _by_cholesky(columns, target, weight, penalty) if p <= n else None
    if coef is None:
        coef = _by_singular_values(columns, target, weight, penalty)
    # Rounding would give a constant column a coefficient, which its magnitude turns into the digits of the intercept.
    return np.where(columns.alive, coef, 0.0)


def _by_cholesky(columns: DenseColumns, target: Array, weight: Array | None, penalty: np.ndarray) -> np.ndarray | None:
    """Normal equations with one refinement; None if they are not safely positive definite."""
    gram = np.diag(np.where(columns.alive, penalty, 1.0))
    gram += _moments(columns, weight) / columns.shape[0]
    # Penalties of tiny columns are huge: a unit diagonal keeps the condition honest.
    unit = 1.0 / np.sqrt(gram.diagonal())
    gram *= unit[:, None] * unit
    norm = np.abs(gram).sum(axis=0).max(initial=0.0)
    factor = upper_factor(gram)
    if factor is None or linalg.lapack.dpocon(factor, norm)[0] < _SAFE:
        return None
    coef = np.zeros((len(target), columns.shape[1]))
    for _ in range(2):
        residual = target - columns.forward(coef) if coef.any() else target
        gradient = _backward64(columns, residual if weight is None else residual * weight) - penalty * coef
        solution, _ = linalg.lapack.dpotrs(factor, (gradient * unit).T)
        coef += solution.T * unit
    return coef


def _moments(columns: DenseColumns, weight: Array | None) -> np.ndarray:
    r""":math:`\tilde X^T \Omega \tilde X` in float64, in blocks of rows."""
    n, p = columns.shape
    total = np.zeros((p, p))
    step = _block_rows(columns)
    for start in range(0, n, step):
        block = columns.data[:, start : start + step].astype(np.float64, copy=False)
        weighted = block if weight is None else block * weight[start : start + step]
        total += to_host(weighted @ block.T)
    return total


def _backward64(columns: DenseColumns, residual: Array) -> np.ndarray:
    """Mean over rows of residual (k, n) times columns, accumulated in float64."""
    n, p = columns.shape
    total = np.zeros((len(residual), p))
    step = _block_rows(columns)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        total += to_host(residual[:, rows] @ columns.data[:, rows].astype(np.float64, copy=False).T)
    return total / n


def _block_rows(columns: DenseColumns) -> int:
    block = _BLOCK if namespace(columns.data) is np else _DEVICE_BLOCK
    return max(256, block * 8 // max(1, columns.shape[1]))


def _by_singular_values(columns: DenseColumns, target: Array, weight: Array | None, penalty: np.ndarray) -> np.ndarray:
    """Minimum-norm solution, or the penalised one, by singular values."""
    n, p = columns.shape
    X, target = to_host(columns.data).T.astype(np.float64), to_host(target)
    root = None if weight is None else np.sqrt(to_host(weight))
    if root is not None:
        X, target = X * root[:, None], target * root
    X = X * columns.alive
    # A column without information has no unit: let it not be the largest or smallest.
    scale = np.where(columns.alive, columns.scale, columns.scale[columns.alive].max(initial=1e-300))
    # The numbers of a column are rounded as they come: far from zero, standardised ones are less exact than eps.
    noise = _NOISE * np.sqrt(n) * np.finfo(columns.dtype).eps * np.abs(columns.mean)
    relative_noise = (noise * columns.alive / scale).max(initial=0.0)
    if p > n:
        coef = _wide(X, target, scale, penalty, noise.max(initial=0.0) / scale.max(initial=0.0))
        rest = target - coef @ X.T
        if penalty.any() or np.abs(rest).max(initial=0.0) <= _FITTED:
            return coef
        # Next to columns of a far larger unit others look like rounding: what is left is fitted in units of their own.
        return coef + _wide(X, rest, np.ones(p), penalty, relative_noise)
    if penalty.any():
        X = np.vstack([X, np.diag(np.sqrt(n * penalty))])
        target = np.hstack([target, np.zeros((len(target), p))])
    return _minimum_norm(X, target, scale, relative_noise)


def _wide(X: np.ndarray, target: np.ndarray, scale: np.ndarray, penalty: np.ndarray, noise: float) -> np.ndarray:
    """More columns than rows: in the caller's units, where penalty and norm are the same for all columns.

    Singular values up to `noise` count as zero.
    """
    n = len(X)
    largest = scale.max(initial=0.0)
    relative = scale / largest
    U, values, Vt = linalg.svd(X * relative, full_matrices=False)
    # penalty = lam / scale**2, so that of the commonly scaled columns is lam / largest**2.
    common = n * np.max(penalty * relative**2, initial=0.0)
    kept = values > np.finfo(np.float64).eps * max(X.shape) * values.max(initial=0.0) + noise
    filtered = np.where(kept, values / np.where(kept, values**2 + common, 1.0), 0.0)
    return ((target @ U) * filtered) @ Vt * relative


def _minimum_norm(X: np.ndarray, target: np.ndarray, scale: np.ndarray, noise: float) -> np.ndarray:
    """Full rank in standardised columns is decided there, whatever the units; singular values up to `noise` are zero.

    The norm is that of w = coef / scale.
    """
    U, values, Vt = linalg.svd(X, full_matrices=False)
    kept = values > np.finfo(np.float64).eps * max(X.shape) * values.max(initial=0.0) + noise
    coef = ((target @ U[:, kept]) / values[kept]) @ Vt[kept]
    null = Vt[~kept]
    if not len(null):
        return coef
    # Only along directions that the predictions do not see: in units far apart, rounding must not leave these.
    inverse = scale.min() / scale
    along = linalg.lstsq((null * inverse).T, -(coef * inverse).T)[0].T
    # Where rounding of the null space decides in these units, the norm of standardised coefficients is the one.
    bounded = np.abs(along).max(axis=1) <= _LONGEST * np.abs(coef).max(axis=1, initial=0.0)
    return coef + np.where(bounded[:, None], along, 0.0) @ null

"""Analytic test functions of a few parameters, with gradients, for examples, tests and benchmarks.

Each returns ``(value, gradient)`` at a point (n,), as ``minimize(..., jac=True)`` and
``scipy.optimize.minimize(..., jac=True)`` require.
"""

import numpy as np


def beale(point: np.ndarray) -> tuple[float, np.ndarray]:
    """Return Beale's function of two parameters, whose minimum is 0 at (3, 0.5).

    Parameters
    ----------
    point : array of shape (2,)
        Where to evaluate the function.

    Returns
    -------
    value : float
        The function there.
    gradient : array of shape (2,)
        Its gradient there.

    References
    ----------
    .. [1] Beale, "On an iterative method for finding a local minimum of a function of more than one variable",
       Princeton University, 1958.
    """
    x, y = point
    powers = np.array([y, y**2, y**3])
    residuals = np.array([1.5, 2.25, 2.625]) - x * (1 - powers)
    grad_x = -2 * residuals @ (1 - powers)
    grad_y = 2 * x * residuals @ np.array([1.0, 2 * y, 3 * y**2])
    return float(residuals @ residuals), np.array([grad_x, grad_y])


def rosenbrock(point: np.ndarray) -> tuple[float, np.ndarray]:
    """Return Rosenbrock's function of two parameters, whose minimum is 0 at (1, 1).

    Parameters
    ----------
    point : array of shape (2,)
        Where to evaluate the function.

    Returns
    -------
    value : float
        The function there.
    gradient : array of shape (2,)
        Its gradient there.

    References
    ----------
    .. [1] Rosenbrock, "An automatic method for finding the greatest or least value of a function", The Computer
       Journal 3, 1960.
    """
    x, y = point
    valley = y - x**2
    grad = np.array([-400 * x * valley - 2 * (1 - x), 200 * valley])
    return float(100 * valley**2 + (1 - x) ** 2), grad


def ill_conditioned_quadratic(point: np.ndarray, condition: float = 1e3) -> tuple[float, np.ndarray]:
    """Return a quadratic function whose curvatures increase geometrically from 1 to `condition`.

    The minimum is 0 at the origin.

    Parameters
    ----------
    point : array of shape (n,)
        Where to evaluate the function.
    condition : float, default=1e3
        Condition number: ratio of the largest to the smallest curvature, > 0.

    Returns
    -------
    value : float
        The function there.
    gradient : array of shape (n,)
        Its gradient there.
    """
    curvatures = np.geomspace(1.0, condition, point.shape[0])
    grad = curvatures * point
    return float(0.5 * point @ grad), grad

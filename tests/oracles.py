"""What the tests compare with: written from the textbooks and the source, without the package."""

import numpy as np


def central_difference(fun, point, step=1e-4):
    """Return the gradient of `fun` at `point` (n,) from five points along each axis.

    The truncation error is of order ``step**4`` and rounding of order ``1e-16 / step``: both far below 1e-7.
    """
    grad = np.empty(len(point))
    for i in range(len(point)):

        def along(t, i=i):
            moved = np.array(point, dtype=np.float64)
            moved[i] += t * step
            return float(fun(moved))

        grad[i] = (8 * (along(1) - along(-1)) - (along(2) - along(-2))) / (12 * step)
    return grad


def relative_error(actual, expected):
    """Return the largest deviation relative to the largest entry expected."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    return np.abs(actual - expected).max() / np.abs(expected).max()


def plain_sgd(grad_of, start, rate, n_steps):
    w = np.array(start)
    for _ in range(n_steps):
        w = w - rate * grad_of(w)
    return w


def plain_momentum(grad_of, start, rate, n_steps, momentum=0.9):
    """The textbook form, whose velocity contains the rate (Polyak; Sutskever et al., 2013)."""
    w, velocity = np.array(start), 0.0
    for _ in range(n_steps):
        velocity = momentum * velocity - rate * grad_of(w)
        w = w + velocity
    return w


def plain_nesterov(grad_of, start, rate, n_steps, momentum=0.9):
    """Sutskever et al. (2013): the gradient at the point ahead; returns that point, the one that trains."""
    behind, velocity = np.array(start), np.zeros(len(start))
    for _ in range(n_steps):
        velocity = momentum * velocity - rate * grad_of(behind + momentum * velocity)
        behind = behind + velocity
    return behind + momentum * velocity


def plain_adam(grad_of, start, rate, n_steps, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """Algorithm 1 of Kingma and Ba (2015)."""
    w, m, v = np.array(start), 0.0, 0.0
    for t in range(1, n_steps + 1):
        g = grad_of(w)
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
        w = w - rate * m_hat / (np.sqrt(v_hat) + epsilon)
    return w


def wavy(w):
    """A smooth, neither convex nor quadratic function of any number of parameters: (value, gradient)."""
    k = np.arange(1, len(w) + 1)
    shifted = w - 1 / k
    value = np.sum(np.log(np.cosh(shifted)) * (1 + k / len(w)) + 0.3 * np.sin(w * k)) + 0.1 * w.sum() ** 2
    grad = np.tanh(shifted) * (1 + k / len(w)) + 0.3 * k * np.cos(w * k) + 0.2 * w.sum()
    return value, grad

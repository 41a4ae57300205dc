"""
On a GPU: the optimizer core with CuPy
======================================

This page is not executed when the documentation is built, for it needs a device. The estimators train on one by
``backend="cupy"``. What they are made of, directions, learning rates, networks and losses, takes the arrays of CuPy
as well as those of NumPy: which library computes follows from the arrays alone.
"""

# sphinx_gallery_thumbnail_path = '_static/gpu.png'

try:
    import cupy as xp  # pip install 'sk-adalr[cuda12]' or 'sk-adalr[cuda13]'
except ImportError:
    import numpy as xp  # the same code, on the CPU

import numpy as np
from sklearn.datasets import load_digits

from sk_adalr.dataset import Batch
from sk_adalr.directions import Adam
from sk_adalr.learning_rates import Hypergradient
from sk_adalr.objectives import L2Penalty, MultinomialLogLoss, Network, PenalizedMean
from sk_adalr.optimizer import Optimizer
from sk_adalr.parameters import ParameterLayout

# %%
# The data go to the device once.
X, y = load_digits(return_X_y=True)
X, y = xp.asarray(X / 16, dtype=xp.float32), xp.asarray(y)

# %%
# A network with one hidden layer, its loss, and an optimizer: a direction and a learning rate.
layout = ParameterLayout.of_network([64, 100, 10])
network = Network(layout, MultinomialLogLoss(), "relu")
objective = PenalizedMean(network, L2Penalty(1e-6))
optimizer = Optimizer(Adam(), Hypergradient(1e-3, hyper_learning_rate=1e-6), layout)

# %%
# The loop. Nothing in it reads a number back from the device but the loss that is printed.
params = xp.asarray(network.initial_params(np.random.RandomState(0), np.float32, 6.0))
state = optimizer.init(params)
for epoch in range(20):
    order = xp.random.permutation(len(X))
    for start in range(0, len(X), 200):
        rows = order[start : start + 200]
        batch = Batch(X[rows], y[rows], None, float(len(rows)))
        loss = optimizer.step(
            state,
            params,
            lambda params, out=None: objective.value_and_grad(params, batch, out=out),  # noqa: B023
        )
    print(f"epoch {epoch + 1}: loss of the last batch {float(loss):.4f}")

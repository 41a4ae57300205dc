"""
A regularisation path with warm starts
======================================

Fit one logistic regression for each of many penalties, from strong to weak. With
``warm_start=True`` each fit starts from the previous solution. The exact solver counts its gradient
evaluations, so you can read off the saving.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRLogisticRegression

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
Cs = np.logspace(-3, 3, 25)


def path(warm_start):
    """Return coefficients, loss and gradient evaluations of each fit."""
    model = AdaptiveLRLogisticRegression(solver="exact", warm_start=warm_start)
    coefs, losses, counts = [], [], []
    for C in Cs:
        model.set_params(C=C).fit(X, y)
        coefs.append(model.coef_[0])
        losses.append(model.loss_)
        counts.append(model.n_gradient_evaluations_)
    return np.array(coefs), np.array(losses), np.array(counts)


coefs, warm_losses, warm = path(warm_start=True)
_, cold_losses, cold = path(warm_start=False)
print(f"gradient evaluations, cold: {cold.sum():.0f}, warm: {warm.sum():.0f}")
print(
    "largest relative difference of the loss: "
    f"{np.abs(warm_losses / cold_losses - 1).max():.1e}"
)

# %%
# The coefficients, and what each penalty cost.
figure, (top, bottom) = plt.subplots(
    2, 1, sharex=True, figsize=(5.4, 6.4), layout="constrained"
)
for j in range(X.shape[1]):
    top.plot(
        Cs, coefs[:, j], color="C0" if j < 10 else "C1" if j < 20 else "C2", linewidth=1
    )
top.axhline(0, color="0.6", linewidth=0.8)
top.set(
    ylabel="standardised coefficient",
    ylim=(-8, 8),
    title="blue: means, orange: errors,\ngreen: worst values",
)
bottom.plot(Cs, cold, "s--", label="cold start")
bottom.plot(Cs, warm, "o-", label="warm start")
bottom.set(
    xscale="log", xlabel="C, inverse of the penalty", ylabel="gradient evaluations"
)
bottom.legend()
plt.show()

# %%
# **Takeaway.** Warm starts save most where the penalty is weak. Where it is strong, a fit from
# scratch is so short that there is little to save.

"""
Getting started: from a raw table to a saved model
==================================================

In fifteen minutes you take a table with categories and missing values, train a linear model and a
network, compare them with scikit-learn's, look at the training, and save the result. All you need to
know is scikit-learn's ``fit`` and ``predict``.
"""

# %%
# The data
# --------
#
# Which customers of a gym will cancel? The table is generated, so that this page runs anywhere. It has
# what real tables have: numbers of very different size, categories, and missing values.
import numpy as np
import pandas as pd


def customers(n_rows, seed):
    """Return a table of customers, and whether they stay or cancel."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n_rows).astype(float),
            "income": rng.lognormal(10.3, 0.4, n_rows).round(-2),
            "visits per week": rng.gamma(2, 0.8, n_rows).round(1),
            "plan": rng.choice(
                ["monthly", "yearly", "student"], n_rows, p=[0.5, 0.4, 0.1]
            ),
            "city": rng.choice(["Aarhus", "Bergen", "Turku", "Umeå"], n_rows),
        }
    )
    visits, plan = table["visits per week"], table["plan"]
    # Rare visitors cancel, above all with a monthly plan; daily visitors move on, too.
    score = 1.5 * (plan == "monthly") - 1.2 * (plan == "yearly") - 0.02 * table["age"]
    score += 1.2 * (visits - 2.2) ** 2 * (plan != "yearly") - 0.5
    cancels = rng.random(n_rows) < 1 / (1 + np.exp(-score))
    table.loc[rng.random(n_rows) < 0.15, "income"] = np.nan
    table.loc[rng.random(n_rows) < 0.1, "city"] = None
    return table, np.where(cancels, "cancels", "stays")


X, y = customers(3000, seed=0)
print(X.head().to_string())
print(pd.Series(y).value_counts().to_string())

# %%
# Put a part of the rows aside, to find out at the end how good the model is. Each number on this page
# is a score on these test rows.
from sklearn.model_selection import train_test_split

X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# From a table to numbers
# -----------------------
#
# The models take numbers. As for any estimator of scikit-learn, a column transformer prepares the
# rest: it turns categories into columns of zeros and ones, and fills missing numbers. A missing
# category becomes a category of its own. A scaler is *not* needed.
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

prepare = make_column_transformer(
    (OneHotEncoder(handle_unknown="ignore"), ["plan", "city"]),
    (SimpleImputer(add_indicator=True), ["age", "income", "visits per week"]),
)

# %%
# A linear model
# --------------
#
# A pipeline keeps the preparation and the model together. There is no learning rate to choose, and
# ``C="auto"`` finds the strength of the penalty, too.
from sklearn.pipeline import make_pipeline

from sk_adalr import AdaptiveLRLogisticRegression

linear = make_pipeline(
    prepare,
    AdaptiveLRLogisticRegression(C="auto", penalty_units="standardized"),
)
linear.fit(X_train, y_train)
print(f"accuracy on the test rows {linear.score(X_test, y_test):.3f}")
print(f"always guessing 'stays'   {np.mean(y_test == 'stays'):.3f}")

# %%
# The coefficients are in the units of the table: per year of age, per euro of income. ``stop_reason_``
# says why training ended.
names = linear[:-1].get_feature_names_out()
for name, coef in zip(names, linear[-1].coef_[0], strict=True):
    print(f"{name:40} {coef:9.2g}")
print(linear[-1].stop_reason_)

# %%
# A network
# ---------
#
# A linear model cannot see that both rare and daily visitors cancel. A network can. Change the class,
# and nothing else. The network finds its learning rate and its number of epochs by itself.
from sk_adalr import AdaptiveLRMLPClassifier

network = make_pipeline(prepare, AdaptiveLRMLPClassifier(random_state=0))
network.fit(X_train, y_train)
print(f"accuracy on the test rows {network.score(X_test, y_test):.3f}")
print(network[-1].stop_reason_)

# %%
# What would scikit-learn's network have scored? Behind a scaler much the same, without one far less:
import warnings

from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

theirs = {
    "raw columns": make_pipeline(prepare, MLPClassifier(random_state=0)),
    "behind a scaler": make_pipeline(
        prepare, StandardScaler(), MLPClassifier(random_state=0)
    ),
}
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # they reach their maximum of 200 epochs
    for name, model in theirs.items():
        score = model.fit(X_train, y_train).score(X_test, y_test)
        print(f"MLPClassifier, {name:15} {score:.3f}")

# %%
# Look at the training
# --------------------
#
# The loss should fall and level off. :class:`~sk_adalr.plotting.LearningCurveDisplay` draws it, also
# from a pipeline.
import matplotlib.pyplot as plt

from sk_adalr.plotting import LearningCurveDisplay

LearningCurveDisplay.from_estimator(network, name="network")
plt.show()

# %%
# Search what is left
# -------------------
#
# The size of a network is a choice that no rule makes for you. Search it as usual:
from sklearn.model_selection import GridSearchCV

search = GridSearchCV(
    network,
    {"adaptivelrmlpclassifier__hidden_layer_sizes": [(16,), (64,), (32, 32)]},
    cv=3,
)
search.fit(X_train, y_train)
print(search.best_params_)
print(f"accuracy on the test rows {search.score(X_test, y_test):.3f}")

# %%
# Save and load
# -------------
#
# The fitted pipeline is one object, which joblib writes to a file. It needs the raw table only.
import tempfile
from pathlib import Path

import joblib

path = Path(tempfile.mkdtemp()) / "gym.joblib"
joblib.dump(search.best_estimator_, path)
loaded = joblib.load(path)
new, _ = customers(3, seed=1)
print(loaded.predict(new), loaded.predict_proba(new)[:, 0].round(2))

# %%
# **Takeaway.** Prepare the columns as for any estimator, leave out the scaler and the learning rate,
# and search only what is about your problem.
#
# **Next steps.** :doc:`/user_guide` has a chapter for each model and each task, :doc:`/migration` every
# parameter that you know from scikit-learn, and :doc:`/faq` what others asked.

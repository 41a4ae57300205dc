"""
A pipeline with numbers and categories
======================================

Change one class name in a pipeline that you have. Numeric columns may have any scale: the estimator
standardises inside, and its coefficients come back in your units. Encode the rest first, as for any
estimator of scikit-learn: categories with an encoder, dates as numbers, missing values with an
imputer. :doc:`/guide/tabular` has a frame with all of these.
"""

import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import make_regression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sk_adalr import AdaptiveLRLinearRegression
from sk_adalr.plotting import LearningCurveDisplay

# %%
# A table with numbers of very different size and a column of words:
X, y = make_regression(400, 3, noise=10, random_state=0)
table = pd.DataFrame(
    {"age": 40 + 10 * X[:, 0], "income": 3e4 * X[:, 1], "dose": 1e-6 * X[:, 2]}
)
table["clinic"] = pd.cut(
    X[:, 0] * X[:, 1], 3, labels=["north", "east", "south"]
).astype(str)
print(table.head())

# %%
# The pipeline:
columns = make_column_transformer(
    (OneHotEncoder(), make_column_selector(dtype_include=[object, "string"])),
    remainder="passthrough",
)
model = make_pipeline(columns, AdaptiveLRLinearRegression()).fit(table, y)
print(f"R² in cross-validation: {cross_val_score(model, table, y).mean():.3f}")
for name, coef in zip(model[:-1].get_feature_names_out(), model[-1].coef_, strict=True):
    print(f"{name:28} {coef:12.4g}")

# %%
# A small least-squares problem is solved by a factorisation, without iterations or rates. ``solver="exact"``
# asks for the exact hypergradient, whose history can be drawn.
model.set_params(adaptivelrlinearregression__solver="exact").fit(table, y)
print(model[-1].stop_reason_)
display = LearningCurveDisplay.from_estimator(model)

# %%
# **Takeaway.** Numbers need no scaler, and coefficients are per unit of your columns: per year of age,
# per unit of dose.

"""
Callbacks, progress bars and your own validation data
=====================================================

The estimators support scikit-learn's callbacks, with one task per epoch. A callback can record any
score while the fit runs, show a progress bar, or stop the fit. Early stopping can use validation
data of your own.
"""

import matplotlib.pyplot as plt
import sklearn
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRMLPClassifier
from sk_adalr.plotting import LearningCurveDisplay

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)

# %%
# **Record any score.** scikit-learn's ``ScoringMonitor`` scores the model on the training rows after
# each epoch.
monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
model = AdaptiveLRMLPClassifier(
    (32,), max_iter=10, tol=0, random_state=0
).set_callbacks(monitor)
model.fit(X_train, y_train)
epochs = [entry for entry in monitor.get_logs().data if entry["task_name"] == "epoch"]
for entry in epochs[::3]:
    print(
        f"epoch {entry['task_id'] + 1:2d}  accuracy "
        f"{entry['accuracy']:.3f}  log loss {-entry['neg_log_loss']:.3f}"
    )


# %%
# **Stop the fit.** A callback is a class with four methods. If the one that is called at the end of
# an epoch returns True, training ends with the model so far. ``fitted_estimator`` is that model.
class StopAtAccuracy:
    """End the fit once the accuracy on given rows is reached."""

    def __init__(self, accuracy, X, y):
        self.accuracy, self.X, self.y = accuracy, X, y

    def setup(self, estimator, context):
        """Do nothing before the fit."""

    def teardown(self, estimator, context):
        """Do nothing after the fit."""

    def on_fit_task_begin(self, estimator, context, **data):
        """Do nothing before an epoch."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None, **data):
        """Say whether to stop."""
        return (
            context.task_name == "epoch"
            and fitted_estimator.score(self.X, self.y) >= self.accuracy
        )


model = AdaptiveLRMLPClassifier((32,), random_state=0).set_callbacks(
    StopAtAccuracy(0.97, X_val, y_val)
)
model.fit(X_train, y_train)
print(
    f"{model.n_iter_} epochs, accuracy "
    f"{model.score(X_val, y_val):.3f}. {model.stop_reason_}"
)

# %%
# **Show a progress bar.** scikit-learn's progress bar needs ``rich`` (the extra ``progress``). With a
# search, it has a line for each fit, whose bar counts epochs; ``max_propagation_depth=0`` leaves one.
search = GridSearchCV(
    Pipeline(
        [
            ("scale", StandardScaler()),
            ("model", AdaptiveLRMLPClassifier(max_iter=5, tol=0, random_state=0)),
        ]
    ),
    {"model__hidden_layer_sizes": [(16,), (64,)]},
    cv=2,
)
search.set_callbacks(ProgressBar(max_propagation_depth=3)).fit(X_train, y_train)
print(search.best_params_)

# %%
# **Your own validation data.** Pass them to ``fit``, and a network uses them for early stopping. In a
# pipeline they must go through the same steps as ``X``: that is what ``transform_input`` is for.
with sklearn.config_context(enable_metadata_routing=True):
    model = AdaptiveLRMLPClassifier((32,), random_state=0)
    pipeline = Pipeline(
        [
            ("scale", StandardScaler()),
            ("model", model.set_fit_request(X_val=True, y_val=True)),
        ],
        transform_input=["X_val"],
    )
    pipeline.fit(X_train, y_train, X_val=X_val, y_val=y_val)
print(pipeline[-1].stop_reason_)
print(
    f"accuracy on the validation rows {pipeline.score(X_val, y_val):.3f}, "
    f"of epoch {pipeline[-1].best_epoch_}"
)
figure, (top, bottom) = plt.subplots(2, 1, figsize=(5.4, 6.4), layout="constrained")
LearningCurveDisplay.from_estimator(pipeline, ax=top, name="network")
LearningCurveDisplay.from_estimator(pipeline, ax=bottom, metric="score", name="network")
plt.show()

"""
Train on a GPU with ``backend="cupy"``
======================================

``backend="cupy"`` moves the data to the GPU once and trains there. The fitted attributes are NumPy
arrays, so pipelines, searches and pickles work as before.

This page needs a GPU and CuPy (the extra ``cuda12`` or ``cuda13``), so it is not executed when the
documentation is built. The tests execute it on the CPU, with less data and a stand-in for CuPy.
"""

# sphinx_gallery_thumbnail_path = '_static/gpu.png'

from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from sk_adalr import AdaptiveLRMLPClassifier

X, y = make_classification(200_000, 100, n_informative=40, n_classes=5, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(
    X.astype("float32"), y, random_state=0
)

model = AdaptiveLRMLPClassifier(
    (1024, 1024), batch_size=4096, backend="cupy", random_state=0
)
model.fit(X_train, y_train)
print(
    f"{model.n_iter_} epochs, test accuracy "
    f"{model.score(X_test, y_test):.3f}. {model.stop_reason_}"
)

# %%
# Arrays that are on the GPU already, of CuPy or torch, need no ``backend``: see :doc:`/backends`.

"""Models and checkpoints that earlier versions wrote: they load, predict and go on."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from at_rest import write
from estimator_cases import needs_callbacks
from sklearn.metrics import r2_score

from sk_adalr.checkpoint import Checkpoint

FOLDER = Path(__file__).parent / "at_rest"
VERSIONS = sorted(path.name for path in FOLDER.iterdir() if (path / "models.pickle").exists())


@pytest.fixture(scope="module", params=VERSIONS)
def folder(request):
    return FOLDER / request.param


def close_to(expected):
    # sums in the order of another BLAS
    return pytest.approx(expected, rel=1e-6, abs=1e-9)


#: Models of the automatic rule, which was another one in 0.1.0: they keep what they have learned and begin it anew.
OF_THE_FORMER_RULE = {"0.1.0": ("adam linear", "network classifier", "network regressor")}


@pytest.mark.parametrize("name", write.MODELS)
def test_a_pickle_predicts_as_it_did_and_trains_on_as_it_would_have(folder, name):
    model = pickle.loads((folder / "models.pickle").read_bytes())[name]
    score = model.score(*write.rows(name, 0))
    before, after = write.gone_on(name, model)
    with np.load(folder / "expected.npz") as expected:
        assert before == close_to(expected[name][0])
        if name not in OF_THE_FORMER_RULE.get(folder.name, ()):
            assert after == close_to(expected[name][1])
            return
    assert np.abs(after - before).max() > 0
    assert model.n_iter_ == 6
    assert model.score(*write.rows(name, 0)) > score - 0.05


@pytest.mark.parametrize("name", write.MODELS)
def test_a_pickle_has_every_parameter(folder, name):
    model = pickle.loads((folder / "models.pickle").read_bytes())[name]
    assert set(type(model)().get_params(deep=False)) <= set(vars(model))


@needs_callbacks
def test_a_fit_goes_on_from_a_checkpoint(folder, tmp_path):
    file = tmp_path / "network.checkpoint"
    file.write_bytes((folder / "network.checkpoint").read_bytes())
    model, (X, y) = write.network()
    epochs = []

    class Counting(Checkpoint):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            epochs.append(context.task_name)
            super().on_fit_task_end(estimator, context, fitted_estimator=fitted_estimator)

    model.set_callbacks(Counting(file)).fit(X, y)
    with np.load(folder / "expected.npz") as expected:
        assert r2_score(y, model.predict(X)) > r2_score(y, expected["checkpoint"]) - 0.05
    assert epochs.count("epoch") == 3, "two of the five epochs were made before"

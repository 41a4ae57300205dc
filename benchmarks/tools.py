"""Which tools of the ecosystem work with our classifiers, beside scikit-learn's.

    python benchmarks/tools.py [tool ...]

Each tool does one job with a linear model and with a network, ours and the counterpart's, and the result is checked:
predictions are those of the model, scores are those of a fit by hand, explanations add up. What fails is shown by the
class of its error. A tool that is not installed is named at the end. The exit status is 1 where a tool fails with ours
but not with scikit-learn's.
"""

import pickle
import sys
import tempfile
import warnings
from importlib import import_module, metadata, util
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_adalr import AdaptiveLRLogisticRegression, AdaptiveLRMLPClassifier

PAIRS = {
    "linear": (AdaptiveLRLogisticRegression(), LogisticRegression()),
    "network": (AdaptiveLRMLPClassifier((8,), random_state=0), MLPClassifier((8,), random_state=0)),
}
TOOLS = {}


def tool(distribution, module=None):
    """Register a job of a tool, ``job(model, X, y)``, which raises where the tool does not do it."""

    def register(job):
        TOOLS[distribution] = (module or distribution.replace("-", "_"), job)
        return job

    return register


def agrees(left, right, tolerance=0.0):
    """Raise unless two arrays are the same, up to an absolute tolerance."""
    np.testing.assert_allclose(np.asarray(left, float), np.asarray(right, float), rtol=0, atol=tolerance)


def is_near_perfect(score):
    """Raise unless an accuracy is that of a model of these data."""
    if not score > 0.9:
        raise AssertionError(f"accuracy {score}")


@tool("joblib")
def joblib_file(model, X, y):
    joblib = import_module("joblib")
    model.fit(X, y)
    with tempfile.TemporaryDirectory() as folder:
        joblib.dump(model, Path(folder) / "model")
        agrees(joblib.load(Path(folder) / "model").predict_proba(X), model.predict_proba(X))


@tool("cloudpickle")
def by_value(model, X, y):
    model.fit(X, y)
    agrees(pickle.loads(import_module("cloudpickle").dumps(model)).predict_proba(X), model.predict_proba(X))


@tool("skops")
def trusts_the_class_alone(model, X, y):
    io_ = import_module("skops.io")
    data = io_.dumps(model.fit(X, y))
    unknown = io_.get_untrusted_types(data=data)
    if set(unknown) - {f"sk_adalr.{type(model).__name__}"}:
        raise AssertionError(f"types to trust: {unknown}")
    agrees(io_.loads(data, trusted=unknown).predict_proba(X), model.predict_proba(X))


@tool("pandas")
def frames_with_names(model, X, y):
    pandas = import_module("pandas")
    names = [f"column {i}" for i in range(X.shape[1])]
    model.fit(pandas.DataFrame(X, columns=names), y)
    if list(model.feature_names_in_) != names:
        raise AssertionError(model.feature_names_in_)
    agrees(model.predict(pandas.DataFrame(X, columns=names)), clone(model).fit(X, y).predict(X))


@tool("polars")
def frames_of_polars(model, X, y):
    frame = import_module("polars").DataFrame(X, schema=[f"column {i}" for i in range(X.shape[1])])
    agrees(model.fit(frame, y).predict(frame), clone(model).fit(X, y).predict(X))


@tool("scikit-learn", "sklearn")
def meta_estimators(model, X, y):
    calibration, ensemble, inspection, selection = (
        import_module(f"sklearn.{name}") for name in ("calibration", "ensemble", "inspection", "model_selection")
    )
    name = "C" if "C" in model.get_params() else "alpha"
    search = selection.GridSearchCV(model, {name: [0.1, 1.0]}, cv=2).fit(X, y)
    is_near_perfect(search.score(X, y))
    is_near_perfect(calibration.CalibratedClassifierCV(model, cv=2).fit(X, y).score(X, y))
    is_near_perfect(ensemble.StackingClassifier([("model", model)], cv=2).fit(X, y).score(X, y))
    is_near_perfect(ensemble.BaggingClassifier(model, 3, random_state=0).fit(X, y).score(X, y))
    inspection.permutation_importance(search, X, y, n_repeats=2)


@tool("array-api-strict")
def arrays_of_the_standard(model, X, y):
    from sklearn import config_context

    xp = import_module("array_api_strict")
    with config_context(array_api_dispatch=True):
        labels = model.fit(xp.asarray(X), xp.asarray(y)).predict(xp.asarray(X))
    agrees(labels, clone(model).fit(X, y).predict(X))


@tool("torch")
def tensors(model, X, y):
    from sklearn import config_context

    torch = import_module("torch")
    with config_context(array_api_dispatch=True):
        labels = model.fit(torch.asarray(X), torch.asarray(y)).predict(torch.asarray(X))
    agrees(labels, clone(model).fit(X, y).predict(X))


@tool("dask", "dask.array")
def predictions_block_by_block(model, X, y):
    model.fit(X, y)
    blocks = import_module("dask.array").from_array(X, chunks=(100, X.shape[1]))
    agrees(blocks.map_blocks(model.predict, drop_axis=1, dtype=y.dtype).compute(), model.predict(X))


@tool("distributed")
def joblib_on_workers(model, X, y):
    joblib, distributed = import_module("joblib"), import_module("distributed")
    from sklearn.model_selection import cross_val_score

    client = distributed.Client(processes=False, n_workers=2, threads_per_worker=1, dashboard_address=None)
    with client, joblib.parallel_config("dask"):
        scores = cross_val_score(model, X, y, cv=2)
    agrees(scores, cross_val_score(model, X, y, cv=2))


@tool("skl2onnx")
def onnx(model, X, y):
    runtime = import_module("onnxruntime")
    import_module("sk_adalr.export").register_converters()
    X = X.astype(np.float32)
    model.fit(X, y)
    graph = import_module("skl2onnx").to_onnx(model, X[:1], options={"zipmap": False})
    session = runtime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    agrees(session.run(None, {"X": X})[1], model.predict_proba(X), tolerance=1e-5)


@tool("m2cgen")
def source_code(model, X, y):
    import_module("sk_adalr.export").register_m2cgen()
    names = {}
    exec(import_module("m2cgen").export_to_python(model.fit(X, y)), names)
    agrees([names["score"](list(row)) for row in X[:20]], model.decision_function(X[:20]), tolerance=1e-9)


@tool("eli5")
def weights_by_name(model, X, y):
    eli5 = import_module("eli5")
    import_module("sk_adalr.export").register_eli5()
    weights = eli5.explain_weights(model.fit(X, y))
    if weights.error:
        raise AssertionError(weights.error)


@tool("shap")
def shares_that_add_up(model, X, y):
    shap = import_module("shap")
    model.fit(X, y)
    is_linear = hasattr(model, "coef_")
    predict = model.decision_function if is_linear else lambda rows: model.predict_proba(rows)[:, 1]
    explained = shap.Explainer(model if is_linear else predict, X[:20], seed=0)(X[:2], silent=True)
    agrees(explained.values.sum(axis=1) + explained.base_values, predict(X[:2]), tolerance=1e-6)


@tool("lime", "lime.lime_tabular")
def local_weights(model, X, y):
    lime = import_module("lime.lime_tabular")
    explainer = lime.LimeTabularExplainer(X, random_state=0)
    found = explainer.explain_instance(X[0], model.fit(X, y).predict_proba, num_features=3, num_samples=200)
    if len(found.as_list()) != 3:
        raise AssertionError(found.as_list())


@tool("optuna")
def trials(model, X, y):
    optuna = import_module("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    name = "C" if "C" in model.get_params() else "alpha"

    def objective(trial):
        return clone(model).set_params(**{name: trial.suggest_float("x", 0.1, 10)}).fit(X, y).score(X, y)

    study = optuna.create_study(direction="maximize")
    study.optimize(objective, n_trials=2)
    is_near_perfect(study.best_value)


@tool("scikit-optimize", "skopt")
def bayesian_search(model, X, y):
    name = "C" if "C" in model.get_params() else "alpha"
    search = import_module("skopt").BayesSearchCV(model, {name: (0.1, 10.0)}, n_iter=2, cv=2, random_state=0)
    is_near_perfect(search.fit(X, y).score(X, y))


@tool("hyperopt")
def tree_of_parzen(model, X, y):
    hyperopt = import_module("hyperopt")
    name = "C" if "C" in model.get_params() else "alpha"
    best = hyperopt.fmin(
        lambda value: -clone(model).set_params(**{name: value}).fit(X, y).score(X, y),
        hyperopt.hp.uniform("x", 0.1, 10),
        algo=hyperopt.tpe.suggest,
        max_evals=2,
        show_progressbar=False,
    )
    if not 0.1 <= best["x"] <= 10:
        raise AssertionError(best)


@tool("mlflow-skinny", "mlflow")
def parameters_of_a_pipeline(model, X, y):
    import os

    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    mlflow = import_module("mlflow")
    with tempfile.TemporaryDirectory() as folder:
        mlflow.set_tracking_uri((Path(folder) / "runs").as_uri())
        mlflow.sklearn.autolog(log_models=False, silent=True)
        try:
            with mlflow.start_run() as run:
                make_pipeline(model).fit(X, y)
            logged = mlflow.MlflowClient().get_run(run.info.run_id).data
        finally:
            mlflow.sklearn.autolog(disable=True, silent=True)
    if f"{type(model).__name__.lower()}__max_iter" not in logged.params or "training_score" not in logged.metrics:
        raise AssertionError(logged)


@tool("imbalanced-learn", "imblearn")
def resampled_rows(model, X, y):
    pipeline, over_sampling = import_module("imblearn.pipeline"), import_module("imblearn.over_sampling")
    sampled = pipeline.make_pipeline(over_sampling.RandomOverSampler(random_state=0), model)
    is_near_perfect(sampled.fit(X, y).score(X, y))


@tool("fairlearn")
def scores_by_group(model, X, y):
    reductions = import_module("fairlearn.reductions")
    group = (X[:, 0] > 0).astype(int)
    fair = reductions.ExponentiatedGradient(model, reductions.DemographicParity(difference_bound=1.0), max_iter=2)
    is_near_perfect(np.mean(fair.fit(X, y, sensitive_features=group).predict(X) == y))


@tool("mapie")
def sets_of_labels(model, X, y):
    split = import_module("mapie.classification").SplitConformalClassifier(model.fit(X, y), prefit=True)
    _, sets = split.conformalize(X, y).predict_set(X)
    is_near_perfect(sets[np.arange(len(y)), y, 0].mean())


@tool("crepes")
def conformal_labels(model, X, y):
    wrapped = import_module("crepes").WrapClassifier(model)
    wrapped.fit(X[:200], y[:200])
    wrapped.calibrate(X[200:], y[200:])
    sets = wrapped.predict_set(X, confidence=0.95)
    is_near_perfect(np.mean([label in labels for label, labels in zip(y, sets, strict=True)]))


@tool("dalex")
def shares_of_a_prediction(model, X, y):
    pandas, dalex = import_module("pandas"), import_module("dalex")
    frame = pandas.DataFrame(X[:, :5], columns=[f"c{i}" for i in range(5)])
    explainer = dalex.Explainer(model.fit(frame, y), frame, y, verbose=False)
    is_near_perfect(explainer.model_performance().result["accuracy"].item())
    shares = explainer.predict_parts(frame.iloc[[0]], type="break_down").result
    total = shares.loc[shares["variable"] == "prediction", "cumulative"].item()
    agrees(total, model.predict_proba(frame.iloc[[0]])[0, 1], 1e-6)


@tool("interpret-core", "interpret")
def dependence_on_a_column(model, X, y):
    blackbox = import_module("interpret.blackbox")
    found = blackbox.PartialDependence(model.fit(X, y), X).explain_global().data(0)
    means = [model.predict_proba(np.column_stack([np.full(len(X), x), X[:, 1:]]))[:, 1].mean() for x in found["names"]]
    agrees(found["scores"], means, 1e-6)


@tool("category_encoders")
def encoded_columns(model, X, y):
    pandas, encoders = import_module("pandas"), import_module("category_encoders")
    frame = pandas.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])]).assign(kind=np.where(y == 1, "a", "b"))
    is_near_perfect(make_pipeline(encoders.OneHotEncoder(cols=["kind"]), model).fit(frame, y).score(frame, y))


@tool("feature-engine", "feature_engine")
def selected_columns(model, X, y):
    pandas, selection = import_module("pandas"), import_module("feature_engine.selection")
    frame = pandas.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])
    chosen = selection.SelectByShuffling(model, cv=2, random_state=0).fit(frame, y)
    if not 0 < chosen.transform(frame).shape[1] < X.shape[1]:
        raise AssertionError(chosen.features_to_drop_)


@tool("lightgbm")
def stacked_on_trees(model, X, y):
    from sklearn.ensemble import StackingClassifier

    trees = import_module("lightgbm").LGBMClassifier(n_estimators=5, verbose=-1)
    is_near_perfect(StackingClassifier([("trees", trees), ("ours", model)], model, cv=2).fit(X, y).score(X, y))


def outcome(job, model, X, y):
    """Return "works", or the class of the error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            job(clone(model), X, y)
    except Exception as error:
        return type(error).__name__
    return "works"


def line(name, cells):
    """Return a row of the table."""
    return f"{name:<28}" + "".join(f"{cell:<22}" for cell in cells).rstrip()


def main(wanted):
    """Print the table; return whether a tool fails with ours alone."""
    X, y = load_breast_cancer(return_X_y=True)
    X, _, y, _ = train_test_split(StandardScaler().fit_transform(X), y, train_size=300, random_state=0)
    print(line("tool", [f"{name}, {side}" for name in PAIRS for side in ("ours", "scikit-learn")]))
    missing, is_worse = [], False
    for name, (module, job) in TOOLS.items():
        if wanted and name not in wanted:
            continue
        if util.find_spec(module.partition(".")[0]) is None:
            missing.append(name)
            continue
        outcomes = [outcome(job, model, X, y) for pair in PAIRS.values() for model in pair]
        print(line(f"{name} {metadata.version(name)}", outcomes), flush=True)
        ours, theirs = outcomes[::2], outcomes[1::2]
        is_worse |= any(one != "works" == other for one, other in zip(ours, theirs, strict=True))
    print(f"\nNot installed: {', '.join(missing) or 'none'}")
    return is_worse


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Imports run from higher floors to lower ones, `import sk_adalr` stays light, and the way of a fit is short."""

import ast
import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from estimator_cases import ESTIMATORS, fit, make, problem
from sklearn.datasets import load_iris

import sk_adalr
from sk_adalr.backends import use_kernels
from sk_adalr.compatibility import CallbackSupportMixin

PACKAGE = Path(sk_adalr.__file__).parent
FLOORS = {
    "backends": 0, "caller": 0, "compatibility": 0, "public": -1,
    "parameters": 1, "dataset": 1, "validation": 1, "standardization": 1, "units": 1, "sparse_rows": 1,
    "integers": 1, "rows": 1, "statistics": 1, "blocks": 1,
    "directions": 2, "learning_rates": 2, "objectives": 2,
    "targets": 3, "optimizer": 3,
    "training": 4, "names": 4, "options": 4,
    "early_stopping": 5, "penalty": 5,
    "estimators": 6, "minimize": 6, "plotting": 6,
    "callbacks": 7, "export": 7,
    "checkpoint": 8,
}  # fmt: skip
SAME_FLOOR = {
    ("units", "standardization"),
    ("units", "parameters"),
    ("units", "dataset"),
    ("standardization", "sparse_rows"),
    ("standardization", "statistics"),
    ("statistics", "rows"),
    ("validation", "integers"),
    ("validation", "rows"),
    ("options", "names"),
}
LOADED_ON_DEMAND = {"backends/kernels/fused/compile.py"}
OPTIONAL = {
    "cupy", "dask", "eli5", "m2cgen", "matplotlib", "numba", "onnx", "onnxruntime", "optuna", "pandas", "polars",
    "rich", "skl2onnx", "torch",
}  # fmt: skip

files = pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))


def imports(nodes, path):
    """Yield the full dotted names of what the statements import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ("sk_adalr", *path.relative_to(PACKAGE).parts)[: -node.level or None] if node.level else ()
            module = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


@files
def test_a_file_imports_only_from_lower_floors_or_its_own_room(path):
    room = path.relative_to(PACKAGE).with_suffix("").parts[0]
    for name in imports(ast.walk(ast.parse(path.read_text())), path):
        package, other, *_ = [*name.split("."), ""]
        if package == "sk_adalr" and room != "__init__" and other != room and (room, other) not in SAME_FLOOR:
            assert FLOORS[other] < FLOORS[room], f"{room} imports {name}"


@files
def test_no_file_needs_an_optional_library_to_be_imported(path):
    at_the_top = {name.partition(".")[0] for name in imports(ast.parse(path.read_text()).body, path)}
    assert not at_the_top & OPTIONAL or path.relative_to(PACKAGE).as_posix() in LOADED_ON_DEMAND


@files
def test_only_the_backends_import_the_libraries_that_compute(path):
    anywhere = {name.partition(".")[0] for name in imports(ast.walk(ast.parse(path.read_text())), path)}
    assert not anywhere & {"cupy", "numba"} or path.relative_to(PACKAGE).parts[0] == "backends"


@files
def test_only_small_systems_and_factorisations_use_the_blas_of_scipy(path):
    """It has threads of its own, which wait for those of NumPy's: 25 times as long in a mini-batch step."""
    names = imports(ast.walk(ast.parse(path.read_text())), path)
    rooms = ("small_system", "safe_system", "quasi_newton", "directions", "tall", "wide", "stream")
    allowed = {f"optimizer/exact/{name}.py" for name in rooms}
    uses = any(name.startswith("scipy.linalg") for name in names)
    assert not uses or path.relative_to(PACKAGE).as_posix() in allowed


def test_every_room_has_a_floor():
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms - {"__init__"} <= set(FLOORS)


def test_the_map_in_the_contributors_page_has_every_room_on_its_floor():
    rows = re.findall(
        r"^\| (-?\d) \| ([^|]*) \|", (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(), re.MULTILINE
    )
    floors = {room: int(floor) for floor, rooms in rows for room in re.findall(r"`(\w+)(?:\.py)?`", rooms)}
    assert floors == FLOORS


def test_the_map_of_the_estimators_has_every_module():
    modules = {path.stem for path in (PACKAGE / "estimators").glob("*.py")} - {"__init__"}
    assert set(re.findall(r"`(\w+)`", import_module("sk_adalr.estimators").__doc__)) == modules


def test_importing_the_package_loads_no_optional_library_that_scikit_learn_does_not():
    code = (
        "import sys, sklearn.linear_model, sklearn.model_selection, sklearn.neural_network; before = set(sys.modules);"
        f"import sk_adalr; print(sorted({OPTIONAL!r} & (set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


@files
def test_no_code_tells_losses_apart_but_the_losses_themselves(path):
    """A loss says what it is by its attributes; whoever asks for its class or name would miss the next one."""
    where = path.relative_to(PACKAGE).parts
    if where[:2] == ("objectives", "losses"):
        return
    names = {"HalfSquaredError", "HalfPoissonDeviance", "HalfGammaDeviance", "BinomialLogLoss", "MultinomialLogLoss"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("isinstance", "issubclass", "type"):
            asked = {name.id for argument in node.args for name in ast.walk(argument) if isinstance(name, ast.Name)}
            assert not asked & names, ast.unparse(node)
        if isinstance(node, ast.Compare):
            assert not any(
                isinstance(part, ast.Constant) and part.value in ("squared_error", "poisson", "gamma", "squared")
                for part in node.comparators
            ), ast.unparse(node)


def classes():
    """Return all classes that the package defines."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(["sk_adalr", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
        if path.relative_to(PACKAGE).as_posix() not in LOADED_ON_DEMAND and "fused" not in path.parts:
            module = import_module(name)
            found += [cls for cls in vars(module).values() if inspect.isclass(cls) and of_the_package(cls)]
    return list(dict.fromkeys(found))


def of_the_package(cls):
    return cls.__module__.partition(".")[0] == "sk_adalr"


#: The syntax trees of the classes of each file, by name: a public class does not say in which file it is.
TREES = {
    node.name: node
    for path in PACKAGE.rglob("*.py")
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.ClassDef)
}


def sources(cls):
    """Yield a class and those of the package that it derives from, as syntax trees."""
    for one in cls.__mro__:
        if of_the_package(one):
            yield TREES[one.__name__]


def attributes_of_self(tree, context):
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("self", "cls")
        and isinstance(node.ctx, context)
    }


def declared(cls):
    return set().union(*(vars(one).get("__annotations__", {}) for one in cls.__mro__))


BASES = [cls for cls in classes() if any(cls in other.__mro__[1:] for other in classes())]


@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
def test_an_estimator_is_a_chain_of_three_classes(cls):
    # Below scikit-learn 1.9, a class of our own stands in for one of its.
    chain = [one.__name__ for one in cls.__mro__ if of_the_package(one) and one is not CallbackSupportMixin]
    assert len(chain) <= 3, chain


@pytest.mark.parametrize("cls", BASES, ids=lambda cls: cls.__name__)
def test_a_base_uses_no_name_that_only_a_subclass_defines(cls):
    used = attributes_of_self(next(sources(cls)), ast.Load)
    set_here = set().union(*(attributes_of_self(tree, ast.Store) for tree in sources(cls)))
    assert used <= {*dir(cls), *dir(type), *declared(cls), *set_here}


@pytest.mark.parametrize("cls", ESTIMATORS.values(), ids=list(ESTIMATORS))
def test_what_a_base_of_an_estimator_only_declares_is_set_by_fit(cls):
    base = cls.__mro__[1]
    names = {name for name in declared(base) if not hasattr(base, name) and not name.startswith("_skl")}
    assert names <= vars(fit(make(cls), *problem(cls))).keys() - cls().get_params().keys()


def files_entered(call):
    """Return the files of the package with a function that runs in the call."""
    found = set()

    def profile(frame, event, arg):
        if event == "call" and frame.f_code.co_name != "<module>":
            found.add(frame.f_code.co_filename)

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(before)
    return sorted(file for file in found if Path(file).is_relative_to(PACKAGE))


@pytest.mark.parametrize(("name", "most"), [("AdaptiveLRMLPClassifier", 39), ("AdaptiveLRLogisticRegression", 29)])
def test_a_default_fit_enters_few_files(name, most):
    model = ESTIMATORS[name]()
    with use_kernels("numpy"):
        files = files_entered(lambda: model.fit(*load_iris(return_X_y=True)))
    # Below scikit-learn 1.9, what stands in for callbacks is one more.
    files = [file for file in files if Path(file).name != "compatibility.py"]
    assert len(files) <= most, files


#: Files that have to become shorter.
LONG = {"backends/kernels/reference.py": 330}


@files
def test_no_file_is_longer_than_a_reader_can_hold(path):
    most = LONG.get(path.relative_to(PACKAGE).as_posix(), 300)
    assert len(path.read_text().splitlines()) <= most


def test_nothing_compares_sentences():
    """Reasons are members of an enum."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare):
                texts = [part.value for part in [node.left, *node.comparators] if isinstance(part, ast.Constant)]
                assert not any(isinstance(text, str) and text.endswith(".") and " " in text for text in texts), path

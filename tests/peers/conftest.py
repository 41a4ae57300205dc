"""scikit-learn's own tests, run on our classes: how far are we a drop-in?

Each ``.toml`` file here stands for one test module of the installed scikit-learn, and runs it as
``pytest tests/peers/test_ridge.toml``. It names the module and lists the tests that fail, in groups:

kind
    "deliberate", with the sentence of the docs that says so in ``docs``; "internal" to scikit-learn, as its messages,
    private functions and the digits of its solvers are; or "not applicable", of what we do not have, such as an L1
    penalty.
reason
    In one sentence.
tests
    Names of tests. A name without brackets means all its parameters, "*" any text.

A failure that is not listed fails, and so do a listed test that passes and a line that matches no test. To bring the
lists up to date, run ::

    pytest tests/peers -m long --tb=no -q -rf

Delete from the lists what "[XPASS(strict)]" follows; mend all other tests that it names, or list them.
"""

import re
import tomllib
import warnings

import numpy as np
import pytest
import sklearn
from counterparts import is_about_ours, load

VERSION = "1.9.1"


def pytest_configure(config):
    for marker in ("thread_unsafe", "no_check_spmatrix"):
        config.addinivalue_line("markers", f"{marker}: of scikit-learn's tests; without meaning here")


def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".toml" and "not long" not in parent.config.option.markexpr:
        return PeerModule.from_parent(parent, path=file_path)
    return None


class PeerModule(pytest.Module):
    """A test module of scikit-learn, with the list of its tests that fail on our classes."""

    def _getobj(self):
        return load(self.table["module"])

    def collect(self):
        if sklearn.__version__ != VERSION:
            pytest.skip(
                f"the lists are for scikit-learn {VERSION}, not {sklearn.__version__}", allow_module_level=True
            )
        self.table = tomllib.loads(self.path.read_text())
        self.add_marker("long")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pytest.PytestWarning)  # of how scikit-learn parametrizes
            items = [item for item in super().collect() if is_about_ours(item)]
        for item in items:
            # What scikit-learn's own classes fail says nothing about ours.
            item.own_markers = [mark for mark in item.own_markers if mark.name != "xfail"]
        for group in self.table.get("fails", []):
            for line in group["tests"]:
                self._expect_failure(items, line, f"{group['kind']}: {group['reason']}")
        return items

    def _expect_failure(self, items, line, reason):
        pattern = re.escape(line).replace(r"\*", ".*") + ("" if "[" in line else r"(\[.*\])?")
        matched = [item for item in items if re.fullmatch(pattern, item.name)]
        if not matched:
            raise self.CollectError(f"{self.path.name} lists {line!r}, which is no test of {self.table['module']}.")
        for item in matched:
            item.add_marker(pytest.mark.xfail(strict=True, reason=reason))


@pytest.fixture(params=[np.float32, np.float64])
def global_dtype(request):
    return request.param


@pytest.fixture
def global_random_seed():
    return 42

"""One file and one line: what docs/extending.rst writes joins the tables, and is held to every promise."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
#: Everything by default that reads the tables of names, and does not take minutes.
FILES = [
    "contracts/test_optimizer_contract.py",
    "contracts/test_estimator_contract.py",
    "contracts/test_loss_contract.py",
    "test_names.py",
    "test_minimize.py",
    "optimizer/test_step.py",
    "backends/test_device_kernels.py",
]


@pytest.mark.parametrize("name", ["lion", "multiplicative", "huber"])
def test_a_newcomer_passes_every_test_of_the_tables(name):
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "newcomers", "-p", "no:cacheprovider", "-k", name]
    done = subprocess.run(
        [*command, *(str(TESTS / file) for file in FILES)],
        env={**os.environ, "PYTHONPATH": paths},
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    # So many tests take a direction, or a rule, as a parameter: none is missed by its name.
    assert passed is not None, done.stdout[-4000:]
    assert int(passed[1]) > 50

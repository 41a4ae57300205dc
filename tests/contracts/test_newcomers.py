"""One file and one line: what docs/extending.rst writes joins the tables, and is held to every promise."""

import os
import re
import subprocess
import sys
from pathlib import Path

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
NAMES = ("lion", "multiplicative", "huber")


def test_newcomers_pass_every_test_of_the_tables():
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "newcomers", "-p", "no:cacheprovider"]
    # One run for all: to begin one takes about half as long as the tests of one.
    done = subprocess.run(
        [*command, "-k", " or ".join(NAMES), *(str(TESTS / file) for file in FILES)],
        env={**os.environ, "PYTHONPATH": paths},
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    # So many tests take a direction, or a rule, as a parameter: none is missed by its name.
    passed = {name: int(number) for name, number in re.findall(r"^(\w+): (\d+) passed$", done.stdout, re.MULTILINE)}
    assert passed.keys() == {*NAMES}, done.stdout[-4000:]
    assert min(passed.values()) > 50, passed

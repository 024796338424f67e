"""The engine on the JAX and PyTorch backends says what it says on TensorFlow, of the same networks with the same weights.

Each backend runs in a process of its own, by this Python where it has the package, or by that of an environment of its own:
``MASKVIZ_JAX_PYTHON=/path/to/python``, ``MASKVIZ_TORCH_PYTHON=/path/to/python`` (they need Keras and the backend, but neither Qt nor
TensorFlow).
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(600)  # JAX compiles one operation after another
CASES = Path(__file__).with_name("backend_cases.py")
SECONDS = 600


@cache
def answers(backend: str) -> dict[str, Any]:
    """What the cases say on a backend. Skips where its package is not there."""
    python = os.environ.get(f"MASKVIZ_{backend.upper()}_PYTHON", sys.executable)
    if python == sys.executable and importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed, and MASKVIZ_{backend.upper()}_PYTHON names no Python that has it")
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run([python, str(CASES)], env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    said: dict[str, Any] = json.loads(done.stdout)
    assert said["backend"] == backend
    return said


def known(said: dict[str, Any], there: dict[str, Any]) -> dict[str, Any]:
    """Every case but the file, without sources that ``there`` leaves open: only TensorFlow keeps a trail of plain code between layers."""
    cases = {name: json.loads(json.dumps(case)) for name, case in said.items() if name != "file"}
    for name, case in cases.items():
        for key, call in case["calls"].items():
            sources = there[name]["calls"].get(key, call)["sources"]
            call["sources"] = [a if b is not None else None for a, b in zip(call["sources"], sources, strict=True)]
    return cases


def differences(first: Any, second: Any, path: str = "") -> Iterator[str]:
    """Where two answers differ by more than rounding, one line each."""
    if isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys():
        for key in first:
            yield from differences(first[key], second[key], f"{path}/{key}")
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for number, (a, b) in enumerate(zip(first, second, strict=True)):
            yield from differences(a, b, f"{path}[{number}]")
    elif isinstance(first, float) and isinstance(second, float):
        if not math.isclose(first, second, rel_tol=2e-4, abs_tol=1e-5):
            yield f"{path}: {first} on TensorFlow, {second} here"
    elif first != second:
        yield f"{path}: {first} on TensorFlow, {second} here"


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_masks_leaks_and_losses_are_those_of_tensorflow(backend: str) -> None:
    there = answers(backend)["answers"]
    here = answers("tensorflow")["answers"]
    assert there["file"]["backend"] == backend
    assert list(differences(known(here, there), known(there, there))) == []


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_contributions_add_up_to_what_keras_reports_there(backend: str) -> None:
    ledgers = {name: said["ledger"] for name, said in answers(backend)["answers"].items()}
    wrong = [
        n for n, held in ledgers.items() if held["evaluate"] is not None and not math.isclose(held["sum"], held["evaluate"], rel_tol=1e-5)
    ]
    assert wrong == []
    assert sum(held["evaluate"] is not None for held in ledgers.values()) >= 10


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_file_is_traced_on_the_backend_of_the_environment_as_the_network_itself_is(backend: str) -> None:
    said = answers(backend)["answers"]
    file = {key: value for key, value in said["file"].items() if key != "backend"}
    assert list(differences(said["recurrent"], file)) == []


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_neither_tensorflow_nor_qt_is_imported(backend: str) -> None:
    assert not {"tensorflow", "PySide6"} & set(answers(backend)["modules"])

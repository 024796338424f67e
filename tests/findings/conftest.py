"""Findings are about Keras' warnings: they are heard, and not shown."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import keras
import pytest


@pytest.fixture(autouse=True)
def quiet_keras() -> Iterator[None]:
    keras.utils.clear_session()  # names of layers do not depend on the tests before
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not support masking")
        yield

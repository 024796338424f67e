"""Jobs with the real engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from maskviz.session.document import Document
from maskviz.session.jobs import Jobs


@pytest.fixture
def jobs(qapp: object) -> Iterator[Jobs]:
    started = Jobs(Document())
    yield started
    started.close()

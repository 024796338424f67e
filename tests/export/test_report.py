"""The report: one file that needs nothing else, with everything that was found."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from maskviz.core.batch import set_padding
from maskviz.core.compare import call_changes, in_words
from maskviz.core.errors import UnusableInput
from maskviz.core.finding import Finding, Severity
from maskviz.core.trace import Trace
from maskviz.export.kinds import Source
from maskviz.export.report import report_html, telling_place, write_report
from tests.gui import sample_trace

pytestmark = pytest.mark.usefixtures("qapp")
FINDING = Finding(
    "MV08-lambda-drops-mask",
    Severity.ERROR,
    "shift",
    "The Lambda 'shift' drops the mask <here>.",
    "A Lambda lets no mask through.",
    "x = a < b & c\nshift = ShiftWithMask()(lstm)",
    "https://example.org/lambda",
    {"loss": 0.25, "share from padding": 0.5},
    verified=True,
)


class Tags(HTMLParser):
    """Every tag that was opened, with its attributes, and whether all were closed."""

    EMPTY = ("meta", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.opened: list[tuple[str, dict[str, str | None]]] = []
        self.stack: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def source_of(sample: sample_trace.Sample, *findings: Finding) -> Source:
    trace: Trace = replace(sample.trace(sample.batch), find=lambda: findings)
    return Source(sample.network, sample.batch, trace, sample.graph)


def test_it_is_whole_and_loads_nothing() -> None:
    text = report_html(source_of(sample_trace.sliced(), FINDING), datetime(2026, 1, 2, 3, 4))
    tags = Tags(text)
    assert tags.stack == []
    assert text.isprintable() or "\n" in text
    assert not {tag for tag, _ in tags.opened} & {"script", "link", "iframe", "object"}
    sources = [value or "" for _, attributes in tags.opened for name, value in attributes.items() if name in ("src", "srcset", "style")]
    assert len([s for s in sources if s.startswith("data:image/svg+xml;base64,")]) == 2
    assert not [s for s in sources if "http" in s or "url(" in s]
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    assert "http" not in style[1]
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert "@media print" in style[1]
    assert all(attributes.get("alt") for tag, attributes in tags.opened if tag == "img")


def test_it_says_what_was_found_as_it_is() -> None:
    sample = sample_trace.sliced()
    source = source_of(sample, FINDING)
    assert source.trace is not None
    words = " ".join(Tags(report_html(source, datetime(2026, 1, 2, 3, 4))).words)
    assert "02 January 2026, 03:04" in words
    assert "The Lambda 'shift' drops the mask <here>." in words
    assert "loss 0.25 · share from padding 0.5" in words
    assert "x = a < b & c" in words
    assert "verified" in words
    for row in source.trace.ledger.rows:
        assert row.label in words
        assert row.formula in words
    for call in source.trace.calls:
        assert call.class_name in words
    assert "43% padding" in words
    assert sample.network.keras in words


def test_no_findings_and_no_loss_are_said() -> None:
    words = " ".join(Tags(report_html(source_of(sample_trace.translator()))).words)
    assert "nothing was found" in words
    assert "has no loss" in words


def test_every_output_has_its_picture() -> None:
    tags = Tags(report_html(source_of(sample_trace.tagger())))
    pictures = [str(attributes["alt"]) for tag, attributes in tags.opened if tag == "img"]
    assert [alt for alt in pictures if alt.endswith("tags")]
    assert [alt for alt in pictures if alt.endswith("score")]


def test_the_graph_shows_a_place_with_padding() -> None:
    trace = source_of(sample_trace.sliced()).trace
    assert trace is not None
    (padding,) = trace.padding.values()
    sample, step = telling_place(trace)
    assert padding[sample, step]
    assert abs(padding[sample].mean() - 0.5) == np.abs(padding.mean(axis=1) - 0.5).min()


def test_it_is_written_once_and_can_be_stopped(tmp_path: Path) -> None:
    source = source_of(sample_trace.sliced())
    path = write_report(source, tmp_path / "r.html")
    before = path.read_bytes()
    with pytest.raises(UnusableInput, match="there already"):
        write_report(source, path, overwrite=False)
    with pytest.raises(UnusableInput, match="could not be written"):
        write_report(source, tmp_path / "no" / "r.html")

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_report(source, path, tell=stop)
    assert path.read_bytes() == before
    with pytest.raises(UnusableInput, match="Wait"):
        report_html(replace(source, trace=None))


def test_what_it_is_compared_with_comes_first() -> None:
    sample = sample_trace.sliced()
    a = source_of(sample)
    padded = set_padding(sample.batch, sample.network.inputs[0], 0, np.arange(24) >= 5)
    b = replace(a, batch=padded, trace=sample.trace(padded), against=a)
    assert a.trace is not None
    assert b.trace is not None
    text = report_html(b)
    tags, without = Tags(text), Tags(report_html(replace(b, against=None)))
    assert tags.stack == []
    pictures = [str(attributes["alt"]) for tag, attributes in tags.opened if tag == "img"]
    assert [alt.split(" of ")[0] for alt in pictures][:2] == ["Where maps differ", "Where the networks differ"]
    assert len(pictures) == 2 + sum(tag == "img" for tag, _ in without.opened)
    words = " ".join(tags.words)
    assert in_words(a.trace, b.trace) in words
    for call, change in call_changes(a.trace, b.trace).items():
        assert call.startswith("loss:") or change.words in words
    assert words.index("Compared with A") < words.index("Findings")
    assert "Compared with A" not in " ".join(without.words)

"""``maskviz repair``: exit codes, sentences, the report as JSON, and the file it saves."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maskviz import cli, repairing, resources
from maskviz.core.messages import Event, Refused, Request
from maskviz.core.repair import Report

EXAMPLE = resources.example("transformer_post_norm")
CLEAN = resources.example("sequence_classifier")

pytestmark = [
    pytest.mark.expects_log("triggered tf.function retracing"),
    pytest.mark.filterwarnings("ignore:.*does not support masking"),
]


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``maskviz repair``."""
    code = cli.run(["repair", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


# -- without an engine


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    from maskviz.engine import client

    monkeypatch.setattr(client, "command", lambda: [sys.executable, "-c", "raise SystemExit('the last words')"])


def unusable(tmp_path: Path) -> Iterator[tuple[list[object], str]]:
    """Arguments that can be refused at once, and what is said of them."""
    text, there = tmp_path / "text.keras", tmp_path / "there.keras"
    text.write_text("hello")
    there.write_text("another network")
    own = tmp_path / "own.keras"
    own.write_bytes(EXAMPLE.network.read_bytes())
    (tmp_path / "link.keras").symlink_to(own)
    yield [tmp_path / "none.keras"], "does not exist"
    yield [text], "is not a network file but text"
    yield [tmp_path], "is a folder"
    yield [own, "--out", tmp_path / "copy.h5"], "does not end in .keras"
    yield [own, "--out", tmp_path / "nowhere" / "copy.keras"], "There is no folder"
    yield [own, "--out", there], "is there already"
    yield [own, "--out", own], "is the network itself"
    yield [own, "--out", own, "--overwrite"], "is the network itself"
    yield [own, "--out", tmp_path / "link.keras", "--overwrite"], "is the network itself"


def test_what_cannot_be_used_has_one_sentence(no_engine: None, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for arguments, said in unusable(tmp_path):
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (2, ""), said
        assert said in err
        assert err.startswith("maskviz: ")
        assert err.count("\n") == 1
    assert (tmp_path / "there.keras").read_text() == "another network"
    assert (tmp_path / "own.keras").read_bytes() == EXAMPLE.network.read_bytes()


def test_a_dead_engine_is_exit_code_3(no_engine: None, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = run(capsys, EXAMPLE.network, "--out", tmp_path / "copy.keras")
    assert (code, out) == (3, "")
    assert "the last words" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [[], [EXAMPLE.network, "--nonsense"], [EXAMPLE.network, "--out"]])
def test_arguments_that_are_none(arguments: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.run(["repair", *map(str, arguments)])
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


# -- with the engine


class Here:
    """The engine in this process, which answers as the child does, without its start."""

    def __init__(self, *arguments: object) -> None:
        from maskviz.engine.service import Service

        self._service = Service()

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def ask(self, request: Request) -> Event:
        answer = self._service.answer(1, request)
        if isinstance(answer, Refused):
            raise answer.error
        return answer


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repairing, "BlockingEngine", Here)


@pytest.mark.engine
def test_a_repaired_copy_and_its_report(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The real command, its engine in a process of its own: the report, and a file that plain Keras loads."""
    import keras

    copy, before = tmp_path / "copy.keras", EXAMPLE.network.read_bytes()
    code, out, err = run(capsys, EXAMPLE.network, "--batch", EXAMPLE.batch, "--out", copy, "--json", "-")
    assert (code, err) == (0, "")
    about = json.loads(out)
    assert about.keys() == {"repairs", "before", "after", "change", "findings", "left", "path", "code"}
    assert about["path"] == str(copy)
    assert about["code"] == []
    assert about["change"]["others"] == 0
    assert all(repair["verified"] for repair in about["repairs"])
    assert {repair["finding"] for repair in about["repairs"]} == {"MV11-mha-strips-mask"}
    assert about["before"]["exposed"] > 0 == about["after"]["exposed"]
    assert Report.from_dict(about).to_dict() == about
    assert EXAMPLE.network.read_bytes() == before
    with np.load(EXAMPLE.batch, allow_pickle=False) as held:
        x, y = held["x"], held["y"]
    said = keras.models.load_model(copy).evaluate(x, y, batch_size=len(y), verbose=0, return_dict=True)
    assert said["loss"] == pytest.approx(about["after"]["loss"], rel=1e-5)


@pytest.mark.engine
def test_what_is_said_of_a_copy(engine: None, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Text on standard output and JSON in a file; a copy that is there is replaced only when that was said."""
    copy, report = tmp_path / "copy.keras", tmp_path / "report.json"
    arguments = [EXAMPLE.network, "--batch", EXAMPLE.batch, "--out", copy, "--json", report]
    code, out, err = run(capsys, *arguments)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("MV11-mha-strips-mask ")
    assert "verified: exposed steps" in lines[0]
    assert lines[-1] == f"The copy was saved as {copy}; plain Keras loads it."
    about: dict[str, Any] = json.loads(report.read_text())
    assert f"loss {about['before']['loss']:.4g} → {about['after']['loss']:.4g}" in out
    copy.write_text("mine")
    assert run(capsys, *arguments)[0] == 2
    assert copy.read_text() == "mine"
    assert run(capsys, *arguments, "--overwrite")[0] == 0
    assert copy.read_bytes().startswith(b"PK")


@pytest.mark.engine
def test_nothing_to_repair(engine: None, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = run(capsys, CLEAN.network, "--batch", CLEAN.batch, "--out", tmp_path / "copy.keras")
    assert code == 0
    assert out.startswith("Nothing to repair")
    assert out.endswith("Nothing was saved: nothing helped.\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.engine
def test_what_is_left_is_exit_code_1(engine: None, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A convolution over gaps has no surgery; the batch is generated, which is said."""
    import keras
    from keras import layers

    keras.utils.clear_session()
    ids = keras.Input((12,), dtype="int32", name="ids")
    hidden = layers.Embedding(9, 4, mask_zero=True)(ids)
    hidden = layers.Conv1D(4, 2, dilation_rate=2, padding="same", name="gaps")(hidden)
    network = keras.Model(ids, layers.Dense(1)(hidden))
    network.compile(loss="mse")
    network.save(tmp_path / "gaps.keras")
    code, out, err = run(capsys, tmp_path / "gaps.keras")
    assert code == 1
    assert "MV05-window-reads-padding gaps: cannot be repaired mechanically: " in out
    assert "generated" in err


@pytest.mark.engine
def test_a_finding_that_is_not_there(engine: None, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for arguments in (["--finding", "MV99"], ["--finding", "MV11", "--call", "nowhere"], ["--json", tmp_path / "no" / "r.json"]):
        code, _, err = run(capsys, EXAMPLE.network, "--batch", EXAMPLE.batch, *arguments)
        assert code == 2
        assert err.splitlines()[-1].startswith("maskviz: ")
        assert err.count("\n") == 1

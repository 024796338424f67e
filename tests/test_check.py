"""``maskviz check`` and its twins in Python: exit codes, baselines, several networks at once, and a message that helps."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import maskviz
from maskviz import cli, resources
from maskviz.checking import baseline
from maskviz.checking.command import check_files
from maskviz.checking.report import FAILED, Known, Report, Unusable
from maskviz.checking.text import summary_text
from maskviz.core.errors import UnusableInput
from maskviz.core.finding import Finding, Severity
from maskviz.finding_text import Style
from tests.check_results import ERROR, INFO, WARNING, checked

pytestmark = pytest.mark.expects_log("triggered tf.function retracing")

# -- exit codes


@pytest.mark.parametrize(
    ("findings", "limit", "code"),
    [
        ((), "warning", 0),
        ((INFO,), "warning", 0),
        ((WARNING, INFO), "error", 0),
        ((WARNING,), "warning", 1),
        ((ERROR,), "warning", 1),
        ((ERROR,), "error", 1),
        ((ERROR,), "never", 0),
    ],
)
def test_exit_codes(findings: tuple[Finding, ...], limit: str, code: int) -> None:
    net = checked(*findings)
    assert Report((net,), limit).exit_code == code
    assert Report((net, Unusable("b.keras", "It is broken.")), limit).exit_code == 2
    assert Report((Unusable("c.keras", "It died.", code=FAILED), net, Unusable("b.keras", "It is broken.")), limit).exit_code == 3
    accepted = replace(net, known=frozenset(range(len(findings))))
    assert Report((accepted,), limit).exit_code == 0


# -- baselines


def test_a_baseline_accepts_what_it_lists(tmp_path: Path) -> None:
    net = checked(ERROR, WARNING, INFO)
    path = tmp_path / "known.json"
    path.write_text(baseline.text(baseline.to_accept([net])))
    entries = baseline.read(str(path))
    assert set(entries) == {Known("tagger", ERROR.id, ERROR.call), Known("tagger", WARNING.id, None)}
    held = baseline.Baseline(entries)
    assert held.accept(replace(net, file="elsewhere.keras")).new == (INFO,)
    assert held.gone == held.elsewhere == ()
    assert baseline.read(str(path)) == tuple(sorted(entries, key=lambda known: known.id))


@pytest.mark.parametrize("other", [{"name": "another"}, {"call": "encoder/shift"}, {"id": "MV09-operation-drops-mask"}])
def test_another_finding_is_new(other: dict[str, str]) -> None:
    held = baseline.Baseline([Known("tagger", ERROR.id, ERROR.call)])
    name = other.pop("name", "tagger")
    assert held.accept(checked(replace(ERROR, **other), name=name)).known == frozenset()
    assert bool(held.gone) is (name == "tagger")
    assert bool(held.elsewhere) is (name != "tagger")


@pytest.mark.parametrize(
    ("given", "known"), [("tagger", "tagger"), ("functional_3", "night"), ("sequential", "night"), ("my_model", "my_model")]
)
def test_a_name_that_keras_made_up_is_no_name(given: str, known: str) -> None:
    assert checked(name=given, file="models/night.keras").name == known


def test_an_entry_accepts_one_finding() -> None:
    """Two networks that Keras gave the same name cannot hide behind each other."""
    held = baseline.Baseline([Known("tagger", ERROR.id, ERROR.call)])
    assert held.accept(checked(ERROR)).new == ()
    assert held.accept(checked(ERROR, file="b.keras")).new == (ERROR,)


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (None, "There is no baseline"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "is no baseline"),
        ('{"schema": 1, "accepted": [{"network": "a", "id": "b"}]}', "every entry needs"),
        ('{"schema": 1, "accepted": [{"network": "a", "id": 7, "call": null}]}', "every entry needs"),
        ('{"schema": 2, "accepted": []}', "another version"),
    ],
)
def test_what_is_no_baseline(held: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    if held is not None:
        path.write_text(held)
    with pytest.raises(UnusableInput, match=said):
        baseline.read(str(path))


def test_an_empty_baseline_is_one(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    path.write_text(baseline.text(()))
    assert baseline.read(str(path)) == ()


def test_the_summary_tells_of_the_baseline() -> None:
    net = replace(checked(ERROR, WARNING), known=frozenset([0]))
    gone = (Known("tagger", "MV12-initial-state-ignores-mask", "gru"),)
    text = summary_text(Report((net, Unusable("b", "It is broken.")), baseline="known.json", gone=gone), Style())
    assert "1 network checked: 1 warning; 1 network could not be checked; 1 accepted by known.json." in text
    assert "MV12-initial-state-ignores-mask at gru in tagger" in text


# -- the command without an engine

EXAMPLE = resources.example("lambda_slice_small")
CLEAN = resources.example("sequence_classifier")


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    from maskviz.engine import client

    monkeypatch.setattr(client, "command", lambda: [sys.executable, "-c", "raise SystemExit('the last words')"])


def test_broken_files_need_no_engine(no_engine: None, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = tmp_path / "text.keras"
    text.write_text("hello")
    files = [str(tmp_path / "none.keras"), str(text)]
    assert cli.run(["check", *files]) == 2
    out, err = capsys.readouterr()
    assert [line.split(": ")[1] for line in err.splitlines()] == files
    assert out == "2 networks could not be checked.\n"
    assert cli.run(["check", files[1], "--format", "json"]) == 2
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert json.loads(out)["networks"][0]["error"] in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--batch", "a.npz", "--batch", "b.npz", "--batch", "c.npz"], "3 batches for 2 networks"),
        (["--batch", "nowhere.npz"], "no file 'nowhere.npz'"),
        (["--baseline", "nowhere.json"], "no baseline 'nowhere.json'"),
        (["--write-baseline", "nowhere/b.json"], "no such folder"),
    ],
)
def test_options_that_cannot_be_used(options: list[str], said: str, no_engine: None, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence before anything is traced."""
    assert cli.run(["check", str(EXAMPLE.network), str(CLEAN.network), *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


def test_a_dead_engine_is_exit_code_3_and_the_rest_is_said(no_engine: None, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    missing = str(tmp_path / "none.keras")
    assert cli.run(["check", str(EXAMPLE.network), missing, str(CLEAN.network)]) == 3
    err = capsys.readouterr().err
    said = [line for line in err.splitlines() if line.startswith("maskviz: ")]
    assert [line.split(": ")[1] for line in said] == [str(EXAMPLE.network), missing, str(CLEAN.network)]
    assert err.count("the last words") == 2


def test_a_fault_of_our_own_hides_no_other_network(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(*arguments: object, **named: object) -> None:
        raise ZeroDivisionError("of a rule")

    monkeypatch.setattr("maskviz.api.trace_with", fails)
    monkeypatch.setattr("maskviz.checking.command.BlockingEngine.__enter__", lambda self: self)
    assert cli.run(["check", str(EXAMPLE.network), str(CLEAN.network)]) == 3
    assert capsys.readouterr().err.count("ZeroDivisionError: of a rule") == 2


# -- with the engine


def arguments(*files: object) -> list[str]:
    return ["check", *map(str, files), "--custom", str(EXAMPLE.custom)]


@pytest.mark.engine
def test_several_networks_one_of_them_broken(tmp_path: Path) -> None:
    """The real command: what can be checked is, the broken file has its sentence, the worst code wins, no colour in a pipe."""
    broken = tmp_path / "broken.keras"
    broken.write_bytes(EXAMPLE.network.read_bytes()[:-300])
    pairs = ((EXAMPLE.network, EXAMPLE.batch), (broken, "README.md"), (CLEAN.network, CLEAN.batch))
    command = [sys.executable, "-m", "maskviz", *arguments(), *(str(part) for n, b in pairs for part in (n, "--batch", b))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
    assert done.returncode == 2, done.stderr
    assert "MV08-lambda-drops-mask at shift" in done.stdout
    assert 'name="shift"' in done.stdout
    assert "0.1401 where real steps alone give" in " ".join(done.stdout.split())
    assert f"{CLEAN.network}: " in done.stdout
    assert "2 networks checked: 1 error" in done.stdout
    assert "1 network could not be checked" in done.stdout
    assert "\x1b" not in done.stdout
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("maskviz: ")]
    assert sentence.startswith(f"maskviz: {broken}: ")
    assert "Traceback" not in done.stderr


@pytest.mark.engine
def test_a_baseline_is_written_and_kept(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Findings fail a check, are accepted by writing a baseline, and then fail it no more; entries of other networks stay."""
    path, one = tmp_path / "known.json", [*arguments(EXAMPLE.network), "--batch", str(EXAMPLE.batch)]
    path.write_text(baseline.text([Known("another", ERROR.id, "x"), Known("lambda_slice_small", ERROR.id, "gone")]))
    assert cli.run([*one, "--baseline", str(path), "--write-baseline", str(path)]) == 0
    assert set(baseline.read(str(path))) == {Known("another", ERROR.id, "x"), Known("lambda_slice_small", ERROR.id, "shift")}
    capfd.readouterr()
    assert cli.run([*one, "--baseline", str(path), "--format", "sarif", "--verify"]) == 0
    (run,) = json.loads(capfd.readouterr().out)["runs"]
    (result,) = [r for r in run["results"] if r["level"] == "error"]
    assert result["suppressions"][0]["kind"] == "external"
    assert result["properties"]["verified"] is True
    assert "verified" in result["properties"]["tried"]


# -- from Python


@pytest.fixture(scope="module")
def batch() -> tuple[Any, Any]:
    """Ids with padding on the right, and targets a step."""
    x = np.array([[1, 2, 3, 0, 0, 0], [4, 5, 6, 7, 0, 0], [1, 2, 3, 4, 5, 6]])
    return x, np.random.default_rng(0).normal(size=(3, 6, 1)).astype("float32")


def tagger(drops: bool = False, loss: str | None = "mse") -> Any:
    import keras
    from keras import layers

    keras.utils.clear_session()  # names are numbered anew
    keras.utils.set_random_seed(0)
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = layers.Embedding(20, 4, mask_zero=True, name="embedding")(ids)
    x = layers.LSTM(4, return_sequences=True, name="lstm")(x)
    x = x * 2.0 if drops else x
    network = keras.Model(ids, layers.Dense(1, name="tag")(x), name="tagger")
    if loss:
        network.compile(loss=loss)
    return network


@pytest.mark.engine
def test_check_from_python(batch: tuple[Any, Any]) -> None:
    found = maskviz.check(tagger(drops=True), *batch)
    assert found[0].id == "MV09-operation-drops-mask"
    assert found[0].severity is maskviz.Severity.ERROR
    assert {f.severity for f in maskviz.check(tagger(), *batch)} <= {Severity.INFO}


@pytest.mark.engine
def test_a_thorough_check_from_python(batch: tuple[Any, Any], tmp_path: Path) -> None:
    """What only more padding shows is found when asked for, of a live network as of its file."""
    import keras
    from keras import layers

    keras.utils.clear_session()
    x = keras.Input((None,), dtype="int32", name="ids")
    read = layers.GRU(4)(layers.Embedding(20, 4, mask_zero=True)(x))
    steps = keras.ops.sum(keras.ops.ones_like(x, dtype="float32"), axis=1, keepdims=True)
    network = keras.Model(x, layers.Dense(1, name="out")(read * steps))
    network.compile(loss="mse")
    ids, y = batch[0], batch[1][:, 0]
    assert [f.id for f in maskviz.check(network, ids, y) if f.severity == "error"] == []
    assert [f.id for f in maskviz.check(network, ids, y, thorough=True) if f.severity == "error"] == ["MV41-follows-length-of-padding"]
    with pytest.raises(AssertionError, match="MV41"):
        maskviz.assert_masked(network, ids, y, thorough=True)
    network.save(tmp_path / "steps.keras")
    assert maskviz.trace(tmp_path / "steps.keras", ids, y, thorough=True).length_follows == {"out": 1.0}


@pytest.mark.engine
def test_assert_masked(batch: tuple[Any, Any]) -> None:
    """Silent on a clean network; else a message with the layer, the numbers and the fix."""
    maskviz.assert_masked(tagger(), *batch)
    with pytest.raises(AssertionError) as caught:
        maskviz.assert_masked(tagger(drops=True), *batch)
    message = str(caught.value)
    assert message.splitlines()[0] == "padding is not masked as it should be: 'multiply' of 'tagger', MV09-operation-drops-mask"
    for part in ("where real steps", "share from padding", "Fix:", "multiply = ", "https://"):
        assert part in " ".join(message.split())


@pytest.mark.engine
def test_what_assert_masked_lets_pass(batch: tuple[Any, Any]) -> None:
    broken, rule = tagger(drops=True), "MV09-operation-drops-mask"
    maskviz.assert_masked(broken, *batch, accept=[rule])
    maskviz.assert_masked(broken, *batch, accept=f"{rule}@multiply")
    with pytest.raises(AssertionError):
        maskviz.assert_masked(broken, *batch, accept=[f"{rule}@lstm"])
    uncompiled = tagger(drops=True, loss=None)
    maskviz.assert_masked(uncompiled, batch[0], at_least="error")
    with pytest.raises(AssertionError, match=r"a loss on 'tag' would count\s+padding"):
        maskviz.assert_masked(uncompiled, batch[0])


@pytest.mark.engine
def test_a_batch_without_padding_proves_nothing(batch: tuple[Any, Any]) -> None:
    with pytest.raises(UnusableInput, match="no padding"):
        maskviz.assert_masked(tagger(drops=True), batch[0][2:], batch[1][2:])


def test_names_of_the_package() -> None:
    assert all(callable(getattr(maskviz, name)) for name in maskviz.__all__)
    with pytest.raises(AttributeError):
        maskviz.nonsense  # noqa: B018


def test_results_come_one_after_another(no_engine: None) -> None:
    """A file is reported before the next is looked at."""
    options = argparse.Namespace(networks=["none.keras", str(EXAMPLE.network)], device=None)
    results = check_files(options, [None, None])
    assert next(results).file == "none.keras"
    results.close()

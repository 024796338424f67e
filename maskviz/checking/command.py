"""``maskviz check``: trace each network in one engine after another, say what was found, and return the exit code."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from maskviz import api
from maskviz.checking import as_json, baseline, sarif
from maskviz.checking.report import FAILED, NEVER, Checked, Known, Report, Result, Unusable
from maskviz.checking.text import checked_text, summary_text
from maskviz.core import archive, batch_files
from maskviz.core.batch import Batch
from maskviz.core.errors import EngineFailed, MaskVizError, UnusableInput, writing
from maskviz.core.finding import Severity
from maskviz.core.messages import RepairCopy, Repaired, UseDevice
from maskviz.core.network import Network
from maskviz.core.repair import with_verdicts
from maskviz.core.trace import Trace
from maskviz.engine.client import BlockingEngine
from maskviz.finding_text import Style

WIDEST = 110  # longer lines are hard to read


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    parser.add_argument("--format", choices=("text", "json", "sarif"), default="text", help="what is written to standard output (text)")
    limits = (str(Severity.ERROR), str(Severity.WARNING), NEVER)
    parser.add_argument("--fail-on", choices=limits, default=limits[0], help="exit with code 1 on findings of this weight or more (error)")
    parser.add_argument("--baseline", metavar="FILE", help="accept the findings that this file lists")
    parser.add_argument("--write-baseline", metavar="FILE", help="accept all errors and warnings of now by writing them into FILE")
    parser.add_argument("--verify", action="store_true", help="try fixes on a copy of the network, and say whether they help")
    parser.add_argument("--quick", action="store_true", help="leave out what takes longest: other lengths of padding, and gradients")
    parser.add_argument("--verbose", action="store_true", help="reasons and fixes also for what is only worth knowing")


def run(options: argparse.Namespace) -> int:
    """Check all networks of the command line and return the exit code. Raises MaskVizError for options that cannot be used."""
    batches = _batches(options)
    if options.write_baseline and not Path(options.write_baseline).absolute().parent.is_dir():
        raise UnusableInput(f"{options.write_baseline} cannot be written: there is no such folder; choose another place.")
    entries = baseline.Baseline(baseline.read(options.baseline) if options.baseline else ())
    style = _style()
    results: list[Result] = []
    for result in check_files(options, batches, _tell()):
        if isinstance(result, Checked):
            result = entries.accept(result)
            if options.format == "text":
                _say(checked_text(result, style, options.verbose) + "\n")
        else:
            _complain(result, several=len(options.networks) > 1)
        results.append(result)
    report = Report(tuple(results), options.fail_on, options.baseline, entries.gone)
    if options.write_baseline:
        accepted = (*baseline.to_accept(report.checked), *entries.elsewhere)
        report = _written(report, accepted, options.write_baseline)
    match options.format:
        case "json":
            _say(as_json.to_json(report))
        case "sarif":
            _say(sarif.to_sarif(report))
        case _:
            _say(summary_text(report, style, options.verbose))
            if options.write_baseline:
                _say(f"{options.write_baseline} is written: --baseline {options.write_baseline} accepts these from now on.")
    return report.exit_code


def check_files(
    options: argparse.Namespace, batches: list[str | None], tell: Callable[[str], None] = lambda sentence: None
) -> Generator[Result, None, None]:
    """The results one after another. One engine serves all networks; when it dies, the next network gets another."""
    engine: BlockingEngine | None = None
    with ExitStack() as life:
        for file, batch in zip(options.networks, batches, strict=True):
            try:
                archive.look(file)  # what is no network needs no engine
                if engine is None:
                    engine = life.enter_context(BlockingEngine(tell))
                    if options.device is not None:
                        engine.ask(UseDevice(options.device))
                yield _checked(engine, file, batch, options)
            except EngineFailed as error:
                life.close()
                engine = None
                yield Unusable(file, str(error), tuple(error.details.splitlines()), FAILED)
            except MaskVizError as error:
                yield Unusable(file, str(error), tuple(f"would run: {line}" for line in getattr(error, "code", ())))
            except Exception as error:  # one network that MaskViz cannot judge must not hide what it knows of the others
                yield Unusable(file, "MaskViz failed on this network; please report it.", (f"{type(error).__name__}: {error}",), FAILED)


def _checked(engine: BlockingEngine, file: str, batch_file: str | None, options: argparse.Namespace) -> Checked:
    notes: list[str] = []
    tried: dict[tuple[str, str | None], str] = {}

    def read(network: Network) -> Batch | None:
        notes.extend(network.notes)
        if batch_file is None:
            return None
        batch, said = batch_files.read_batch(batch_file, network)
        notes.extend(said)
        return batch

    asked = {"seed": options.seed, "custom": options.custom, "unsafe": options.unsafe, "loss": options.loss}
    trace, batch, _ = api.trace_with(engine, Path(file), read, **asked, thorough=not options.quick)
    if not trace.has_padding:
        notes.append("The batch has no padding, so this run shows nothing about masks: give a batch with padding.")
    if options.verify:
        trace, tried, said = _verified(engine, trace)
        notes.extend(said)
    checked = Checked(file, trace, batch.source, tuple(notes), tried=tried)
    checked.findings  # noqa: B018  the rules are asked here, where a fault of theirs is met
    return checked


def _verified(engine: BlockingEngine, trace: Trace) -> tuple[Trace, dict[tuple[str, str | None], str], tuple[str, ...]]:
    """The trace with its findings' verdicts, what came of each fix that was tried, and why none was."""
    try:
        repaired = engine.ask(RepairCopy())
    except UnusableInput as error:
        return trace, {}, (f"No fix was tried: {error}",)
    assert isinstance(repaired, Repaired)
    repairs = repaired.report.repairs
    findings = with_verdicts(trace.findings, repairs)
    return replace(trace, find=lambda: findings), {(r.finding, r.call): r.sentence for r in repairs if r.applied}, ()


def _batches(options: argparse.Namespace) -> list[str | None]:
    """The batch file of each network: none, one for all, or one for each."""
    given, many = options.batch or [], len(options.networks)
    if len(given) not in (0, 1, many):
        raise UnusableInput(
            f"There are {len(given)} batches for {many} networks: give --batch once for all, or once for each in their order."
        )
    for file in given:
        if not Path(file).exists():
            raise UnusableInput(f"There is no file '{file}'; choose a .npz, .npy, .csv or .json file.")
    return list(given) if len(given) == many else [given[0] if given else None] * many


def _written(report: Report, accepted: tuple[Known, ...], path: str) -> Report:
    """Write the baseline; by it, all findings of this run are accepted."""
    with writing(path):
        Path(path).write_text(baseline.text(accepted), encoding="utf-8")
    entries = baseline.Baseline(accepted)
    results = tuple(entries.accept(r) if isinstance(r, Checked) else r for r in report.results)
    return Report(results, report.fail_on, path)


def _style() -> Style:
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else 100
    return Style(min(width, WIDEST), terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")


def _tell() -> Callable[[str], None]:
    show = sys.stderr.isatty()

    def tell(sentence: str) -> None:
        if show:
            sys.stderr.write(f"maskviz: {sentence}…\n")

    return tell


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _complain(unusable: Unusable, several: bool) -> None:
    name = f"{unusable.file}: " if several else ""
    sys.stderr.write("\n".join([f"maskviz: {name}{unusable.sentence}", *(f"  {line}" for line in unusable.lines)]) + "\n")
    sys.stderr.flush()

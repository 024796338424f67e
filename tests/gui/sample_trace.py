"""Traces made by hand, without Keras, for tests of the panels: three small networks whose numbers numpy alone gives.

``sliced`` features ``(16, 24, 8)`` → Masking → LSTM → LSTM → Lambda that drops three steps and the mask → Dense, mae.
``tagger`` ids ``(6, 10)`` → Embedding(mask_zero) → GRU → Dense(3), sparse classes, and a second output without a time axis.
``translator`` two inputs of different lengths, ids ``(4, 7)`` and ids ``(4, 5)``, one output on the second one's time axis.

Each is a ``Sample``: ``network``, ``batch``, and ``trace(batch)`` that may be called again on an edited batch.
``document(sample)`` is an open document that holds all three; ``answer(document, sample)`` renews its trace as a job would.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.graph import Edge, Graph, Node
from maskviz.core.ledger import Ledger, LedgerRow, LossTerms
from maskviz.core.network import InputSpec, Network, OutputSpec
from maskviz.core.status import status_of
from maskviz.core.trace import Call, Fate, OutputTrace, TensorIn, TensorOut, Trace
from maskviz.session.document import Document


@dataclass(frozen=True)
class Sample:
    network: Network
    batch: Batch
    graph: Graph
    trace: Callable[[Batch], Trace]


def document(sample: Sample, traced: bool = True) -> Document:
    """An open document on a sample, with or without the engine's answer."""
    doc = Document()
    doc.title = sample.network.name
    doc.network, doc.batch, doc.graph, doc.device = sample.network, sample.batch, sample.graph, "CPU"
    doc.trace = sample.trace(sample.batch) if traced else None
    return doc


def answer(doc: Document, sample: Sample) -> None:
    """What a job does when the engine has answered: a new trace of the document's batch."""
    assert doc.batch is not None
    doc.trace = sample.trace(doc.batch)
    doc.trace_changed.emit()


def right_padding(lengths: list[int], steps: int) -> NDArray:
    """``(batch, steps)`` bool, True from each length on."""
    return np.arange(steps) >= np.array(lengths)[:, None]


def mean_ledger(values: NDArray, padded: NDArray, mask: NDArray | None, name: str, output: str, weight: NDArray | None = None) -> Ledger:
    """The ledger of one output whose loss is the mean over kept steps (over all steps where ``mask`` is None)."""
    weights = (
        np.ones_like(values)
        if weight is None
        else np.broadcast_to(weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim)), values.shape)
    )
    counted = values * weights * (1 if mask is None else mask)
    divisor = values.size if mask is None else int(mask.sum())
    total = float(counted.sum() / divisor)
    kept = ~padded if padded.shape == values.shape else np.ones_like(values, bool)
    kept_only, unmasked = float((values * kept).sum() / kept.sum()), float(values.mean())
    share = float(counted[~kept].sum() / counted.sum())
    steps = "all" if mask is None else "kept"
    rows = (
        LedgerRow("reported", "reported by evaluate()", total, ""),
        LedgerRow("sum", "sum of contributions", total, f"Σ {counted.sum():.4g} / {divisor} {steps} steps"),
        LedgerRow("kept_only", "over kept steps (Keras 3)", kept_only, f"Σ {(values * kept).sum():.4g} / {kept.sum()} kept steps"),
        LedgerRow(
            "all_steps", "÷ all steps (Keras 2)", float((values * kept).mean()), f"Σ {(values * kept).sum():.4g} / {values.size} steps"
        ),
        LedgerRow("unmasked", "without any mask", unmasked, f"Σ {values.sum():.4g} / {values.size} steps"),
    )
    terms = LossTerms(output, name, 1.0, "sum_over_batch_size", True, values, mask, weight, total)
    return Ledger(total, total, kept_only, unmasked, share, evaluate=total, terms=(terms,), rows=rows)


def call(
    name: str,
    class_name: str,
    source: str | None,
    shape_in: tuple[int, ...],
    mask_in: str | None,
    shape: tuple[int, ...],
    mask: str | None,
    fate: Fate,
    *,
    kind: str = "layer",
    has_time: bool = True,
    touched: float | None = 0.0,
    parameters: int = 0,
    supports: bool | None = True,
    ignores: bool = False,
    stripped: tuple[int, ...] = (),
    received: dict[str, str | None] | None = None,
) -> Call:
    """One call with one input tensor and one output tensor."""
    inputs = () if source is None else (TensorIn(source, shape_in, mask_in),)
    outputs = (TensorOut(shape, "float32", mask, has_time, touched),)
    return Call(name, name, class_name, kind, None, "data", inputs, received or {}, stripped, outputs, fate, ignores, parameters, supports)  # type: ignore[arg-type]


def _graph(calls: tuple[Call, ...], losses: dict[str, tuple[str, str]]) -> Graph:
    nodes = tuple(Node(c.id, c.name, c.class_name, kind=c.kind, shape=(None, *c.outputs[0].shape[1:])) for c in calls)
    nodes += tuple(Node(f"loss:{output}", name, "loss", kind="loss") for output, (name, _) in losses.items())
    edges = tuple(Edge(i.source, c.id) for c in calls for i in c.inputs if i.source)
    return Graph(nodes, edges + tuple(Edge(source, f"loss:{output}") for output, (_, source) in losses.items()))


def sliced() -> Sample:
    """Masking → LSTM → LSTM → Lambda x[:, 3:] (drops the mask) → Dense(1): the network of the design's pictures."""
    rng = np.random.default_rng(0)
    size, steps, width, cut = 16, 24, 8, 3
    padded = right_padding([15, 9, 11, 12, 11, 21, 22, 17, 8, 9, 13, 15, 18, 16, 12, 10], steps)
    content = rng.normal(size=(size, steps, width)).astype("float32")
    batch = Batch(
        x={"features": np.where(padded[..., None], np.float32(0), content)},
        y={"dense": rng.normal(size=(size, steps - cut, 1)).astype("float32")},
        padding={"features": padded},
        content={"features": content},
        source="generated, seed 0",
    )
    network = Network(
        "seed_lambda_slice", "Functional", True, "3.15.1", "tensorflow",
        (InputSpec("features", (None, None, width), "float32", "features", 0.0, masked=True),),
        (OutputSpec("dense", (None, None, 1), "float32", "mae", (None, None, 1)),),
        parameters=51_777,
    )  # fmt: skip

    def trace(batch: Batch) -> Trace:
        x, y = batch.x["features"], batch.y["dense"]
        mask = (x != 0).any(axis=2)
        predictions = (np.tanh(x.mean(axis=2, keepdims=True)[:, cut:]) * 0.5 + 0.1).astype("float32")
        values = np.abs(predictions - y)[..., 0]
        weight = batch.sample_weight.get("dense")
        padding = batch.padding["features"]
        ledger = mean_ledger(values, padding[:, cut:], None, "mae", "dense", weight)
        wide, sliced_shape = (size, steps, 64), (size, steps - cut, 64)
        calls = (
            call("features", "InputLayer", None, (), None, (size, steps, width), None, Fate.NONE, kind="input", supports=None),
            call("masking", "Masking", "features", (size, steps, width), None, (size, steps, width), "m0", Fate.CREATES),
            call(
                "lstm", "LSTM", "masking", (size, steps, width), "m0", wide, "m0", Fate.PASSES, parameters=18_688, received={"mask": "m0"}
            ),
            call("lstm_1", "LSTM", "lstm", wide, "m0", wide, "m0", Fate.PASSES, parameters=33_024, received={"mask": "m0"}),
            call("shift", "Lambda", "lstm_1", wide, "m0", sliced_shape, None, Fate.DROPS, supports=False),
            call("dense", "Dense", "shift", sliced_shape, None, (size, steps - cut, 1), None, Fate.NONE, parameters=65),
        )
        touched = {c.id: padding if c.outputs[0].shape[1] == steps else padding[:, cut:] for c in calls}
        keys = {c.id: c.outputs[0].mask for c in calls}
        status = {c.id: status_of(mask if keys[c.id] else None, touched[c.id], c.outputs[0].shape, True) for c in calls}
        out = OutputTrace("dense", "dense", None, True, "features", tuple(range(cut, steps)))
        contributions = values * (1 if weight is None else weight.reshape(len(weight), -1)) / values.size
        return Trace(
            "3.15.1", "tensorflow", "CPU", network.name, network.class_name, True, calls, (out,), {"m0": mask}, status, touched,
            {"dense": predictions}, {"dense": contributions}, dict(batch.padding), ledger,
            metrics={"mse": float(((predictions - y) ** 2).mean())},
            padding_test="Padding was replaced by noise in 1 input; every mask was held as it was.", seconds=0.0031,
        )  # fmt: skip

    graph = _graph(trace(batch).calls, {"dense": ("mae", "dense")})
    return Sample(network, batch, graph, trace)


def tagger() -> Sample:
    """Embedding(mask_zero) → GRU, with a tag for every step (sparse classes) and one number for the whole sample."""
    rng = np.random.default_rng(1)
    size, steps, classes = 6, 10, 3
    padded = right_padding([10, 7, 4, 8, 2, 5], steps)
    content = rng.integers(1, 20, (size, steps)).astype("int32")
    batch = Batch(
        x={"tokens": np.where(padded, np.int32(0), content)},
        y={"tags": rng.integers(0, classes, (size, steps)).astype("int32"), "score": rng.normal(size=(size, 1)).astype("float32")},
        sample_weight={"score": np.linspace(0.5, 1.5, size).astype("float32")},
        padding={"tokens": padded},
        content={"tokens": content},
        source="tagger.npz",
    )
    network = Network(
        "tagger", "Functional", True, "3.15.1", "tensorflow",
        (InputSpec("tokens", (None, None), "int32", "ids", 0, vocabulary=20, masked=True),),
        (
            OutputSpec("tags", (None, None, classes), "float32", "sparse_categorical_crossentropy", (None, None), "int32", classes),
            OutputSpec("score", (None, 1), "float32", "mse", (None, 1)),
        ),
        parameters=412, notes=("The file's optimizer was left out: it is not needed to look at masks.",),
    )  # fmt: skip

    def trace(batch: Batch) -> Trace:
        x, y = batch.x["tokens"], batch.y
        mask = x != 0
        logits = np.sin(x[..., None] * np.arange(1, classes + 1)).astype("float32")
        tags = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        score = (x.mean(axis=1, keepdims=True) / 10).astype("float32")
        values = -np.log(np.take_along_axis(tags, y["tags"][..., None].astype(int), -1)[..., 0])
        squared = ((score - y["score"]) ** 2)[:, 0]
        weight = batch.sample_weight.get("score", np.ones(size, "float32"))
        first = mean_ledger(values, ~mask, mask, "sparse_categorical_crossentropy", "tags", batch.sample_weight.get("tags"))
        second = LossTerms("score", "mse", 0.5, "sum_over_batch_size", True, squared, None, weight, float(0.5 * (squared * weight).mean()))
        total = float(first.sum or 0) + second.total
        rows = (
            LedgerRow("reported", "reported by evaluate()", total),
            LedgerRow("sum", "sum of contributions", total),
            LedgerRow("kept_only", "over kept steps (Keras 3)", None, "score has no steps"),
        )
        ledger = Ledger(total, total, None, None, 0.0, evaluate=total + 0.01, terms=(*first.terms, second), rows=rows)
        calls = (
            call("tokens", "InputLayer", None, (), None, (size, steps), None, Fate.NONE, kind="input", supports=None),
            call("embedding", "Embedding", "tokens", (size, steps), None, (size, steps, 4), "m0", Fate.CREATES, parameters=80),
            call(
                "gru",
                "GRU",
                "embedding",
                (size, steps, 4),
                "m0",
                (size, steps, 5),
                "m0",
                Fate.PASSES,
                parameters=165,
                received={"mask": "m0"},
            ),
            call("tags", "Dense", "gru", (size, steps, 5), "m0", (size, steps, classes), "m0", Fate.PASSES, parameters=18),
            call(
                "last",
                "GRU",
                "gru",
                (size, steps, 5),
                "m0",
                (size, 5),
                None,
                Fate.ENDS,
                has_time=False,
                ignores=True,
                received={"mask": None},
            ),
            call("score", "Dense", "last", (size, 5), None, (size, 1), None, Fate.NONE, has_time=False, parameters=6),
        )
        timed = [c.id for c in calls if c.outputs[0].has_time]
        touched = {c.id: ~mask if c.id in timed else np.zeros(size, bool) for c in calls}
        status = {c.id: status_of(mask if c.outputs[0].mask else None, touched[c.id], c.outputs[0].shape, c.id in timed) for c in calls}
        outs = (OutputTrace("tags", "tags", "m0", True, "tokens", tuple(range(steps))), OutputTrace("score", "score", None, False))
        return Trace(
            "3.15.1", "tensorflow", "CPU", network.name, network.class_name, True, calls, outs, {"m0": mask}, status, touched,
            {"tags": tags, "score": score}, {"tags": values * mask / mask.sum(), "score": 0.5 * squared * weight / size},
            {"tokens": ~mask}, ledger, metrics={"tags_accuracy": float((tags.argmax(-1) == y["tags"]).mean())},
            padding_test="Noise at masked steps of embedding; every mask was held as it was.", seconds=0.0042,
        )  # fmt: skip

    graph = _graph(trace(batch).calls, {"tags": ("sparse_categorical_crossentropy", "tags"), "score": ("mse", "score")})
    return Sample(network, batch, graph, trace)


def translator() -> Sample:
    """Encoder and decoder with different lengths; the output is on the decoder's time axis and there is no loss."""
    rng = np.random.default_rng(2)
    size, long, short = 4, 7, 5
    padded = {"source": right_padding([7, 5, 3, 6], long), "target": right_padding([5, 2, 4, 3], short)}
    content = {name: rng.integers(1, 9, p.shape).astype("int32") for name, p in padded.items()}
    batch = Batch(
        x={n: np.where(padded[n], np.int32(0), c) for n, c in content.items()}, padding=padded, content=content, source="generated, seed 2"
    )
    network = Network(
        "translator", "Functional", False, "3.15.1", "tensorflow",
        tuple(InputSpec(n, (None, None), "int32", "ids", 0, vocabulary=9, masked=True) for n in padded),
        (OutputSpec("words", (None, None, 2), "float32"),), parameters=1200,
    )  # fmt: skip

    def trace(batch: Batch) -> Trace:
        masks = {"m0": batch.x["source"] != 0, "m1": batch.x["target"] != 0}
        calls = (
            call("source", "InputLayer", None, (), None, (size, long), None, Fate.NONE, kind="input", supports=None),
            call("target", "InputLayer", None, (), None, (size, short), None, Fate.NONE, kind="input", supports=None),
            call("embed_source", "Embedding", "source", (size, long), None, (size, long, 3), "m0", Fate.CREATES, parameters=27),
            call("embed_target", "Embedding", "target", (size, short), None, (size, short, 3), "m1", Fate.CREATES, parameters=27),
            call("words", "Attention", "embed_target", (size, short, 3), "m1", (size, short, 2), "m1", Fate.PASSES, stripped=(0,)),
        )
        own = {"source": "m0", "embed_source": "m0", "target": "m1", "embed_target": "m1", "words": "m1"}
        touched = {c.id: ~masks[own[c.id]] for c in calls}
        status = {c.id: status_of(masks[own[c.id]] if c.outputs[0].mask else None, touched[c.id], c.outputs[0].shape, True) for c in calls}
        words = np.stack([batch.x["target"] / 10, batch.x["target"] / 5], axis=-1).astype("float32")
        out = OutputTrace("words", "words", "m1", True, "target", tuple(range(short)))
        return Trace(
            "3.15.1", "tensorflow", "CPU", network.name, network.class_name, False, calls, (out,), masks, status, touched,
            {"words": words}, {}, dict(batch.padding), Ledger(None, None, None, None, None),
            padding_test="Noise at masked steps of embed_source and embed_target.",
        )  # fmt: skip

    return Sample(network, batch, _graph(trace(batch).calls, {}), trace)

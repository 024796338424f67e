"""From a recording to a trace: mask keys, fates, roles, statuses, contributions and the ledger (pure functions)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core import hidden, losses
from maskviz.core.batch import Batch
from maskviz.core.by_rows import by_rows
from maskviz.core.findings import Facts, Finding, findings_of
from maskviz.core.lazy_arrays import LazyArrays
from maskviz.core.ledger import MetricNote
from maskviz.core.network import Network
from maskviz.core.recording import Recording
from maskviz.core.status import both, count_of, inverse, status_of, step_mask
from maskviz.core.step_map import Padded, Steps, step_map, windowed_padding
from maskviz.core.trace import Call, Fate, OutputTrace, TensorIn, TensorOut, Trace, at_steps

About = Mapping[str, Any]


def trace_of(recording: Recording, batch: Batch, device: str = "", seconds: float = 0.0) -> Trace:
    """The trace of one batch from the engine's recording of it."""
    about = recording.about
    keys = _mask_keys(recording)
    masks = {key: recording.arrays[f"mask/{slot}"].astype(bool, copy=False) for slot, key in sorted(keys.items())}
    tensors = {_ref(call, n): out for call in about["calls"] for n, out in enumerate(call["outputs"])}
    touched = {ref: t for ref, out in tensors.items() if (t := _touched(recording, ref, out)) is not None}
    padding = _padding(about, batch, keys, masks)
    steps = step_map(about, batch)
    windowed = windowed_padding(about, steps, padding)
    outputs = _network_outputs(about, recording, padding, keys, steps)

    def status(ref: str, samples: slice | None = None) -> NDArray[Any]:
        out, moved = tensors[ref], touched.get(ref)
        mask = step_mask(masks[keys[out["mask"]]], tuple(out["shape"])) if out["mask"] in keys else None
        shape = tuple(out["shape"])
        if samples is not None:
            mask, moved = (None if array is None else array[samples] for array in (mask, moved))
            shape = (len(range(shape[0])[samples]), *shape[1:])
        return status_of(mask, moved, shape, out["time"])

    calls = (*_input_calls(about, batch), *_calls(about, keys, masks, _touched_kept(about, keys, masks, touched, padding, steps, windowed)))
    predictions = {o["name"]: recording.arrays[f"out/{n}"] for n, o in enumerate(about["outputs"])}
    output_padding = {o.name: p for o in outputs if (p := _output_padding(o, padding, masks, windowed)) is not None}
    contributions, ledger = losses.explain(recording, output_padding)
    network = about["network"]
    trace = Trace(
        keras=about["keras"],
        backend=about["backend"],
        device=device,
        network_name=network["name"],
        network_class=network["class_name"],
        compiled=network["compiled"],
        calls=calls,
        network_outputs=outputs,
        masks=masks,
        status=LazyArrays(list(tensors), status, status),
        touched=touched,
        outputs=predictions,
        contributions=contributions,
        padding=padding,
        ledger=ledger,
        metrics=about["metrics"],
        metric_notes=tuple(MetricNote(**note) for note in about.get("metric_notes", [])),
        padding_test=about["padding_test"],
        notes=(*about["notes"], *hidden.notes(about)),
        seconds=seconds,
        compiled_with=about.get("compiled_with", {}),
        steps=steps,
        windowed=windowed,
        broken=dict(_broken(recording, tensors)),
        broken_inputs={key.removeprefix("given/"): a for key, a in recording.arrays.items() if key.startswith("given/") and a.any()},
        broken_weights={call: tuple(names) for call, names in about.get("broken_weights", {}).items()},
    )

    def find(about: Trace) -> tuple[Finding, ...]:
        return findings_of(Facts(about, Network.from_dict(network), batch))

    return replace(trace, find=lambda: find(trace), find_in=find)


def _output_padding(
    output: OutputTrace, padding: Mapping[str, NDArray[Any]], masks: Mapping[str, NDArray[Any]], windowed: Mapping[str, Padded]
) -> NDArray[Any] | None:
    """Which steps of an output are padding: those of the input it goes with, else those its own mask skips."""
    if output.ref is not None and output.ref in windowed:
        return windowed[output.ref]
    if output.steps is not None and output.time_input is not None and output.time_input in padding:
        return at_steps(padding[output.time_input], output.steps)
    return inverse(masks[output.mask]) if output.mask is not None and masks[output.mask].ndim == 2 else None


def _ref(call: About, output: int) -> str:
    return str(call["id"]) if output == 0 else f"{call['id']}#{output}"


def _mask_keys(recording: Recording) -> dict[int, str]:
    """Keys ``m0``, ``m1`` … of mask slots in the order of their first use; masks of equal content share a key."""
    keys: dict[int, str] = {}
    different: dict[str, NDArray[Any]] = {}
    for slot in _slots_in_order(recording.about):
        if slot in keys or f"mask/{slot}" not in recording.arrays:
            continue
        mask = recording.arrays[f"mask/{slot}"].astype(bool, copy=False)
        key = next((k for k, other in different.items() if other.shape == mask.shape and _equal(other, mask).all()), None)
        if key is None:
            key = f"m{len(different)}"
            different[key] = mask
        keys[slot] = key
    return keys


@by_rows
def _equal(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Whether each sample's masks are equal ``(batch,)``."""
    return np.asarray((one == other).reshape(len(one), -1).all(axis=1))


def _slots_in_order(about: About) -> Iterator[int]:
    for call in about["calls"]:
        yield from (i["mask"] for i in call["inputs"] if i["mask"] is not None)
        yield from _flat(call["received"].values())
        yield from (o["mask"] for o in call["outputs"] if o["mask"] is not None)
    yield from (o["mask"] for o in about["outputs"] if o["mask"] is not None)


def _flat(values: Any) -> Iterator[int]:
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        elif value is not None:
            yield value


def _touched(recording: Recording, ref: str, out: About) -> NDArray[Any] | None:
    """Touched steps ``(batch, time)``, or samples ``(batch,)`` of a tensor without a time axis; None without a padding test."""
    moved = recording.arrays.get(f"moved/{ref}")
    if moved is None or recording.about["padding_test"].startswith("not made"):
        return None
    return moved if out["time"] or moved.ndim < 2 else np.asarray(moved.any(axis=1))


def _broken(recording: Recording, tensors: Mapping[str, About]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Tensors with numbers that are none: their steps ``(batch, time)``, or samples ``(batch,)`` of one without a time axis."""
    for ref, out in tensors.items():
        kinds = recording.arrays.get(f"broken/{ref}")
        if kinds is not None and kinds.any():
            yield ref, kinds if out["time"] or kinds.ndim < 2 else np.bitwise_or.reduce(kinds, axis=1)


def _padding(about: About, batch: Batch, keys: Mapping[int, str], masks: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Padding by input: what the batch says, and for text what the first mask made from it says."""
    padding = dict(batch.padding)
    for spec in about["network"]["inputs"]:
        if spec["kind"] == "text" and spec["name"] not in padding:
            derived = {spec["name"]}
            for call in about["calls"]:
                if not any(s in derived for i in call["inputs"] for s in i["sources"]):
                    continue
                slot = call["outputs"][0]["mask"] if call["outputs"] else None
                if slot is not None and slot in keys and masks[keys[slot]].ndim == 2:
                    padding[spec["name"]] = ~masks[keys[slot]]
                    break
                derived.add(call["id"])
    return padding


def _input_calls(about: About, batch: Batch) -> Iterator[Call]:
    for spec in about["network"]["inputs"]:
        x = batch.x[spec["name"]]
        out = TensorOut(tuple(x.shape), spec["dtype"], None, spec["kind"] in ("ids", "features"))
        yield Call(spec["name"], spec["name"], "InputLayer", "input", None, "data", (), {}, (), (out,), Fate.NONE)


def _calls(about: About, keys: Mapping[int, str], masks: Mapping[str, NDArray[Any]], leaks: Mapping[str, float]) -> Iterator[Call]:
    mask_path = _mask_path(about)
    parents = frozenset(call["parent"] for call in about["calls"] if call["parent"] is not None)

    def key(slot: Any) -> Any:
        return [key(s) for s in slot] if isinstance(slot, list) else keys.get(slot) if slot is not None else None

    for call in about["calls"]:
        inputs = tuple(
            TensorIn(i["sources"][0] if i["sources"] else None, tuple(i["shape"]), key(i["mask"]), tuple(i["sources"][1:]))
            for i in call["inputs"]
        )
        outputs = tuple(
            TensorOut(tuple(o["shape"]), o["dtype"], key(o["mask"]), o["time"], leaks.get(_ref(call, n)))
            for n, o in enumerate(call["outputs"])
        )
        received = {name: key(slot) for name, slot in call["received"].items()}
        yield Call(
            id=call["id"],
            name=call["name"],
            class_name=call["class"],
            kind=call["kind"],
            parent=call["parent"],
            role="mask path" if call["id"] in mask_path else "data",
            inputs=inputs,
            received=received,
            stripped=tuple(call["stripped"]),
            outputs=outputs,
            fate=fate_of(inputs, received, outputs),
            ignores=ignores(inputs, received),
            parameters=call["parameters"],
            supports_masking=call["supports_masking"],
            mask_sources=tuple(dict.fromkeys(call["mask_sources"])),
            config=call.get("config", {}),
            origin=call.get("origin", "keras"),
            is_network=call.get("network", False),
            warned=call.get("warned", False),
            lost_on_reload=call.get("lost_on_reload", False),
            inside=hidden.inside(call, parents),
        )


def _touched_kept(
    about: About,
    keys: Mapping[int, str],
    masks: Mapping[str, NDArray[Any]],
    touched: Mapping[str, NDArray[Any]],
    padding: Mapping[str, NDArray[Any]],
    step_map: Mapping[str, Steps],
    windowed: Mapping[str, Padded],
) -> dict[str, float]:
    """By tensor, the fraction of its kept steps that moved in the padding test.

    Without a mask the real steps count as kept; without a time axis all samples count, and where padding is unknown all steps.
    """
    found = {}
    for call in about["calls"]:
        for number, out in enumerate(call["outputs"]):
            ref = _ref(call, number)
            moved = touched.get(ref)
            if moved is None:
                continue
            name, steps = step_map.get(ref, (None, ()))
            kept = step_mask(masks[keys[out["mask"]]], tuple(out["shape"])) if out["mask"] in keys and out["time"] else None
            if kept is None and ref in windowed:
                kept = inverse(windowed[ref])
            elif kept is None and name is not None and name in padding:
                kept = inverse(at_steps(padding[name], steps))
            fits = kept is not None and kept.shape == moved.shape
            size = count_of(kept) if fits and kept is not None else moved.size
            found[ref] = count_of(both(moved, kept) if fits and kept is not None else moved) / size if size else 0.0
    return found


def fate_of(inputs: Sequence[TensorIn], received: Mapping[str, Any], outputs: Sequence[TensorOut]) -> Fate:
    """What a call did to the mask, from the masks it had before, those it received, and those it put out.

    ``attention_mask`` says who may look at whom, not which steps are real, and does not count as a mask that came in.
    """
    arguments = [m for name, value in received.items() if name != "attention_mask" for m in _flat_keys(value)]
    came = {i.mask for i in inputs if i.mask is not None} | set(arguments)
    left = [o.mask for o in outputs if o.mask is not None]
    if not came:
        return Fate.CREATES if left else Fate.NONE
    if left:
        return Fate.PASSES if all(mask in came for mask in left) else Fate.CHANGES
    return Fate.DROPS if any(o.has_time for o in outputs) else Fate.ENDS


def ignores(inputs: Sequence[TensorIn], received: Mapping[str, Any]) -> bool:
    """Whether a call could take a mask and got none, although an input carried one."""
    return bool(received) and any(i.mask is not None for i in inputs) and not any(_flat_keys(v) for v in received.values())


def _flat_keys(value: Any) -> list[str]:
    if isinstance(value, list):
        return [key for item in value for key in _flat_keys(item)]
    return [] if value is None else [value]


def _mask_path(about: About) -> set[str]:
    """Operations whose outputs go nowhere but into mask arguments, directly or through other such operations."""
    users: dict[str, set[str]] = {}
    as_mask: set[str] = set()
    for call in about["calls"]:
        for tensor in call["inputs"]:
            for source in tensor["sources"]:
                users.setdefault(source.split("#")[0], set()).add(call["id"])
        as_mask |= {source.split("#")[0] for source in call["mask_sources"]}
    results = {o["ref"].split("#")[0] for o in about["outputs"] if o["ref"]}
    path: set[str] = set()
    for call in reversed(about["calls"]):
        name = call["id"]
        if call["kind"] == "operation" and name not in results and users.get(name, set()) <= path and (name in as_mask or users.get(name)):
            path.add(name)
    return path


def _network_outputs(
    about: About, recording: Recording, padding: Mapping[str, NDArray[Any]], keys: Mapping[int, str], step_map: Mapping[str, Steps]
) -> tuple[OutputTrace, ...]:
    calls = {call["id"]: call for call in about["calls"]}
    found = []
    for number, output in enumerate(about["outputs"]):
        shape = recording.arrays[f"out/{number}"].shape
        has_time = _output_has_time(calls, output["ref"], shape)
        time_input, steps = step_map.get(output["ref"], (None, None)) if has_time else (None, None)
        if has_time and steps is None:
            time_input, steps = _only_input_of_that_length(padding, shape[1])
        mask = keys.get(output["mask"]) if output["mask"] is not None else None
        found.append(OutputTrace(output["name"], output["ref"], mask, has_time, time_input, steps))
    return tuple(found)


def _output_has_time(calls: Mapping[str, About], ref: str | None, shape: tuple[int, ...]) -> bool:
    if ref is None:
        return len(shape) >= 3
    call, _, number = ref.partition("#")
    return bool(calls[call]["outputs"][int(number or 0)]["time"])


def _only_input_of_that_length(padding: Mapping[str, NDArray[Any]], length: int) -> Steps | tuple[None, None]:
    """Where the time axis was made anew (RepeatVector): the one input that is as long."""
    alike = [name for name, array in padding.items() if array.shape[1] == length]
    return (alike[0], tuple(range(length))) if len(alike) == 1 else (None, None)

"""What all probes share: a pass with every call recorded, its target, and state that is put back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from maskviz.core.errors import UnusableInput
from maskviz.core.recording import Recording
from maskviz.engine import compiling
from maskviz.engine.recorder import Hook, Recorder
from maskviz.engine.signature import Signature


def record(network: keras.Model, signature: Signature, x: Sequence[Any], training: bool, hook: Hook | None) -> tuple[Any, Recorder]:
    """The predictions of one pass and its calls, for use inside a compiled function."""
    names = {id(t): name for t, name in zip(x, signature.input_names, strict=True)}
    recorder = Recorder(names, hook)
    packed = signature.pack_inputs(x)
    with recorder.recording():
        predictions = network(packed, training=training) if network._call_has_training_arg else network(packed)
    return predictions, recorder


@contextmanager
def kept(variables: Sequence[Any]) -> Iterator[None]:
    """Put variables back as they were, whatever happens."""
    saved = [compiling.to_numpy(v.value).copy() for v in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, saved, strict=True):
            variable.assign(value)


def tensors(recording: Recording) -> dict[str, dict[str, Any]]:
    """What is known about every call output (``shape``, ``dtype``, ``mask``, ``time``), by its name."""
    found = {}
    for call in recording.about["calls"]:
        for number, out in enumerate(call["outputs"]):
            found[call["id"] if number == 0 else f"{call['id']}#{number}"] = out
    return found


def find_target(recording: Recording, name: str | None) -> str:
    """The name of a call's output for that of a network's output or of a call. Raises UnusableInput when there is none."""
    outputs = {o["name"]: o["ref"] for o in recording.about["outputs"]}
    known = tensors(recording)
    if name is None:
        name = next((o["name"] for o in recording.about["outputs"]), "")
    if name in known:
        return name
    ref = outputs.get(name)
    if ref in known:
        return str(ref)
    raise UnusableInput(f"This network has no call or output '{name}': take a name that the trace shows.")


def output_of(recorder: Recorder, ref: str) -> Any:
    """A call's output by its name. Raises UnusableInput when this pass did not make it."""
    for call in recorder.calls:
        for number, tensor in enumerate(call.outputs):
            if call.ref(number) == ref:
                return tensor
    raise UnusableInput(f"The call '{ref.partition('#')[0]}' did not run in this pass.")

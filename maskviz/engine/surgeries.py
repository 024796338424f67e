"""What repairs do to a copy of the network, with layers and operations of plain Keras alone: a repaired file needs no code of ours.

A mask is put on a tensor by ``masked``: masked steps are set to a marker that no data holds, and a Masking layer takes them out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops, tree

from maskviz.core.finding import Finding
from maskviz.core.network import Network
from maskviz.core.trace import Trace
from maskviz.engine.rebuild import CannotRepair, Site, Surgery

MARKER, MARKER_IN_HALF = -(2.0**100), -(2.0**15)  # both exact in their types; a real step would have to hold one in every feature
PROBES = (11, 14)


@dataclass
class Plan:
    """Changes to the calls and inputs of a copy; ``says`` tells in words what they are."""

    calls: dict[str, Surgery]
    inputs: dict[str, Surgery]
    says: str


@dataclass(frozen=True)
class Case:
    """A finding with the trace it was found in."""

    finding: Finding
    trace: Trace
    network: Network
    batch: Any

    @property
    def call(self) -> Any:
        call = self.trace.call(self.finding.call or "")
        if call is None:
            raise CannotRepair("the finding is about no call of the network.")
        return call

    @property
    def spot(self) -> str:
        """The call as it is numbered in a copy: one surgery serves all calls of a nested network."""
        *outer, name = self.call.id.split("/")
        return "/".join([*(part.partition(":")[0] for part in outer), name])

    @property
    def steps(self) -> tuple[int, int] | None:
        """Steps before and after the call."""
        before = next((t.shape[1] for t in self.call.inputs if len(t.shape) > 1), None)
        after = next((o.shape[1] for o in self.call.outputs if o.has_time), None)
        return None if before is None or after is None else (before, after)

    def at(self, surgery: Surgery, says: str) -> Plan:
        return Plan({self.spot: surgery}, {}, says)


def masked(tensor: Any, mask: Any, name: str) -> Any:
    """The tensor ``(batch, time, features)`` with a mask ``(batch, time)``; zeros at masked steps."""
    if len(tensor.shape) != 3 or not keras.backend.is_float_dtype(tensor.dtype):
        raise CannotRepair(f"a Masking layer takes floats of shape (batch, time, features), and '{name}' would get {tensor.shape}.")
    marker = MARKER_IN_HALF if tensor.dtype == "float16" else MARKER
    return layers.Masking(marker, dtype=tensor.dtype, name=name)(ops.where(ops.expand_dims(mask, -1), tensor, marker))


def attend_on_copies(case: Case) -> Plan:
    copies: dict[int, Any] = {}

    def own(site: Site, tensor: Any) -> Any:
        if not isinstance(tensor, keras.KerasTensor) or not keras.backend.is_float_dtype(tensor.dtype):
            return tensor
        if id(tensor) not in copies:
            copies[id(tensor)] = layers.Rescaling(1.0, dtype=tensor.dtype, name=site.copy.fresh(f"{site.name}_copy"))(tensor)
        return copies[id(tensor)]

    def operate(site: Site) -> Any:
        copies.clear()
        args = tree.map_structure(lambda x: own(site, x), site.args)
        kwargs = {k: v if k.endswith("mask") else tree.map_structure(lambda x: own(site, x), v) for k, v in site.kwargs.items()}
        return site.run(*args, **kwargs)

    return case.at(operate, f"Rescaling(1.0) put before '{case.call.name}', which strips the mask of that copy now")


def give_mask(case: Case) -> Plan:
    name = next((n for n in case.call.received if n != "attention_mask"), "mask")

    def operate(site: Site) -> Any:
        return site.run(*site.args, **{**site.kwargs, name: site.mask(site.data)})

    return case.at(operate, f"'{case.call.name}' called with {name}=, the mask of its first input")


def mask_again(case: Case) -> Plan:
    """The call's mask put back; a plain slice of steps, in a Lambda above all, is written as an operation beside it."""
    after = case.steps

    def operate(site: Site) -> Any:
        masked_one = _first_masked(site)
        mask = site.mask(masked_one)
        part = part_of_steps(site, masked_one)
        if part is not None and isinstance(site.operation, layers.Lambda):
            whole = part == slice(None)
            plan.says = f"'{site.name}' replaced by {'its input' if whole else 'the same slice of values and mask'}"
            result, kept = (masked_one, mask) if whole else (masked_one[:, part], mask[:, part])
            return masked(result, kept, site.name)
        result = site.run(within=True)
        if part is None and (after is None or after[0] != after[1]):
            raise CannotRepair(f"what '{site.name}' does to the steps is not known, so its mask cannot be either: write it as a layer.")
        return masked(result, mask if part is None or part == slice(None) else mask[:, part], site.last_name("mask"))

    plan = case.at(operate, f"'{case.call.name}' followed by a Masking layer with its mask")
    return plan


def _first_masked(site: Site) -> Any:
    """The first tensor argument that has a mask, else the first."""
    return next((x for x in site.tensors if id(x) in site.copy.masks), site.data)


def part_of_steps(site: Site, tensor: Any) -> slice | None:
    """The slice of steps that a call with one tensor puts out unchanged, found by trying two lengths; None where it does anything else."""
    if len(site.tensors) != 1 or len(tensor.shape) < 3 or None in tensor.shape[2:]:
        return None
    fixed = tensor.shape[1]
    lengths = (fixed,) if fixed else PROBES
    found = [bounds for steps in lengths if (bounds := _bounds(site, tensor, steps)) is not None]
    if len(found) < len(lengths):
        return None
    ends = []
    for which in (0, 1):
        from_start = [bounds[which] for bounds in found]
        from_end = [bounds[which] - steps for bounds, steps in zip(found, lengths, strict=True)]
        same = next((numbers[0] for numbers in (from_start, from_end) if len(set(numbers)) == 1), None)
        if same is None:
            return None
        ends.append(None if same == (0 if which == 0 or not fixed else fixed) else same)
    return slice(*ends)


def _bounds(site: Site, tensor: Any, steps: int) -> tuple[int, int] | None:
    """First step and end of what a call puts out of so many random steps; None where it is not one run of them, unchanged."""
    probe = np.random.default_rng(steps).normal(size=(tensor.shape[0] or 3, steps, *tensor.shape[2:]))
    given = ops.cast(probe, tensor.dtype)
    args, kwargs = tree.map_structure(lambda x: given if x is tensor else x, site.without_masks)
    try:
        result = ops.convert_to_numpy(site.operation.call(*args, **kwargs))
    except Exception:
        return None
    before = ops.convert_to_numpy(given)
    if np.ndim(result) != before.ndim or result.shape[2:] != before.shape[2:] or not 0 < result.shape[1] <= steps:
        return None
    starts = [s for s in range(steps - result.shape[1] + 1) if np.array_equal(result, before[:, s : s + result.shape[1]])]
    return (starts[0], starts[0] + result.shape[1]) if len(starts) == 1 else None


def mask_windows(case: Case) -> Plan:
    """Zeros in place of padding before a convolution or pooling, and after it the mask of the windows that hold a kept step."""
    config = case.call.config
    pools = "Pooling" in case.call.class_name
    size = _one(config.get("pool_size", 2) if pools else config.get("kernel_size", 1))
    strides = _one(config.get("strides") or (size if pools else 1))
    padding = config.get("padding", "valid")
    if (
        not case.call.class_name.endswith("1D")
        or _one(config.get("dilation_rate", 1)) != 1
        or config.get("data_format") == "channels_first"
    ):
        raise CannotRepair(f"which steps the windows of '{case.call.name}' cover is not known for two axes, dilation or channels first.")

    def operate(site: Site) -> Any:
        mask = site.mask(site.data)
        result = site.run(zeroed(site.data, mask), within=True)
        if strides != 1 or padding == "valid":
            kept = ops.expand_dims(ops.cast(mask, "float32"), -1)
            mask = ops.greater(ops.squeeze(ops.max_pool(kept, size, strides, "same" if padding == "same" else "valid"), -1), 0)
        return masked(result, mask, site.last_name("mask"))

    return case.at(operate, f"zeros in place of padding before '{case.call.name}', and its mask put on again by a Masking layer after it")


def _one(value: Any) -> int:
    return int(value[0] if isinstance(value, (list, tuple)) else value)


def mask_merge(case: Case) -> Plan:
    axis = case.call.config.get("axis", -1)
    rank = len(case.call.outputs[0].shape)
    if case.call.class_name == "Concatenate" and axis in (1, 1 - rank):
        raise CannotRepair(
            f"'{case.call.name}' joins sequences one after another, and whether the one without a mask has padding is not known."
        )

    def operate(site: Site) -> Any:
        return masked(site.run(within=True), site.mask(_first_masked(site)), site.last_name("mask"))

    return case.at(operate, f"'{case.call.name}' followed by a Masking layer with the mask of its masked input")


def zero_padding(case: Case) -> Plan:
    """Zeros in place of padding in all that a call is given; where a mask came out of it, that mask on the result."""

    def operate(site: Site) -> Any:
        masks: list[Any] = []

        def clean(x: Any) -> Any:
            if not isinstance(x, keras.KerasTensor):
                return x
            masks.append(site.mask(x))
            return zeroed(x, masks[-1])

        args, kwargs = tree.map_structure(clean, site.without_masks)
        if case.call.outputs[0].mask is None:
            return site.run(*args, **kwargs)
        result, mask = site.run(*args, within=True, **kwargs), masks[0]
        for other in masks[1:]:
            mask = ops.logical_or(mask, other)
        return masked(result, mask, site.last_name("mask"))

    return case.at(operate, f"zeros in place of padding before '{case.call.name}'")


def zeroed(tensor: Any, mask: Any) -> Any:
    """The tensor with zeros at masked steps, and no mask: a Masking layer's zeros would be tested with other content in their place."""
    return ops.where(tree_expanded(mask, len(tensor.shape)), tensor, 0.0)


def pool_real_steps(case: Case) -> Plan:
    if case.call.class_name != "GlobalMaxPooling1D" or case.call.config.get("data_format") == "channels_first":
        raise CannotRepair(f"'{case.call.name}' ({case.call.class_name}) has no form that leaves steps out: use GlobalAveragePooling1D.")

    def operate(site: Site) -> Any:
        x = site.data  # the least value of a feature wins nowhere, and is finite for a sample that is all padding
        return site.run(ops.where(ops.expand_dims(site.mask(x), -1), x, ops.min(x, axis=1, keepdims=True)))

    return case.at(operate, f"padding out of the running before '{case.call.name}' takes the largest value")


def softmax_over_real_steps(case: Case) -> Plan:
    def operate(site: Site) -> Any:
        x, axis = site.data, -1
        axis = int(getattr(site.operation, "axis", -1)) % len(x.shape)
        mask = site.mask(x) if id(x) in site.copy.masks else site.mask(_masked_before(site, x))
        if axis == 1:
            mask = tree_expanded(mask, len(x.shape))
        elif axis == 2 and x.shape[2] == mask.shape[1]:
            mask = ops.expand_dims(mask, 1)
        else:
            raise CannotRepair(f"'{site.name}' does not run over the steps that its mask is of.")
        return site.run(ops.where(mask, x, MARKER_IN_HALF))

    return case.at(operate, f"padding given a very low score before '{case.call.name}'")


def tree_expanded(mask: Any, rank: int) -> Any:
    """A mask ``(batch, time)`` with further axes of one up to ``rank``."""
    for _ in range(rank - 2):
        mask = ops.expand_dims(mask, -1)
    return mask


def _masked_before(site: Site, tensor: Any) -> Any:
    """The nearest tensor with a mask that a tensor was computed from."""
    queue, seen = [tensor], set()
    while queue:
        current = queue.pop(0)
        if id(current) in site.copy.masks and len(site.copy.masks[id(current)].shape) == 2:
            return current
        operation, number, _ = current._keras_history
        if id(current) in seen or operation is None or len(operation._inbound_nodes) <= number:
            continue
        seen.add(id(current))
        queue += operation._inbound_nodes[number].input_tensors
    return tensor


def mask_from_before(case: Case) -> Plan:
    def operate(site: Site) -> Any:
        mask = site.mask(_masked_before(site, site.data))
        result = site.run(within=True)
        if mask.shape[1] is None or mask.shape[1] != result.shape[1]:
            raise CannotRepair(
                f"'{site.name}' makes {result.shape[1]} steps, and the network takes {mask.shape[1] or 'any number'} of them."
            )
        return masked(result, mask, site.last_name("mask"))

    return case.at(operate, f"'{case.call.name}' followed by a Masking layer with the mask of the network's input")


def mask_input(case: Case) -> Plan:
    """A mask where an input without one begins: ``mask_zero``, a Masking layer, or a mask of the ids that are not the pad id."""
    sources = {t.source for t in case.call.inputs}
    spec = next((s for s in case.network.inputs if s.name in sources or s.name == case.call.id), None)
    if spec is None or not isinstance(spec.pad_value, (int, float, type(None))):
        raise CannotRepair("what padding looks like in this input is not known.")
    pad = spec.pad_value or 0
    if spec.kind == "ids":
        call = case.call.name

        def embed(site: Site) -> Any:
            if isinstance(site.operation, layers.Embedding) and pad == 0:
                return site.run(changes={"mask_zero": True})
            return masked(site.run(within=True), ops.not_equal(site.data, pad), site.last_name("mask"))

        plain = case.call.class_name == "Embedding" and pad == 0
        return case.at(
            embed, f"'{call}' made with mask_zero=True" if plain else f"'{call}' followed by a mask of the ids that are not {pad}"
        )

    padding = case.trace.padding.get(spec.name)
    if padding is not None and not bool((case.batch.x[spec.name][padding] == pad).all()):
        raise CannotRepair(f"padding of '{spec.name}' holds something else than {pad:g} in this batch, which no Masking layer finds.")

    return Plan({}, {spec.name: _masking(float(pad))}, f"Masking(mask_value={float(pad)}) put behind the input '{spec.name}'")


def mask_what_is_held(case: Case) -> Plan:
    source = next((t.source for t in case.call.inputs if t.source in case.batch.x and t.source in case.trace.padding), None)
    values = np.zeros(0) if source is None else np.unique(case.batch.x[source][case.trace.padding[source]])
    if len(values) != 1:
        raise CannotRepair(f"padding does not hold one value, which '{case.call.name}' could look for.")
    value = float(values[0])
    return case.at(lambda site: site.run(changes={"mask_value": value}), f"'{case.call.name}' made with mask_value={value}")


def mask_nan(case: Case) -> Plan:
    def operate(site: Site) -> Any:
        real = ops.any(ops.logical_not(ops.isnan(site.data)), axis=-1)
        return masked(ops.where(ops.isnan(site.data), 0.0, site.data), real, site.name)

    return case.at(operate, f"'{case.call.name}' replaced by one that looks for NaN with isnan and puts zeros there")


def mask_raw_input(case: Case) -> Plan:
    """Masking moved from behind a layer that changes padding to the input itself."""
    name = next((n for n in _inputs_behind(case.trace, case.call) if n in case.trace.padding), None)
    if name is None:
        raise CannotRepair(f"the input that '{case.call.name}' masks is not known.")
    value = float(case.call.config.get("mask_value", 0.0))

    return Plan({case.spot: _pass_on}, {name: _masking(value)}, f"'{case.call.name}' moved to the raw input '{name}'")


def _masking(value: float) -> Surgery:
    return lambda site: layers.Masking(value, name=site.copy.fresh(f"{site.name}_masked"), dtype=site.data.dtype)(site.data)


def _inputs_behind(trace: Trace, call: Any) -> list[str]:
    found, queue, seen = [], [call], {call.id}
    while queue:
        for tensor in queue.pop(0).inputs:
            made_by = trace.call((tensor.source or "").partition("#")[0])
            if made_by is not None and made_by.id not in seen:
                seen.add(made_by.id)
                queue.append(made_by)
                found += [made_by.id] if made_by.kind == "input" else []
    return found


def keep_finite(case: Case) -> Plan:
    kind, name = case.call.class_name, case.call.name
    least = {"Log": keras.config.epsilon(), "Softmax": MARKER_IN_HALF}.get(kind)
    if case.call.kind != "operation" or (least is None and kind not in ("Divide", "TrueDivide")):
        raise CannotRepair(f"what '{name}' ({kind}) should give where it gives no number is not known.")

    def operate(site: Site) -> Any:
        if least is None:
            return ops.divide_no_nan(*site.args, **site.kwargs)
        args, kwargs = tree.map_structure(lambda x: ops.maximum(x, least) if x is site.data else x, (site.args, site.kwargs))
        return site.run(*args, **kwargs)

    return case.at(operate, f"'{name}' gives 0 where it divides by 0" if least is None else f"'{name}' takes {least:g} at least")


def leave_out(case: Case) -> Plan:
    return case.at(_pass_on, f"'{case.call.name}' left out")


def _pass_on(site: Site) -> Any:
    if site.gives_output:
        raise CannotRepair(f"'{site.name}' is the last layer, whose name the output bears.")
    return site.data


SURGERIES: dict[str, Callable[[Case], Plan]] = {
    plan.__name__: plan
    for plan in (
        *(attend_on_copies, give_mask, mask_again, mask_windows, mask_merge, zero_padding, pool_real_steps, softmax_over_real_steps),
        *(mask_from_before, mask_input, mask_what_is_held, mask_nan, mask_raw_input, keep_finite, leave_out),
    )
}

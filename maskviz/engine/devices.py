"""The devices the backend sees, by names fit for a menu, and the scope in which a network computes on one."""

from __future__ import annotations

from contextlib import AbstractContextManager

import keras

from maskviz.core.errors import UnusableInput
from maskviz.engine.compiling import BACKEND, TENSORFLOW

if TENSORFLOW:
    import tensorflow as tf
elif BACKEND == "torch":
    import torch


def names() -> tuple[str, ...]:
    """``CPU``, and ``GPU:0 NVIDIA …`` for each GPU; the CPU comes first, and is used until another is chosen."""
    if BACKEND == "torch":
        return ("CPU", *(f"GPU:{n} {torch.cuda.get_device_name(n)}" for n in range(torch.cuda.device_count())))
    if not TENSORFLOW:
        return ("CPU", *(d.upper() for d in keras.distribution.list_devices() if not d.startswith("cpu")))
    gpus = tf.config.list_physical_devices("GPU")
    found = ["CPU"]
    for number, gpu in enumerate(gpus):
        about = tf.config.experimental.get_device_details(gpu).get("device_name", "")
        found.append(f"GPU:{number} {about}".strip())
    return tuple(found)


def scope(name: str) -> AbstractContextManager[object]:
    """A context in which variables are made and functions run on the device; raises UnusableInput for one that is not there."""
    found = next((known for known in names() if known == name or known.split()[0].upper() == name.upper()), None)
    if found is None:
        raise UnusableInput(f"There is no device {name} here; there is {', '.join(names())}.")
    short = found.split()[0] if ":" in found.split()[0] else f"{found.split()[0]}:0"
    device: AbstractContextManager[object] = tf.device(f"/{short}") if TENSORFLOW else keras.device(short.lower())
    return device


def prepare() -> None:
    """Take GPU memory as it is needed, not all at once: other programs use the card too."""
    if TENSORFLOW:
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)

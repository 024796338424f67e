"""How the gallery's files are read and written, so that the same versions of Keras write the same bytes."""

from __future__ import annotations

import importlib.util
import json
import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "resources" / "examples"


def custom(name: str) -> dict[str, Any]:
    """The custom objects of one of the gallery's Python files."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.custom.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CUSTOM_OBJECTS


def save_network(network: keras.Model, path: Path) -> None:
    """Save with large weights rounded, which pack to half the size, and an archive that is the same every time."""
    network.set_weights([coarse(w) for w in network.get_weights()])
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "network.keras"
        network.save(raw)
        with zipfile.ZipFile(raw) as archive:
            parts = {info.filename: archive.read(info) for info in archive.infolist()}
    metadata = {**json.loads(parts["metadata.json"]), "date_saved": "2026-01-01@00:00:00"}
    parts["metadata.json"] = json.dumps(metadata).encode()
    parts["config.json"] = numbered(parts["config.json"].decode()).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED, 9)


def numbered(config: str) -> str:
    """The config with its shared_object_id, which are memory addresses, counted from 1."""
    seen: dict[str, int] = {}
    return re.sub(r'("shared_object_id": )(\d+)', lambda m: m[1] + str(seen.setdefault(m[2], len(seen) + 1)), config)


def coarse(array: np.ndarray) -> np.ndarray:
    """A large array of floats rounded to the 8 significant bits of bfloat16."""
    if array.dtype != np.float32 or array.size < 1000:
        return array
    return ((array.view(np.uint32) + np.uint32(0x8000)) & np.uint32(0xFFFF0000)).view(np.float32)

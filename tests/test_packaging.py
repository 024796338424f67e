"""What is handed out: the pinned packages, the wheel and its resources."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", ["requirements.txt", "packaging/uv.txt"])
def test_pinned_packages_have_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / name).read_text()
    pins = re.findall(r"^([a-z0-9-]+==\S+)(.*)$", text, re.MULTILINE)
    assert pins
    assert all(rest.endswith("\\") for _, rest in pins), "every pin goes on with its hashes"
    assert "://" not in text
    assert not re.search(r"^--", text, re.MULTILINE)


def test_the_wheel_carries_the_resources(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], cwd=ROOT, check=True, capture_output=True
    )
    (wheel,) = tmp_path.glob("maskviz-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name.removeprefix("maskviz/_resources/") for name in archive.namelist() if name.startswith("maskviz/_resources/")}
    kept = {
        str(path.relative_to(ROOT / "resources")) for path in (ROOT / "resources").rglob("*") if path.suffix != ".pyc" and path.is_file()
    }
    assert packed == kept
    assert any(name.endswith(".svg") for name in packed)


def test_the_window_does_not_import_keras() -> None:
    code = "import sys, maskviz.gui.app; print(sorted({'keras', 'tensorflow'} & sys.modules.keys()))"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == "[]"

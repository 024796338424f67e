"""Set up MaskViz in this checkout: system libraries, uv, ``.venv`` from requirements.txt, and the project itself.

Needs Python and pip, nothing else. Finishes in a blink when all is in place.
``--lock`` writes requirements.txt anew instead.
"""

import argparse
import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = ROOT / ".tools" / "uv" / "bin" / "uv"
STAMP = VENV / "maskviz-setup"
REQUIREMENTS = ROOT / "requirements.txt"
UV_REQUIREMENTS = ROOT / "packaging" / "uv.txt"

# Shared libraries that the Qt wheels expect from the system, and the Debian packages that hold them.
FOR_QT = {
    "libglib-2.0.so.0": "libglib2.0-0",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
}
FOR_A_WINDOW = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lock", action="store_true", help="pin the newest versions that pyproject.toml allows")
    if parser.parse_args().lock:
        lock()
        return
    system_libraries()
    python = suitable_python()
    wanted = fingerprint(python)
    if STAMP.is_file() and STAMP.read_text() == wanted and PYTHON.exists():
        return
    environment(python)
    STAMP.write_text(wanted)


def system_libraries() -> None:
    """Install what Qt needs from the system, or say in one sentence what is missing."""
    if not sys.platform.startswith("linux"):
        return
    missing = packages_missing({**FOR_QT, **FOR_A_WINDOW})
    if not missing:
        return
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") and (not as_root or may_sudo()):
        say(f"Installing system libraries: {' '.join(missing)}")
        quiet = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "DEBCONF_NOWARNINGS=yes", "apt-get", "-qq"]
        subprocess.run([*quiet, "update"], check=False)
        subprocess.run([*quiet, "install", "-y", "--no-install-recommends", *missing], check=False, stdout=subprocess.DEVNULL)
        missing = packages_missing({**FOR_QT, **FOR_A_WINDOW})
    if missing:
        say(f"MaskViz needs these system packages (Debian names), please install them: {' '.join(missing)}")
        if packages_missing(FOR_QT):
            sys.exit(1)


def packages_missing(libraries: dict) -> list:
    """The packages whose shared library the loader does not find."""
    return [package for library, package in libraries.items() if not loads(library)]


def loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def may_sudo() -> bool:
    return bool(shutil.which("sudo")) and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0


def suitable_python() -> str:
    """A Python that TensorFlow has wheels for: this one if it fits, else the newest on the path."""
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return sys.executable
    for name in ("python3.13", "python3.12", "python3.11"):
        found = shutil.which(name)
        if found:
            return found
    return stop(f"MaskViz needs Python 3.11, 3.12 or 3.13, but this is {sys.version.split()[0]}; install one of them.")


def fingerprint(python: str) -> str:
    """What the environment was made from; another value means that it must be brought up to date."""
    digest = hashlib.sha256(f"{ROOT}\n{os.path.realpath(python)}\n".encode())
    for path in (REQUIREMENTS, ROOT / "pyproject.toml", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def environment(python: str) -> None:
    """Make ``.venv`` hold the pinned packages and nothing else, and the project itself as an editable install."""
    uv = the_uv()
    say("Setting up .venv with the pinned packages (the first time this downloads about 1 GB)")
    STAMP.unlink(missing_ok=True)
    if not PYTHON.exists() or version(PYTHON) != version(python):
        run(uv, "venv", "--quiet", "--clear", "--python", python, VENV)
    run(uv, "pip", "sync", "--quiet", "--python", PYTHON, "--require-hashes", REQUIREMENTS)
    # hatchling is among the pinned packages: nothing is downloaded for the build
    run(uv, "pip", "install", "--quiet", "--python", PYTHON, "--offline", "--no-deps", "--no-build-isolation", "--editable", ROOT)


def version(python: object) -> str:
    asked = subprocess.run([str(python), "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=False)
    return asked.stdout


def the_uv() -> str:
    """uv in a folder of its own, at the pinned version. ``--target`` needs neither the venv module nor a writable Python."""
    pinned = UV_REQUIREMENTS.read_text()
    stamp = UV.parent.parent / "maskviz-setup"
    if UV.exists() and stamp.is_file() and stamp.read_text() == pinned:
        return str(UV)
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode != 0:
        return shutil.which("uv") or stop("MaskViz is set up with pip, which this Python lacks; install it (Debian: python3-pip).")
    say("Fetching uv")
    shutil.rmtree(UV.parent.parent, ignore_errors=True)
    quiet = ("--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes")
    run(sys.executable, "-m", "pip", "install", *quiet, "--target", UV.parent.parent, "-r", UV_REQUIREMENTS)
    stamp.write_text(pinned)
    return str(UV)


def lock() -> None:
    """Pin uv itself, and every package for Python 3.11 to 3.13: with hashes, and without index addresses."""
    options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--upgrade", "--quiet"]
    compile_ = (the_uv(), "pip", "compile", *options, "--custom-compile-command", "make lock")
    run(*compile_, "--output-file", UV_REQUIREMENTS.relative_to(ROOT), "packaging/uv.in")
    run(*compile_, "--output-file", REQUIREMENTS.relative_to(ROOT), "--group", "dev", "pyproject.toml")


def run(*command: object) -> None:
    """Run a step of the set-up in the checkout; the step's own words are shown, and its failure ends the set-up."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, env=surroundings(), check=False)
    if done.returncode != 0:
        stop("The set-up stopped at: " + " ".join(str(part) for part in command))


def surroundings() -> dict:
    """The environment for uv, which does not read pip's settings: the package index and certificates that pip has been told to use."""
    env = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    env["PIP_ROOT_USER_ACTION"] = "ignore"
    for setting, variable in (("index-url", "UV_DEFAULT_INDEX"), ("cert", "SSL_CERT_FILE")):
        value = pip_setting(setting)
        if value:
            env.setdefault(variable, value)
    return env


def pip_setting(name: str) -> str:
    """One of pip's settings, from its variables or its files; empty where it is not set."""
    command = [sys.executable, "-m", "pip", "config", "get", f"global.{name}"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    return os.environ.get("PIP_" + name.upper().replace("-", "_")) or asked.stdout.strip()


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def stop(sentence: str) -> str:
    sys.exit(sentence)


if __name__ == "__main__":
    main()

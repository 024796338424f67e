"""``python -m maskviz`` and the ``maskviz`` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the engine's process where that is asked for, else the command line; exits with its code."""
    if "--maskviz-engine" in sys.argv[1:2]:
        from maskviz.engine.process import main as engine

        engine()
        return
    from maskviz.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

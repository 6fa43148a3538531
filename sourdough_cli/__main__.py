"""`python -m sourdough_cli` is `sourdough`."""

from __future__ import annotations

from sourdough_cli.main import run

if __name__ == "__main__":
    run()

"""Hosts that are killed in the middle of their work, as real processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_WRITER = Path(__file__).with_name("writer.py")


@pytest.mark.parametrize("durability", ["disk", "os"])
async def test_what_was_acknowledged_survives_kill_9(server, durability):
    """Two occupants of a seat die one after the other, then the server: nothing told is missing."""
    server.start()
    acknowledged = {}
    for epoch, lines in ((1, 3), (2, 900), (3, 200)):
        acknowledged |= run_and_kill(server.folder, epoch, durability, lines)
    recovery = server.start()
    assert recovery.damaged == {}
    for label, value in acknowledged.items():
        found = await server.object(label).get(["a", "b"])
        assert found["a"] == found["b"]
        assert found["a"] >= value


def run_and_kill(folder: Path, epoch: int, durability: str, lines: int) -> dict[str, int]:
    """Run the writer until it acknowledged so many values, kill it; return the last of each."""
    told = {}
    with subprocess.Popen(
        [sys.executable, str(_WRITER), str(folder), str(epoch), durability],
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        try:
            for _ in range(lines):
                label, value = writer.stdout.readline().split()
                told[label] = int(value)
        finally:
            writer.kill()
        # Whatever was printed before the signal took effect was acknowledged as well.
        for line in writer.stdout:
            if line.endswith("\n"):
                label, value = line.split()
                told[label] = int(value)
    return told

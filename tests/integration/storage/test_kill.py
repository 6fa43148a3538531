"""A process that is killed in the middle of its work loses nothing that it had acknowledged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sourdough.storage import offline
from sourdough.storage.engine import Durability

_WRITER = Path(__file__).with_name("writer.py")


@pytest.mark.parametrize("durability", [Durability.DISK, Durability.OS])
async def test_what_was_acknowledged_survives_kill_9(world, durability):
    """Three times: write, SIGKILL, reopen; nothing acknowledged is missing, no turn is halved."""
    acknowledged = 0
    for lines in (1, 40, 200):
        acknowledged = max(acknowledged, run_and_kill(world, durability, lines))
        database = world.database(engine=world.engine(durability=durability))
        found = await database.storage.get(["a", "b"])
        assert found["a"] == found["b"]
        assert found["a"] >= acknowledged
        await database.release()
    assert offline.read_name(world.path()) == "killed"


def run_and_kill(world, durability, lines: int) -> int:
    """Run the writer until it acknowledged so many values, kill it; return the last of them."""
    raw = world.path().stem
    last = 0
    with subprocess.Popen(
        [sys.executable, str(_WRITER), str(world.folder), raw, durability.value],
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        try:
            for _ in range(lines):
                last = int(writer.stdout.readline())
        finally:
            writer.kill()
        # Whatever was printed before the signal took effect was acknowledged as well.
        for line in writer.stdout:
            if line.endswith("\n"):
                last = int(line)
    return last

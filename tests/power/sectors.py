"""How a write reaches a file: whole, or each of its sectors or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from tests.power.disk import Write

SECTOR = 512


class Filler:
    """What is found where a file grew and its data did not arrive."""

    def __init__(self, random: Random, leavings: Sequence[Write]) -> None:
        self.random = random
        self._kind = random.choice(("zeros", "zeros", "noise", "leavings"))
        self._node = random.choice(leavings).node if leavings else None
        self._leavings = leavings

    def grow(self, content: bytearray, size: int) -> None:
        """Make a file longer."""
        begin = len(content)
        if size <= begin:
            return
        content.extend(bytes(size - begin))
        if self._kind == "noise":
            content[begin:] = self.random.randbytes(size - begin)
        elif self._kind == "leavings":
            self._leave(content, begin)

    def _leave(self, content: bytearray, begin: int) -> None:
        """Put there what another file has at the same place."""
        size = len(content)
        for write in self._leavings:
            end = write.offset + len(write.data)
            if write.node == self._node and end > begin and write.offset < size:
                first, last = max(begin, write.offset), min(end, size)
                content[first:last] = write.data[first - write.offset : last - write.offset]


def put(content: bytearray, offset: int, data: bytes) -> None:
    """Write all of it; a gap before it is zeros."""
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def resize(content: bytearray, size: int) -> None:
    """Cut off, or append zeros."""
    del content[size:]
    content.extend(bytes(size - len(content)))


def put_sectors(content: bytearray, offset: int, data: bytes, share: float, filler: Filler) -> None:
    """Write each sector with a probability; the size may grow without them."""
    random = filler.random
    end = offset + len(data)
    if end > len(content) and (share == 1 or random.random() < max(share, 0.1)):
        filler.grow(content, end)
    begin = offset
    while begin < end:
        after = min(end, (begin // SECTOR + 1) * SECTOR)
        if share == 1 or (share > 0 and random.random() < share):
            filler.grow(content, begin)
            content[begin:after] = data[begin - offset : after - offset]
        begin = after

"""What a process takes, and gives back."""

from __future__ import annotations

import ctypes
import gc

import pytest

from sourdough.host.memory import Memory
from sourdough.observe.usage import give_back, resident_bytes

LIBRARY = ctypes.CDLL(None)


def test_a_process_takes_something():
    """More than a mebibyte, less than a tebibyte: the unit is bytes."""
    assert 1 << 20 < resident_bytes() < 1 << 40


@pytest.fixture
def freed():
    """Memory that was freed below a small piece that is still in use, as closed objects leave it."""
    LIBRARY.malloc.restype = ctypes.c_void_p
    LIBRARY.malloc.argtypes = [ctypes.c_size_t]
    LIBRARY.free.argtypes = [ctypes.c_void_p]
    gc.collect()
    give_back()
    pieces = [LIBRARY.malloc(8_000) for _ in range(8_000)]
    for piece in pieces:
        ctypes.memset(piece, 1, 8_000)
    for piece in pieces[:-1]:
        LIBRARY.free(piece)
    yield 8_000 * 8_000
    LIBRARY.free(pieces[-1])


@pytest.mark.skipif(not hasattr(LIBRARY, "malloc_trim"), reason="only glibc keeps it")
def test_freed_memory_is_given_back(freed):
    """What nobody uses any more is not resident."""
    before = resident_bytes()
    give_back()
    assert before - resident_bytes() > freed // 2


@pytest.mark.skipif(not hasattr(LIBRARY, "malloc_trim"), reason="only glibc keeps it")
def test_memory_is_given_back_above_the_limit_when_objects_have_left(freed):
    """It takes time, so it is done where it counts."""
    before = resident_bytes()
    assert Memory(0).look(1) > before - freed // 2
    memory = Memory(1)
    assert memory.look(0) > before - freed // 2
    assert memory.look(1) < before - freed // 2


@pytest.mark.skipif(not hasattr(LIBRARY, "malloc_trim"), reason="only glibc keeps it")
def test_memory_is_given_back_when_a_wave_of_objects_has_left(freed):
    """Not in its middle, and not for a few."""
    before = resident_bytes()
    memory = Memory(0)
    assert memory.look(1_000) > before - freed // 2
    assert memory.look(1_000) < before - freed // 2


@pytest.mark.skipif(not hasattr(LIBRARY, "malloc_trim"), reason="only glibc keeps it")
def test_memory_of_a_few_objects_is_kept(freed):
    """The next few take it."""
    before = resident_bytes()
    memory = Memory(0)
    assert memory.look(3) > before - freed // 2
    assert memory.look(3) > before - freed // 2

"""The disk of a host, as tests hold it."""

from __future__ import annotations

import threading

from sourdough.storage.disk import sync_data


class Disk:
    """A sync that can be held back."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()

    def __call__(self, fd):
        self.go.wait(10)
        sync_data(fd)

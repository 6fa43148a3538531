"""A host answers for the objects that it holds, and for no others."""

from __future__ import annotations

from sourdough.host.questions import Questions
from sourdough.wire.messages import Answer, Ask


class Said:
    """A channel that keeps what is sent."""

    def __init__(self) -> None:
        self.messages: list[Answer] = []

    def send(self, message: Answer) -> None:
        self.messages.append(message)


def test_a_host_opens_no_file_of_a_slot_that_it_does_not_hold():
    """Its next owner may have it open: the question goes there (invariant S3)."""
    said, asked = Said(), []

    def holds(key: bytes) -> bool:
        asked.append(key)
        return False

    # Neither the registry nor a database may be touched, so there are none.
    Questions(None, None, said, holds).ask(
        Ask(number=7, what="inspect", namespace="Room", id=bytes(32))
    )
    assert said.messages == [Answer(number=7, moved=True)]
    assert asked == [b"Room" + bytes(32)]

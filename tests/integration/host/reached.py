"""What tests do with `reached`: a cluster, and the name of an object of the caller's host or not."""

from __future__ import annotations

import gc


def stub_of(reached):
    """Return a stub of the object, as code on host 1 has it."""
    made, name = reached
    return made.stub(name, seat=1)


def lent(made) -> int:
    """How many calls still have something by reference, in both hosts."""
    gc.collect()
    return sum(len(host.host.talks) for host in made.hosts.values())

"""What a running server shows: a live terminal, plain lines, or JSON lines.

A screen may be slow, stuck or gone; the server never waits for it (invariant P7). All drawing is
done by the screen's own thread, from a bounded backlog.
"""

from __future__ import annotations

"""Why a WebSocket has ended: the codes of RFC 6455 and of its registry that we say or hear.

Plain numbers: they reach user code, which compares, stores and sends them.
"""

from __future__ import annotations

NORMAL = 1000
GOING_AWAY = 1001
NO_CODE = 1005
"""Of a Close frame that has none; never sent."""
ABNORMAL = 1006
"""Of a socket that has ended without a Close frame (semantics 7.10); never sent."""
ABNORMAL_REASON = "WebSocket disconnected without sending Close frame."
INVALID_DATA = 1007
TOO_BIG = 1009
FAILED = 1011
RESTART = 1012
"""Of what ends with its host (invariant W2)."""
TRY_LATER = 1013
"""Of what is not read, or cannot be kept (invariant W5)."""

NOT_TO_BE_SENT = frozenset({1004, NO_CODE, ABNORMAL, 1015})
"""Reserved: they stand for what no Close frame says (RFC 6455 7.4.1)."""

"""How long an outgoing request may take, in seconds. The one place that says so."""

from __future__ import annotations

CONNECT_SECONDS = 10.0
"""To reach the other side; never longer than the timeout of the request."""
ANSWER_SECONDS = 30.0
"""Until the head of the answer has come, and again between two pieces of its body."""
KEEP_SECONDS = 30.0
"""How long a connection that nobody uses is kept."""

CONNECTIONS = 1000
"""Of one process, all servers together; a request beyond waits within its timeout."""
KEPT_CONNECTIONS = 100
"""Of those, how many are kept while nobody uses them."""
REDIRECTS = 20

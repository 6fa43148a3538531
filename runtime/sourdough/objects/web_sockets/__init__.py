"""WebSockets of an object: those it holds, what is said and heard on them, how they end and what survives."""

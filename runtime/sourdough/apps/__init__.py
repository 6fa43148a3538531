"""Apps of other frameworks as handlers of requests: ASGI, and WSGI in threads.

Below the objects: an app is given a `Request` and what may go into its scope, and gives a
`Response`. Who runs it, and on whose behalf, is the caller's business.
"""

from __future__ import annotations

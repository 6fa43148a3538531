"""What no route takes comes here: the page, its style and its script."""

from pathlib import Path

from sourdough import Request, Response, WorkerEntrypoint
from sourdough_env import Env

PAGE = Path(__file__).parent / "page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
HEADERS = {
    # Nothing from elsewhere, and nothing inline: what people type could never run.
    "content-security-policy": "default-src 'self'; img-src data:; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}


class Default(WorkerEntrypoint[Env]):
    async def fetch(self, request: Request) -> Response:
        path = request.path
        if path == "/" or path.startswith("/r/"):
            return file("chat.html")
        if path in ("/chat.css", "/chat.js"):
            return file(path[1:])
        return Response("There is nothing here. The chat is at /.\n", status=404)


def file(name: str) -> Response:
    """Return a file of the folder page/, read anew each time: save it and reload the page."""
    path = PAGE / name
    kind = f"{TYPES[path.suffix]}; charset=utf-8"
    return Response(path.read_bytes(), headers={"content-type": kind, **HEADERS})

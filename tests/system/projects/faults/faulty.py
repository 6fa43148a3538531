"""Handlers that do what handlers should not."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
import time
from pathlib import Path

from sourdough import DurableObject, Request, Response


class Faulty(DurableObject):
    async def fetch(self, request: Request) -> Response:
        action = request.path.rpartition("/")[2]
        handler = getattr(self, f"do_{action}", self.do_ok)
        return await handler(request)

    async def do_ok(self, request: Request) -> Response:
        body = await request.bytes()
        return Response.json({"name": self.ctx.id.name, "pid": os.getpid(), "body": len(body)})

    async def do_write(self, _request: Request) -> Response:
        value = await self.ctx.storage.get("value", 0) + 1
        await self.ctx.storage.put("value", value)
        return Response.json({"value": value})

    async def do_raise(self, _request: Request) -> Response:
        raise ValueError("negative step")

    async def do_wrong(self, _request: Request) -> Response:
        return {"not": "a response"}

    async def do_never(self, _request: Request) -> Response:
        await asyncio.Event().wait()

    async def do_exit(self, _request: Request) -> Response:
        sys.exit(7)

    async def do_crash(self, _request: Request) -> Response:
        os._exit(9)

    async def do_recurse(self, request: Request) -> Response:
        return await self.do_recurse(request)

    async def do_spin(self, _request: Request) -> Response:
        while True:
            pass

    async def do_stuck(self, _request: Request) -> Response:
        # PyDLL keeps the interpreter's lock: no Python code of this process runs meanwhile.
        sys.stdout.write("asleep in C\n")
        ctypes.PyDLL(None).sleep(30)

    async def do_fork(self, _request: Request) -> Response:
        """Leave a child behind that holds whatever it inherited."""
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        return Response.json({"child": child, "pid": os.getpid()})

    async def do_program(self, _request: Request) -> Response:
        """Start a program and terminate it."""
        program = await asyncio.create_subprocess_exec("sleep", "60")
        program.terminate()
        return Response.json({"code": await program.wait()})

    async def do_partial(self, _request: Request) -> Response:
        async def body():
            yield b"begun"
            await asyncio.sleep(0.05)  # what was yielded leaves, then comes the failure
            raise ValueError("in the middle of a body")

        return Response(body())

    async def fail(self) -> None:
        raise KeyError("no such thing")

    async def pid(self) -> int:
        return os.getpid()


class Fragile(DurableObject):
    """Cannot be made while a file named after it lies in the project's folder."""

    def __init__(self, ctx, env):
        super().__init__(ctx, env)
        if (Path(__file__).parent / f"{ctx.id.name}.broken").exists():
            raise RuntimeError("this object cannot be made")

    async def fetch(self, _request: Request) -> Response:
        return Response("made\n")

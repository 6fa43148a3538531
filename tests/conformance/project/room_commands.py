"""What clients have a room do: text frames that begin with an exclamation mark."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import Any

from room_calls import refusal

from sourdough import WebSocketRequestResponsePair


class Commands:
    """Each `do_` method is a command; its socket is the one that asked."""

    ctx: Any
    doors: Any
    note: Any

    def do_close(self, ws: Any, code: int | None = None, reason: str | None = None) -> None:
        ws.close(code, reason)

    def do_close_twice(self, ws: Any) -> None:
        ws.close(3001, "first")
        ws.close(3002, "second")
        try:
            ws.send("after the close")
        except TypeError as error:
            self.note(str(error))

    def do_raise(self, ws: Any, text: str) -> None:
        ws.send("before the error")
        raise ValueError(text)

    def do_abort(self, ws: Any) -> None:
        ws.send("lost")
        self.ctx.abort("a client asked for it")

    def do_die(self, ws: Any) -> None:
        """End the host in the middle of the handler."""
        os.kill(os.getpid(), signal.SIGKILL)

    async def do_section_raises(self, ws: Any) -> None:
        async def section() -> None:
            raise ValueError("in a section")

        await self.ctx.block_concurrency_while(section)

    async def do_break_commit(self, ws: Any) -> None:
        """Send, and let the commit that the message waits for fail."""
        sql = self.ctx.storage.sql
        sql.exec("CREATE TABLE parent(id INTEGER PRIMARY KEY)")
        sql.exec("CREATE TABLE child(parent REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED)")
        await self.ctx.storage.sync()
        sql.exec("PRAGMA foreign_keys = on")
        sql.exec("INSERT INTO child VALUES (7)")
        ws.send("never")

    def do_write(self, ws: Any, value: Any) -> None:
        self.ctx.storage.kv.put("value", value)
        ws.send(json.dumps(value))

    def do_count(self, ws: Any) -> None:
        """Count in storage and answer with the count."""
        count = self.ctx.storage.kv.get("count", 0) + 1
        self.ctx.storage.kv.put("count", count)
        ws.send(str(count))

    async def do_wait(self, ws: Any, door: str) -> None:
        """Let later frames overtake this one."""
        self.note("waits", door)
        await self.doors[door].wait()
        self.note("passed", door)
        ws.send(f"passed {door}")

    async def do_yield(self, ws: Any, number: int) -> None:
        """Meet the handlers of other frames at an await; even numbers take longer."""
        self.note("begins", number)
        for _ in range(1 if number % 2 else 4):
            await asyncio.sleep(0)
        ws.send(str(number))

    def do_open(self, ws: Any, door: str) -> None:
        self.doors[door].set()

    def do_mutable(self, ws: Any) -> None:
        """Change what was sent, behind the call."""
        data = bytearray(b"as sent")
        ws.send(data)
        data[:] = b"changed"
        ws.send(memoryview(b"a view of it")[2:6])

    def do_attach(self, ws: Any, value: Any) -> None:
        """Store an attachment and change the value behind the call."""
        ws.serialize_attachment(value)
        if isinstance(value, list):
            value.append("changed later")
        ws.send(json.dumps(ws.deserialize_attachment()))

    def do_attached(self, ws: Any) -> None:
        ws.send(json.dumps(ws.deserialize_attachment()))

    def do_attach_bytes(self, ws: Any, size: int) -> None:
        try:
            ws.serialize_attachment(bytes(size))
        except Exception as error:  # noqa: BLE001 (whatever it is, the case looks at it)
            ws.send(f"{type(error).__name__}: {error}")
        else:
            ws.send(str(len(ws.deserialize_attachment())))

    def do_describe(self, ws: Any) -> None:
        """Tell what an end knows about itself."""
        path = ws.url.partition("://")[2].partition("/")[2]
        tags = self.ctx.get_tags(ws)
        ws.send(json.dumps([path, ws.protocol, ws.extensions, ws.ready_state, sorted(tags)]))

    def do_same(self, ws: Any) -> None:
        """Tell whether the handler's socket is the one that the list has."""
        ws.send(json.dumps([each is ws for each in self.ctx.get_web_sockets()]))

    def do_all(self, ws: Any, text: str, tag: str | None = None, but_me: bool = False) -> None:
        self.ctx.broadcast(text, tag=tag, exclude=[ws] if but_me else [])

    def do_sends(self, ws: Any, *texts: str) -> None:
        for text in texts:
            ws.send(text)

    def do_refusals(self, ws: Any, *calls: list[Any]) -> None:
        """Answer with what each call of a method of the socket raises; None for nothing."""
        ws.send(json.dumps([refusal(getattr(ws, name), *rest) for name, *rest in calls]))

    # --- automatic answers

    def do_auto(self, ws: Any, request: str | None = None, response: str | None = None) -> None:
        """Set the automatic answer of all sockets, or none; answer when it is set."""
        pair = None if request is None else WebSocketRequestResponsePair(request, response)
        self.ctx.set_web_socket_auto_response(pair)
        ws.send("set")

    def do_auto_between(self, ws: Any, count: int) -> None:
        """Send many while automatic answers come in between."""
        for number in range(count):
            ws.send(str(number))

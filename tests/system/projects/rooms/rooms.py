"""A room that passes on what its members say, and keeps account of all that it heard."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

from sourdough import DurableObject, Response, WebSocketPair

VERSION = 0
STANDSTILL = Path(__file__).with_name(f"standstill-{os.getpid()}")
"""Where this file is, a message that comes is not handled to its end: the whole host stands still."""


class Room(DurableObject):
    """Members connect to `/room/{name}/join?member=...`; what they say is `member:number`."""

    def __init__(self, ctx, env):
        super().__init__(ctx, env)
        self.instance = uuid.uuid4().hex
        self.sql = ctx.storage.sql
        self.sql.exec("CREATE TABLE IF NOT EXISTS heard (text TEXT, instance TEXT)")
        self.sql.exec("CREATE TABLE IF NOT EXISTS doubts (text TEXT)")
        self.sql.exec(
            "CREATE TABLE IF NOT EXISTS closes (member TEXT, code INTEGER, clean INTEGER)"
        )
        for restored in ctx.sockets_restored:
            if restored.in_doubt:
                self.sql.exec("INSERT INTO doubts VALUES (?)", restored.message)

    def fetch(self, request):
        if request.path.endswith("/join"):
            client, server = WebSocketPair()
            self.ctx.accept_web_socket(server, [request.query["member"]])
            return Response(None, status=101, web_socket=client)
        return Response.json(self._account())

    def web_socket_message(self, ws, message):
        if STANDSTILL.exists():
            STANDSTILL.with_suffix(".begun").touch()
            time.sleep(60)
        self.sql.exec("INSERT INTO heard VALUES (?, ?)", message, self.instance)
        self.ctx.broadcast(message)

    def web_socket_close(self, ws, code, reason, was_clean):
        (member,) = self.ctx.get_tags(ws)
        self.sql.exec("INSERT INTO closes VALUES (?, ?, ?)", member, code, int(was_clean))

    def _account(self):
        return {
            "version": VERSION,
            "pid": os.getpid(),
            "instance": self.instance,
            "heard": [[row["text"], row["instance"]] for row in self._rows("heard")],
            "doubts": [row["text"] for row in self._rows("doubts")],
            "closes": [[row["member"], row["code"], row["clean"]] for row in self._rows("closes")],
            "members": sorted(self.ctx.get_tags(each)[0] for each in self.ctx.get_web_sockets()),
        }

    def _rows(self, table):
        return self.sql.exec(f"SELECT * FROM {table} ORDER BY rowid").to_list()

"""WebSockets of programs with `serve`: their process is the gateway, and outlives the hosts."""

from __future__ import annotations

import signal

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.integration.library.conftest import is_running, running, until

SERVER = """
import os
from sourdough import DurableObject, Response, WebSocketPair, serve

class Room(DurableObject):
    async def fetch(self, request):
        client, server = WebSocketPair()
        self.ctx.accept_web_socket(server, [request.query["name"]])
        return Response(None, status=101, web_socket=client)

    def web_socket_message(self, ws, message):
        if message == "who?":
            tags = [self.ctx.get_tags(each)[0] for each in self.ctx.get_web_sockets()]
            ws.send(f"{os.getpid()} {os.getppid()} {' '.join(sorted(tags))}")
        else:
            self.ctx.broadcast(message)

    def web_socket_close(self, ws, code, reason, was_clean):
        self.ctx.broadcast(f"{self.ctx.get_tags(ws)[0]} left with {code}", exclude=[ws])

async def fetch(request, env, ctx):
    return await env.ROOM.get_by_name("lobby").fetch(request)

if __name__ == "__main__":
    serve(fetch, durable_objects={"ROOM": Room}, host_count=1, port=0, standby=False)
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "server.py"
    path.write_text(SERVER)
    return path


async def _port(program):
    line = (await program.process.stdout.readline()).decode()
    assert line, (await program.process.stderr.read()).decode()
    return int(line.split("http://127.0.0.1:")[1].split()[0])


def _member(port, name):
    return connect(f"ws://127.0.0.1:{port}/?name={name}", compression=None, open_timeout=30)


async def _ask(socket):
    await socket.send("who?")
    host, ruler, *members = (await socket.recv()).split()
    return int(host), int(ruler), members


async def test_sockets_of_a_program_outlive_the_coordinator(script, tmp_path):
    """W1, W2: two serve one room; the one that ran the hosts is killed, the other goes on, and
    closes its clients when it stops.
    """
    async with running(script, cwd=tmp_path) as first:
        port = await _port(first)
        async with (
            running(script, cwd=tmp_path) as second,
            _member(port, "ada") as ada,
            _member(await _port(second), "bob") as bob,
        ):
            await ada.send("hello")
            assert [await ada.recv(), await bob.recv()] == ["hello", "hello"]
            host, ruler, members = await _ask(bob)
            assert (ruler, members) == (first.pid, ["ada", "bob"])
            first.kill()
            with pytest.raises(ConnectionClosed):
                await ada.recv()
            await until(lambda: not is_running(host))
            await bob.send("still here")
            assert await bob.recv() == "still here"
            _, ruler, members = await _ask(bob)
            assert (ruler, members) == (second.pid, ["bob"])
            second.process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as ended:
                await bob.recv()
            assert ended.value.rcvd is not None
            assert ended.value.rcvd.code == 1001
            await second.process.communicate()
            assert second.process.returncode == 0

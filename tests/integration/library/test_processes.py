"""Several programs on one storage folder: one rules, the others follow, and take over."""

from __future__ import annotations

import asyncio
import json

from tests.integration.library.conftest import is_running, running, until


async def test_a_second_program_attaches(start, tmp_path):
    """It uses the hosts of the first: one copy of each object for both."""
    first = await start(2)
    assert await first.said() == {"pid": first.pid}
    second = await start(2)
    assert await second.said() == {"pid": second.pid}
    values = [(await each.ask("a", "increment"))["value"] for each in (first, second, first)]
    assert values == [1, 2, 3]
    places = [(await each.ask("a", "pids"))["value"] for each in (first, second)]
    assert places[0] == places[1]
    assert places[0][1] == first.pid
    shown = await _status(tmp_path / "data")
    assert (shown["mode"], shown["pid"]) == ("library", first.pid)
    assert shown["clients"] == [second.pid]
    # A class that only the second uses is added to the hosts of the first.
    late = (await second.ask("x", "pids", class_="Late"))["value"]
    assert late[1] == first.pid
    assert await second.end() == 0
    assert await first.ask("a", "increment") == {"value": 4}
    assert await first.end() == 0
    assert not is_running(late[0])


async def test_when_the_first_is_killed_another_takes_over(start, tmp_path):
    """What was in flight fails as `retryable`, and nothing that was acknowledged is lost."""
    first = await start()
    await first.said()
    others = [await start() for _ in range(2)]
    for each in others:
        await each.said()
    assert (await others[0].ask("a", "increment"))["value"] == 1
    host, _ = (await others[0].ask("a", "pids"))["value"]
    marks = [tmp_path / f"mark-{number}" for number in range(2)]
    for each, mark in zip(others, marks, strict=True):
        each.tell(mark.name, "sleep", str(mark))
        await until(mark.exists)
    first.kill()
    # Until a program has heard of the end, it sends to the old host: each has to be told.
    for each in others:
        assert (await each.said())["retryable"]
    # These wait for the next coordinator, whoever of the two it is.
    values = await asyncio.gather(*(each.ask("a", "increment") for each in others))
    assert sorted(each["value"] for each in values) == [2, 3]
    places = await asyncio.gather(*(each.ask("a", "pids") for each in others))
    assert places[0] == places[1]
    assert places[0]["value"][1] in {each.pid for each in others}
    await until(lambda: not is_running(host))


async def test_when_the_first_leaves_in_order_another_takes_over(start):
    """A call that comes meanwhile waits; none fails."""
    first = await start()
    await first.said()
    second = await start()
    await second.said()
    assert (await second.ask("a", "increment"))["value"] == 1
    leaving = asyncio.ensure_future(first.end())
    for expected in range(2, 30):
        assert await second.ask("a", "increment") == {"value": expected}
        await asyncio.sleep(0.02)
    assert await leaving == 0
    assert (await second.ask("a", "pids"))["value"][1] == second.pid


async def test_programs_that_start_at_once_agree_on_one(start):
    """The lock decides; the others attach to that one."""
    programs = await asyncio.gather(*(start() for _ in range(4)))
    for each in programs:
        await each.said()
    values = await asyncio.gather(*(each.ask("a", "increment") for each in programs))
    assert sorted(each["value"] for each in values) == [1, 2, 3, 4]
    places = await asyncio.gather(*(each.ask("a", "pids") for each in programs))
    assert len({tuple(each["value"]) for each in places}) == 1


async def test_a_program_attaches_to_no_server_without_hosts(start):
    """`host_count=0` has its objects in its own process, where no other reaches them."""
    first = await start(0)
    await first.said()
    second = await start(0)
    assert await second.process.stdout.readline() == b""
    told = (await second.process.stderr.read()).decode()
    assert f"pid {first.pid}" in told
    assert "host_count=1" in told


async def test_a_script_without_its_guard_starts_no_server_in_a_host(tmp_path):
    """The host that imports it is refused, and the script ends with the line to write."""
    script = tmp_path / "script.py"
    script.write_text(
        "import asyncio\n"
        "from sourdough import ClusterCoordinator, DurableObject\n"
        "class Tally(DurableObject): ...\n"
        "async def main():\n"
        "    coordinator = ClusterCoordinator(durable_objects={'TALLY': Tally}, host_count=1)\n"
        "    async with coordinator: print('started')\n"
        "asyncio.run(main())\n"
    )
    async with running(script, cwd=tmp_path) as program:
        out, error = await program.process.communicate()
    assert program.process.returncode == 1
    assert b"started" not in out
    told = error.decode()
    assert "StartError: ClusterCoordinator was reached inside of a host" in told
    assert "script.py:6" in told
    assert 'start it under `if __name__ == "__main__":`' in told


async def test_serve_runs_a_server_until_a_signal(tmp_path):
    """The caller's process answers HTTP, its objects are in hosts, Ctrl-C drains."""
    script = tmp_path / "my-server.py"
    script.write_text(
        "import asyncio, os, sys\n"
        "from sourdough import DurableObject, Response, serve\n"
        "class Tally(DurableObject):\n"
        "    async def increment(self):\n"
        "        value = await self.ctx.storage.get('value', 0) + 1\n"
        "        await self.ctx.storage.put('value', value)\n"
        "        return [value, os.getppid()]\n"
        "async def fetch(request, env, ctx):\n"
        "    if request.path == '/slow':\n"
        "        print('slow', flush=True)\n"
        "        await asyncio.sleep(0.3)\n"
        "    value, parent = await env.TALLY.get_by_name('a').increment()\n"
        "    return Response.json([value, parent == os.getpid()])\n"
        "if __name__ == '__main__':\n"
        "    serve(fetch, durable_objects={'TALLY': Tally}, host_count=1, port=0, standby=False)\n"
    )
    async with running(script, cwd=tmp_path) as program:
        line = (await program.process.stdout.readline()).decode()
        port = int(line.split("http://127.0.0.1:")[1].split()[0])
        assert await _get(port, "/") == [1, True]
        slow = asyncio.ensure_future(_get(port, "/slow"))
        assert await program.process.stdout.readline() == b"slow\n"
        program.process.send_signal(2)
        assert await slow == [2, True]
        _, error = await program.process.communicate()
        assert (program.process.returncode, error) == (0, b"")


async def test_serve_says_that_a_port_is_taken(tmp_path):
    """Before any host is started, with the way out."""
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    code = (
        "from sourdough import serve\n"
        f"serve(lambda request, env, ctx: None, durable_objects={{}}, port={port})\n"
    )
    async with server, running("-c", code, cwd=tmp_path) as program:
        _, error = await program.process.communicate()
    assert program.process.returncode == 1
    assert "cannot listen on" in error.decode()


async def test_a_program_beside_a_server_of_the_command_line(tmp_path):
    """It uses the server's hosts, for the classes that its configuration binds; it never rules."""
    (tmp_path / "counter.py").write_text(
        "from sourdough import DurableObject\n"
        "class Counter(DurableObject):\n"
        "    async def increment(self):\n"
        "        value = await self.ctx.storage.get('value', 0) + 1\n"
        "        await self.ctx.storage.put('value', value)\n"
        "        return value\n"
        "class Other(DurableObject): ...\n"
    )
    (tmp_path / "sourdough.toml").write_text(
        'name = "beside"\nhostCount = 1\n[serve]\nport = 0\nstandby = false\n'
        '[[durable_objects.bindings]]\nname = "C"\nclass_name = "Counter"\nmodule = "counter"\n'
    )
    (tmp_path / "script.py").write_text(
        "import asyncio\n"
        "from counter import Counter, Other\n"
        "from sourdough import ClusterCoordinator, DurableObjectError, SourdoughError\n"
        "async def main():\n"
        "    options = {'limits': {'park_timeout': 1}}\n"
        "    async with ClusterCoordinator(host_count=1, **options) as coordinator:\n"
        "        print(await coordinator.get('a', Counter).increment(), flush=True)\n"
        "        try: await coordinator.get('a', Other).increment()\n"
        "        except SourdoughError as error: print(error, flush=True)\n"
        "        input()\n"
        "        try: await coordinator.get('a', Counter).increment()\n"
        "        except DurableObjectError as error: print(error.retryable, flush=True)\n"
        "asyncio.run(main())\n"
    )
    async with running("-m", "sourdough_cli", "serve", cwd=tmp_path) as server:
        assert (await server.said())["event"] == "server.started"
        async with running("script.py", cwd=tmp_path) as script:
            assert await script.process.stdout.readline() == b"1\n"
            assert b"binds no class Other" in await script.process.stdout.readline()
            server.kill()
            await server.process.wait()
            script.process.stdin.write(b"\n")
            assert await script.process.stdout.readline() == b"True\n"


async def test_workers_of_uvicorn_share_one_folder(tmp_path):
    """`uvicorn --workers 2`: each worker starts a coordinator in its lifespan."""
    (tmp_path / "app.py").write_text(
        "import os\n"
        "from contextlib import asynccontextmanager\n"
        "from fastapi import FastAPI\n"
        "from sourdough import ClusterCoordinator, DurableObject, Response, route\n"
        "class Tally(DurableObject):\n"
        "    async def fetch(self, request):\n"
        "        value = await self.ctx.storage.get('value', 0) + 1\n"
        "        await self.ctx.storage.put('value', value)\n"
        "        return Response.json([value, os.getpid()])\n"
        "coordinator = ClusterCoordinator(host_count=1)\n"
        "@asynccontextmanager\n"
        "async def lifespan(app):\n"
        "    async with coordinator: yield\n"
        "app = FastAPI(lifespan=lifespan)\n"
        "app.mount('/tally', route(coordinator, Tally))\n"
        "@app.get('/worker')\n"
        "async def worker(): return os.getpid()\n"
    )
    port = _free_port()
    arguments = ("-m", "uvicorn", "--workers", 2, "--port", port, "--log-level", "warning")
    async with running(*arguments, "app:app", cwd=tmp_path) as program:
        await _answers(port)
        seen = [await _get(port, "/tally/?id=a") for _ in range(8)]
        workers = {await _get(port, "/worker") for _ in range(30)}
        assert [value for value, _ in seen] == list(range(1, 9))
        assert len({pid for _, pid in seen}) == 1
        assert not workers & {pid for _, pid in seen}
        program.process.send_signal(15)
        await program.process.communicate()
    assert not any(is_running(pid) for pid in {pid for _, pid in seen})


async def _status(storage):
    arguments = ("-m", "sourdough_cli", "status", "--json", "--storage", storage)
    async with running(*arguments) as command:
        out, _ = await command.process.communicate()
    return json.loads(out)["coordinator"]


def _free_port():
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


async def _answers(port):
    async with asyncio.timeout(15):
        while True:
            try:
                await _get(port, "/worker")
            except OSError:
                await asyncio.sleep(0.02)
            else:
                return


async def _get(port, target):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return json.loads(answer.partition(b"\r\n\r\n")[2])

"""What no route takes comes here: the page at /."""

from sourdough import Request, Response, WorkerEntrypoint
from sourdough_env import Env

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Counter</title>
<link rel="icon" href="data:,">
<style>
  :root { color-scheme: light dark; font: 18px/1.5 system-ui, sans-serif; }
  body { display: grid; place-items: center; min-height: 90vh; margin: 0; }
  main { text-align: center; }
  output { display: block; font-size: 6rem; font-variant-numeric: tabular-nums; }
  input, button { font: inherit; padding: .4rem .8rem; border-radius: .5rem; border: 1px solid #8886; }
  button { background: #b4632c; border-color: #b4632c; color: white; cursor: pointer; }
  p { opacity: .7; min-height: 1.5em; }
</style>
<main>
  <label>Counter <input id="name" value="a" maxlength="100" autocomplete="off"></label>
  <output id="value">&hellip;</output>
  <button id="increment">Increment</button>
  <p id="note">Each name is an object of its own. Open this page twice, restart the server: it remembers.</p>
</main>
<script>
  const at = id => document.getElementById(id);

  async function call(method, action = "") {
    const name = at("name").value;
    if (!name) return;
    try {
      const answer = await fetch(`/counter/${encodeURIComponent(name)}${action}`, { method });
      if (!answer.ok) throw new Error(await answer.text());
      const { value } = await answer.json();
      if (name === at("name").value) at("value").textContent = value;
    } catch (error) {
      at("note").textContent = error.message;
    }
  }

  at("name").oninput = () => call("GET");
  at("increment").onclick = () => call("POST", "/increment");
  call("GET");
</script>
</html>
"""


class Default(WorkerEntrypoint[Env]):
    async def fetch(self, request: Request) -> Response:
        if request.path != "/":
            return Response("There is nothing here. The page is at /.\n", status=404)
        return Response(PAGE, headers={"content-type": "text/html; charset=utf-8"})

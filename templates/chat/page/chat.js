// The page of one room. Its WebSocket ends at the server's gateway, so it stays open when the room
// sleeps, when its host crashes and when its code is saved. What is left to be done here is to
// connect again when the gateway or the network between has gone.

const at = id => document.getElementById(id);

const room = decodeURIComponent(location.pathname.split("/")[2] || "lobby");
const rows = new Map(); // id of a message -> its <li>

let socket;
let connections = 0;
let failures = 0; // attempts since the last that succeeded
let attempt; // the timer of the next one
let alive = true; // whether the server has answered the last ping

// --- The connection

const FIRST_DELAY = 500; // milliseconds; doubles with each failure
const LONGEST_DELAY = 30_000;
const PING_EVERY = 20_000;

function connect() {
  const url = new URL(`/room/${encodeURIComponent(room)}/ws`, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("name", at("name").value);
  socket = new WebSocket(url);
  socket.onopen = () => {
    alive = true;
    failures = 0;
    at("connections").value = ++connections;
    at("state").textContent = "Connected";
  };
  socket.onmessage = ({ data }) => {
    if (data === "pong") return void (alive = true);
    for (const [what, told] of Object.entries(JSON.parse(data))) hear[what]?.(told);
  };
  socket.onclose = connectLater;
}

function connectLater() {
  // Half of the delay is chance: after a server's restart its clients do not all come at once.
  const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** failures++) * (.5 + Math.random() / 2);
  at("state").textContent = "Connection lost, connecting again…";
  attempt = setTimeout(connect, delay);
}

function ping() {
  if (socket.readyState !== WebSocket.OPEN) return;
  if (alive) {
    alive = false;
    socket.send("ping"); // the gateway says pong; the room sleeps on
    return;
  }
  socket.onclose = socket.onmessage = null; // nobody is there who could complete a close
  socket.close();
  connectLater();
}

// --- What the room tells us

const hear = {
  people(names) {
    at("people").replaceChildren(...names.map(name => {
      const person = document.createElement("li");
      person.textContent = name;
      return person;
    }));
  },

  // Comes first on each connection. What we sent on the one before and is not in it was lost.
  messages(list) {
    list.forEach(hear.message);
    for (const [id, row] of rows) if (waits(row)) hear.lost(id);
  },

  message(message) {
    const row = rows.get(message.id);
    if (row && !waits(row)) return; // told twice, shown once
    row?.remove();
    const shown = show(message);
    at("messages").insertBefore(shown, at("messages").querySelector(".waits"));
    follow(shown);
  },

  lost(id) {
    const row = rows.get(id);
    if (!row || !waits(row)) return;
    row.querySelector("button").hidden = false;
    follow(row, true);
  },
};

// --- What we tell the room

function say(text) {
  // Not crypto.randomUUID(): browsers have that on https and localhost alone.
  const id = Array.from(crypto.getRandomValues(new Uint32Array(4)), n => n.toString(36)).join("-");
  const row = show({ id, name: at("name").value, text, at: Date.now() });
  row.classList.add("waits"); // until the room has told it to everybody
  at("messages").append(row);
  follow(row, true);
  const send = () => {
    const open = socket.readyState === WebSocket.OPEN;
    if (open) socket.send(JSON.stringify({ say: text, id }));
    row.querySelector("button").hidden = open;
  };
  row.querySelector("button").onclick = send; // again, with the same id: it is said once
  send();
}

const waits = row => row.classList.contains("waits");

// --- The list of messages

// Text is put in as text: whatever people type, it is never HTML.
function show({ id, name, text, at: when }) {
  const row = at("message").content.firstElementChild.cloneNode(true);
  const date = new Date(when);
  const today = date.toDateString() === new Date().toDateString();
  row.querySelector("b").textContent = name;
  row.querySelector("p").textContent = text;
  row.querySelector("time").dateTime = date.toISOString();
  row.querySelector("time").textContent =
    date.toLocaleString([], { timeStyle: "short", dateStyle: today ? undefined : "medium" });
  rows.set(id, row);
  return row;
}

// Scroll to a new row, unless somebody reads further up.
function follow(row, always = false) {
  const list = at("messages");
  const below = list.scrollHeight - list.scrollTop - list.clientHeight - row.offsetHeight;
  if (always || below < 60) list.scrollTop = list.scrollHeight;
}

// --- Begin

document.title = room;
at("room").value = room;
// The name of this tab, or else the last that was taken in any.
at("name").value = sessionStorage.getItem("name") || localStorage.getItem("name") ||
  `Guest ${100 + Math.floor(Math.random() * 900)}`;

at("room").onchange = () => {
  location.href = `/r/${encodeURIComponent(at("room").value.trim() || "lobby")}`;
};
at("name").onchange = () => {
  for (const storage of [sessionStorage, localStorage]) storage.setItem("name", at("name").value);
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ name: at("name").value }));
};
at("say").onsubmit = event => {
  event.preventDefault();
  say(at("text").value);
  at("text").value = "";
};
addEventListener("online", () => {
  if (socket.readyState !== WebSocket.CLOSED) return;
  clearTimeout(attempt);
  connect();
});
setInterval(ping, PING_EVERY);
connect();

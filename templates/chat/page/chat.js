// The page of one room. Its WebSocket ends at the server's gateway, so it stays open when the room
// sleeps, when its host crashes and when its code is saved. What is left to be done here is to
// connect again when the gateway or the network between has gone.

const at = id => document.getElementById(id);

const room = decodeURIComponent(location.pathname.split("/")[2] || "lobby");
const rows = new Map(); // id of a message -> its <li>
const unsaid = new Map(); // id of a message of ours that the room has not told yet -> { text, ... }

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
    for (const id of unsaid.keys()) send(id);
  },

  message(message) {
    if (rows.has(message.id) && !unsaid.has(message.id)) return; // told twice, shown once
    rows.get(message.id)?.remove();
    clearTimeout(unsaid.get(message.id)?.timer);
    unsaid.delete(message.id);
    const row = show(message);
    at("messages").insertBefore(row, at("messages").querySelector(".unsaid"));
    follow(row);
  },

  // The room's host died while this was being delivered, and it is not among what was stored.
  lost: send,
};

// --- What we tell the room

const PATIENCE = 2_000;
const ATTEMPTS = 5;

function say(text) {
  // Not crypto.randomUUID(): browsers have that on https and localhost alone.
  const id = Array.from(crypto.getRandomValues(new Uint32Array(4)), n => n.toString(36)).join("-");
  const row = show({ id, name: at("name").value, text, at: Date.now() });
  row.classList.add("unsaid");
  row.querySelector("button").onclick = () => send(id);
  at("messages").append(row);
  follow(row, true);
  unsaid.set(id, { text, row, attempts: 0 });
  send(id);
}

// Send a message, and again until the room has told it to everybody. It has one id, so it is said
// once; and no more than some attempts, in case that it is the message that does the harm.
function send(id) {
  const message = unsaid.get(id);
  if (!message) return;
  clearTimeout(message.timer);
  const given = message.attempts === ATTEMPTS;
  message.row.querySelector("button").hidden = !given;
  message.attempts = given ? 0 : message.attempts + 1;
  if (given) return follow(message.row, true);
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ say: message.text, id }));
  message.timer = setTimeout(send, PATIENCE, id);
}

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

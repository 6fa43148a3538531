// The objects of ../objects.py as workerd runs them: the same names, the same calls.
import { DurableObject } from "cloudflare:workers";

export class Echo extends DurableObject {
  async fetch() {
    const [client, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server, ["all"]);
    server.serializeAttachment({ name: "Ada" });
    return new Response(null, { status: 101, webSocket: client });
  }

  async webSocketMessage(ws, message) {
    ws.send(message);
  }
}

export class Stored extends Echo {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, body TEXT)");
  }

  async webSocketMessage(ws, message) {
    this.ctx.storage.sql.exec("INSERT INTO log (body) VALUES (?)", message);
    ws.send(message);
  }
}

export class Room extends Echo {
  async webSocketMessage(ws, message) {
    for (const each of this.ctx.getWebSockets()) each.send(message);
  }
}

export default {
  fetch(request, env) {
    const [, kind, name] = new URL(request.url).pathname.split("/");
    const namespace = env[kind.toUpperCase()];
    return namespace.get(namespace.idFromName(name)).fetch(request);
  },
};

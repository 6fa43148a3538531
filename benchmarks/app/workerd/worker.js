// The objects of ../objects.py as workerd runs them: the same names, the same storage calls.
import { DurableObject } from "cloudflare:workers";

export class Noop extends DurableObject {
  async fetch() {
    return new Response("Hello, world!");
  }
}

export class Memory extends DurableObject {
  count = 0;

  async fetch() {
    this.count += 1;
    return new Response(String(this.count));
  }
}

export class Counter extends DurableObject {
  async fetch() {
    const value = ((await this.ctx.storage.get("value")) ?? 0) + 1;
    await this.ctx.storage.put("value", value);
    return new Response(String(value));
  }
}

export class Rows extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, body TEXT)");
  }

  async fetch() {
    this.ctx.storage.sql.exec("INSERT INTO log (body) VALUES (?)", "Hello, world!");
    return new Response("inserted");
  }
}

export default {
  fetch(request, env) {
    const [, kind, name] = new URL(request.url).pathname.split("/");
    const namespace = env[kind.toUpperCase()];
    return namespace.get(namespace.idFromName(name)).fetch(request);
  },
};

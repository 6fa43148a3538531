# Started with --directory-path disk=FOLDER: objects in SQLite files of that folder.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "disk", disk = (writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const main :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-11-01",
  durableObjectNamespaces = [
    (className = "Noop", uniqueKey = "noop", enableSql = true),
    (className = "Memory", uniqueKey = "memory", enableSql = true),
    (className = "Counter", uniqueKey = "counter", enableSql = true),
    (className = "Rows", uniqueKey = "rows", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [
    (name = "NOOP", durableObjectNamespace = "Noop"),
    (name = "MEMORY", durableObjectNamespace = "Memory"),
    (name = "COUNTER", durableObjectNamespace = "Counter"),
    (name = "ROWS", durableObjectNamespace = "Rows"),
  ],
);

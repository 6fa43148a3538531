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
    (className = "Echo", uniqueKey = "echo", enableSql = true),
    (className = "Stored", uniqueKey = "stored", enableSql = true),
    (className = "Room", uniqueKey = "room", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [
    (name = "ECHO", durableObjectNamespace = "Echo"),
    (name = "STORED", durableObjectNamespace = "Stored"),
    (name = "ROOM", durableObjectNamespace = "Room"),
  ],
);

"""Databases of objects: one SQLite file each, implicit transactions, numbered durable commits."""

from __future__ import annotations

from sourdough.storage.database import Database
from sourdough.storage.engine import Durability, Engine, ObjectFile
from sourdough.storage.inspection import EntryReport, ObjectReport, TableReport, report
from sourdough.storage.kv import KeyValueStore
from sourdough.storage.layout import Layout, measure_sync
from sourdough.storage.meta import ObjectMeta
from sourdough.storage.rows import Row
from sourdough.storage.sql import Cursor, Sql
from sourdough.storage.storage import Storage
from sourdough.storage.wal_engine import WalEngine

__all__ = [
    "Cursor",
    "Database",
    "Durability",
    "Engine",
    "EntryReport",
    "KeyValueStore",
    "Layout",
    "ObjectFile",
    "ObjectMeta",
    "ObjectReport",
    "Row",
    "Sql",
    "Storage",
    "TableReport",
    "WalEngine",
    "measure_sync",
    "report",
]

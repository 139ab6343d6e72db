"""The database in which a cluster is kept: opened, and created if there is none."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

PAGE_BYTES = 16384
"""Of a new database: in pages of SQLite's 4 KiB an object of 1 KiB takes a page of its own."""

_SCHEMA = """
BEGIN;
CREATE TABLE objects (resource TEXT, namespace TEXT, name TEXT, object TEXT, PRIMARY KEY (resource, namespace, name))
WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
INSERT INTO facts VALUES ('resourceVersion', '0'), ('configuration', '');
PRAGMA user_version = 1;
COMMIT;
"""


def open_database(path: Path) -> sqlite3.Connection:
    """Open the database; creates it readable by its owner alone."""
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(path, isolation_level="IMMEDIATE")
    try:
        database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        if database.execute("PRAGMA user_version").fetchone() == (0,):
            database.executescript(_SCHEMA)
    except sqlite3.Error:
        database.close()
        raise
    return database

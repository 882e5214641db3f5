-- The journal. One file per state folder; every row that an outcome rests on is written in the transaction
-- that makes it true, with synchronous=FULL.

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

-- Since when this journal knows a lockfile's runs; null: since the first of them. What an earlier run, whose journal
-- is lost, may have left in flight is not in it.
CREATE TABLE beginnings (lockfile TEXT PRIMARY KEY, since TEXT, boot TEXT, uptime REAL) STRICT;

-- One row per apply. `lockfile` is the project's name and the lockfile's file name, which tells the environment.
CREATE TABLE runs (
    run TEXT PRIMARY KEY,
    lockfile TEXT NOT NULL,
    command TEXT NOT NULL,
    owner TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    exit_code INTEGER,
    report BLOB
) STRICT;

-- One row per record and try. An `intended` row was committed before its request left. Rows that came from a
-- lockfile's pending lines have the batch 0.
CREATE TABLE attempts (
    attempt TEXT PRIMARY KEY,
    run TEXT NOT NULL,
    batch INTEGER NOT NULL,
    lockfile TEXT NOT NULL,
    address TEXT NOT NULL,
    kind TEXT NOT NULL,
    upstream TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    sync_id TEXT NOT NULL,
    collection_id TEXT NOT NULL,
    state TEXT NOT NULL,
    key TEXT,
    loose_key TEXT,
    key_id TEXT,
    marker TEXT,
    lens BLOB,
    sent BLOB,
    cursor TEXT,
    stream TEXT,
    repeats TEXT,
    absences INTEGER NOT NULL DEFAULT 0,
    alone INTEGER NOT NULL DEFAULT 0,
    intended_at TEXT,
    boot TEXT,
    uptime REAL NOT NULL DEFAULT 0,
    not_after TEXT,
    horizon TEXT NOT NULL,
    ended_at TEXT,
    status INTEGER,
    refused INTEGER NOT NULL DEFAULT 0,
    absent INTEGER NOT NULL DEFAULT 0,
    message TEXT NOT NULL DEFAULT '',
    upstream_id TEXT,
    found BLOB
) STRICT;

CREATE INDEX open_attempts ON attempts (lockfile, state) WHERE state NOT IN ('applied', 'not_applied', 'rejected');
CREATE INDEX attempts_of_address ON attempts (lockfile, address);
CREATE INDEX rejected_attempts ON attempts (lockfile) WHERE state = 'rejected';
CREATE INDEX absent_attempts ON attempts (lockfile) WHERE state = 'not_applied' AND absences + absent > 0;

-- What an update found in the fields that it overwrote, as JSON, for an undo; without the values of sensitive fields.
CREATE TABLE overwritten (attempt TEXT PRIMARY KEY, data TEXT NOT NULL) STRICT;

-- Every upstream ID of every 2xx answer, mapped or not.
CREATE TABLE returned (
    run TEXT NOT NULL,
    batch INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    sync_id TEXT NOT NULL,
    collection_id TEXT NOT NULL,
    upstream_id TEXT NOT NULL,
    address TEXT,
    received_at TEXT NOT NULL,
    PRIMARY KEY (run, batch, upstream_id)
) STRICT;

-- The lock entries that outcomes made, as lockfile lines (null: the address holds nothing any more)
-- and digests that stay on this machine; `replaces` names the other record that the address held before, where
-- somebody decided so or that record was deleted; `folded` is 1 once a lockfile that says the same is on disk, 2 once the shared state says so,
-- -1 while that is under way.
CREATE TABLE identities (
    lockfile TEXT NOT NULL,
    address TEXT NOT NULL,
    line BLOB,
    private BLOB,
    replaces BLOB,
    folded INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (lockfile, address)
) STRICT;

-- Run locks: the epoch that every intent checks, and who holds the lock.
CREATE TABLE locks (
    place TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,
    owner TEXT
) STRICT;

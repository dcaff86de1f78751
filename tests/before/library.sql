-- The library as the first schema wrote it.
CREATE TABLE item (
    row          INTEGER PRIMARY KEY,
    connection   TEXT NOT NULL,
    id           TEXT NOT NULL,
    parent       TEXT,
    root         TEXT,
    name         TEXT NOT NULL,
    kind         TEXT NOT NULL,
    format       TEXT,
    size         INTEGER,
    modified     INTEGER,
    url          TEXT,
    selectable   INTEGER NOT NULL,
    expandable   INTEGER NOT NULL,
    version      TEXT NOT NULL,
    note         TEXT,
    listing      INTEGER NOT NULL,
    state        INTEGER NOT NULL DEFAULT 0,
    kept_version TEXT,
    kept_at      INTEGER,
    kept_bytes   INTEGER NOT NULL DEFAULT 0,
    failure      TEXT,
    UNIQUE (connection, id)
) STRICT;
CREATE INDEX item_below ON item (connection, parent, expandable DESC, name COLLATE NOCASE, row);
CREATE INDEX item_state ON item (connection, state, row) WHERE state > 0;
CREATE TABLE body (
    row  INTEGER PRIMARY KEY,
    text TEXT NOT NULL
) STRICT;
CREATE TABLE pick (
    connection TEXT NOT NULL,
    item       TEXT NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (connection, item)
) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE names USING fts5 (name, content = '', contentless_delete = 1,
    tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3', detail = column);
CREATE VIRTUAL TABLE texts USING fts5 (text, content = '', contentless_delete = 1,
    tokenize = 'unicode61 remove_diacritics 2', prefix = '3', detail = column);
CREATE TABLE sync (
    connection  TEXT PRIMARY KEY,
    provider    TEXT NOT NULL DEFAULT '',
    title       TEXT NOT NULL DEFAULT '',
    everything  INTEGER NOT NULL,
    every_hours INTEGER NOT NULL DEFAULT 0,
    next_at     INTEGER,
    phase       TEXT NOT NULL DEFAULT 'idle',
    wish        TEXT NOT NULL DEFAULT '',
    listing     INTEGER NOT NULL DEFAULT 0,
    complete    INTEGER NOT NULL DEFAULT 0,
    whole       INTEGER NOT NULL DEFAULT 1,
    position    TEXT,
    resume      TEXT,
    begun_at    INTEGER,
    ended_at    INTEGER,
    removed     INTEGER NOT NULL DEFAULT 0,
    failure     TEXT
) STRICT;

INSERT INTO item (row, connection, id, name, kind, selectable, expandable, version, listing, state, kept_version, kept_at, kept_bytes)
    VALUES (41, 'c0ffee', '9001', 'Opening hours', 'ARTICLE', 1, 0, 'v1', 1, 2, 'v1', 1750000100, 24);
INSERT INTO body VALUES (41, 'We open at nine o''clock.');
INSERT INTO names (rowid, name) VALUES (41, 'Opening hours');
INSERT INTO texts (rowid, text) VALUES (41, 'We open at nine o''clock.');
INSERT INTO pick VALUES ('c0ffee', '9001', 1750000000);
INSERT INTO sync (connection, provider, title, everything, every_hours) VALUES ('c0ffee', 'ZENDESK', 'Help centre', 0, 12);
PRAGMA user_version = 1;

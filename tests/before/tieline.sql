-- The list of connections as the first schema wrote it.
CREATE TABLE app (
    provider       TEXT NOT NULL,
    host           TEXT NOT NULL,
    client_id      TEXT NOT NULL,
    secret_version INTEGER NOT NULL,
    relay          TEXT,
    loopback_port  INTEGER,
    saved_at       INTEGER NOT NULL,
    PRIMARY KEY (provider, host)
) STRICT;
CREATE TABLE connection (
    id                TEXT PRIMARY KEY,
    provider          TEXT NOT NULL,
    name              TEXT NOT NULL,
    inputs            TEXT NOT NULL,
    facts             TEXT NOT NULL,
    account_id        TEXT NOT NULL,
    account_name      TEXT NOT NULL,
    account_email     TEXT NOT NULL,
    account_workspace TEXT NOT NULL,
    app_host          TEXT NOT NULL,
    client_id         TEXT NOT NULL,
    redirect          TEXT NOT NULL,
    way               TEXT NOT NULL,
    asked             TEXT NOT NULL,
    granted           TEXT,
    secret_version    INTEGER NOT NULL,
    has_refresh       INTEGER NOT NULL,
    access_until      INTEGER,
    access_life       INTEGER,
    refresh_until     INTEGER,
    refreshed_at      INTEGER NOT NULL,
    authorized_at     INTEGER NOT NULL,
    connected_at      INTEGER NOT NULL,
    last_used_at      INTEGER,
    last_ok_at        INTEGER,
    last_refresh_at   INTEGER,
    refreshes         INTEGER NOT NULL,
    last_failed_at    INTEGER,
    failures          INTEGER NOT NULL,
    retry_at          INTEGER,
    trouble           TEXT,
    disconnecting     INTEGER NOT NULL
) STRICT;
CREATE TABLE event (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    connection      TEXT NOT NULL,
    connection_name TEXT NOT NULL,
    at              INTEGER NOT NULL,
    kind            TEXT NOT NULL,
    words           TEXT NOT NULL
) STRICT;
CREATE INDEX event_of_connection ON event (connection, id);
CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TABLE refreshing (
    connection TEXT PRIMARY KEY,
    version    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    pid        INTEGER NOT NULL
) STRICT;
CREATE TABLE stray (
    entry TEXT PRIMARY KEY,
    pid   INTEGER NOT NULL
) STRICT;
CREATE TABLE service (
    id          TEXT PRIMARY KEY,
    description TEXT NOT NULL
) STRICT;
CREATE TABLE setting (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    document TEXT NOT NULL
) STRICT;

INSERT INTO app VALUES ('ZENDESK', 'acme.zendesk.com', 'tieline-of-before', 0, NULL, 47900, 1750000000);
INSERT INTO connection (id, provider, name, inputs, facts, account_id, account_name, account_email, account_workspace, app_host, client_id, redirect, way, asked, granted, secret_version, has_refresh, access_until, access_life, refresh_until, refreshed_at, authorized_at, connected_at, last_used_at, last_ok_at, last_refresh_at, refreshes, last_failed_at, failures, retry_at, trouble, disconnecting) VALUES
    ('c0ffee', 'ZENDESK', 'Help centre', '{"subdomain":"acme"}', '{}', 'acme/7', 'Maya Lind', 'maya.lind@acme.example', 'Acme', 'acme.zendesk.com', 'tieline-of-before',
     'http://127.0.0.1:47900/integrations/zendesk', 'loopback', '["read"]', NULL, 1, 1, NULL, NULL, NULL, 1750000000,
     1750000000, 1750000000, NULL, NULL, NULL, 0, NULL, 0, NULL, NULL, 0);
INSERT INTO event (connection, connection_name, at, kind, words) VALUES ('c0ffee', 'Help centre', 1750000000, 'connected', 'Connected as Maya Lind.');
INSERT INTO setting VALUES (1, '{"admin_email":"it@acme.example"}');
PRAGMA user_version = 1;

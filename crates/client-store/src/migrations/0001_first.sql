-- The first schema. Never edited once released: a change is a new file.

CREATE TABLE profile (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    account      BLOB NOT NULL,
    device       BLOB NOT NULL,
    device_name  TEXT NOT NULL,
    handle       TEXT NOT NULL,
    list_key     BLOB NOT NULL,
    mls_key      BLOB NOT NULL,
    genesis      BLOB NOT NULL,
    server       TEXT NOT NULL,
    server_key   BLOB NOT NULL,
    state        INTEGER NOT NULL,
    recovery_key BLOB,
    registration BLOB,
    created_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE progress (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    next_send   INTEGER NOT NULL DEFAULT 1,
    accepted    INTEGER NOT NULL DEFAULT 0,
    incarnation BLOB,
    cursor      INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO progress (id) VALUES (1);

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- `group_id` and `key` are empty where a kind has none, so that the primary key is total.
CREATE TABLE mls_row (
    kind     INTEGER NOT NULL,
    group_id BLOB NOT NULL,
    key      BLOB NOT NULL,
    format   INTEGER NOT NULL,
    bytes    BLOB NOT NULL,
    PRIMARY KEY (kind, group_id, key)
) STRICT;
CREATE INDEX mls_row_group ON mls_row (group_id);

CREATE TABLE account (
    account     BLOB PRIMARY KEY,
    genesis     BLOB NOT NULL,
    head_number INTEGER NOT NULL,
    head_hash   BLOB NOT NULL,
    handle      TEXT UNIQUE,
    username    TEXT,
    local_name  TEXT,
    trust       INTEGER NOT NULL,
    trust_at    INTEGER,
    successor   BLOB,
    learned_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE list (
    account BLOB NOT NULL,
    number  INTEGER NOT NULL,
    hash    BLOB NOT NULL,
    entry   BLOB NOT NULL,
    PRIMARY KEY (account, number)
) STRICT;

CREATE TABLE conversation (
    id            BLOB PRIMARY KEY,
    kind          INTEGER NOT NULL,
    peer          BLOB,
    generation    INTEGER NOT NULL,
    group_id      BLOB,
    state         INTEGER NOT NULL,
    attempts      INTEGER NOT NULL,
    known_epoch   INTEGER NOT NULL,
    refreshed_at  INTEGER NOT NULL,
    last_activity INTEGER NOT NULL
) STRICT;
CREATE INDEX conversation_group ON conversation (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX conversation_peer ON conversation (peer) WHERE peer IS NOT NULL;
CREATE INDEX conversation_activity ON conversation (last_activity);

CREATE TABLE timeline (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation BLOB NOT NULL,
    generation   INTEGER NOT NULL,
    ord          INTEGER,
    unsent       INTEGER NOT NULL GENERATED ALWAYS AS (ord IS NULL) VIRTUAL,
    content_id   BLOB NOT NULL,
    account      BLOB NOT NULL,
    device       BLOB NOT NULL,
    sent_at      INTEGER NOT NULL,
    accepted_at  INTEGER,
    delivered_at INTEGER,
    content      BLOB NOT NULL,
    state        INTEGER NOT NULL,
    reason       TEXT,
    event        TEXT,
    client_key   TEXT,
    UNIQUE (conversation, account, content_id)
) STRICT;
CREATE INDEX timeline_order ON timeline (conversation, unsent, generation, ord, id);
CREATE INDEX timeline_queued ON timeline (conversation, id) WHERE state = 0;
CREATE UNIQUE INDEX timeline_client_key ON timeline (conversation, client_key) WHERE client_key IS NOT NULL;

CREATE TABLE outbox (
    send_seq     INTEGER PRIMARY KEY,
    conversation BLOB NOT NULL,
    group_id     BLOB NOT NULL,
    kind         INTEGER NOT NULL,
    epoch        INTEGER NOT NULL,
    request      BLOB NOT NULL,
    digest       BLOB NOT NULL,
    timeline     INTEGER,
    note         BLOB NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_conversation ON outbox (conversation);
CREATE INDEX outbox_timeline ON outbox (timeline) WHERE timeline IS NOT NULL;

CREATE TABLE sent_log (
    send_seq     INTEGER PRIMARY KEY,
    conversation BLOB NOT NULL,
    kind         INTEGER NOT NULL,
    request      BLOB NOT NULL,
    timeline     INTEGER,
    accepted_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX sent_log_accepted ON sent_log (accepted_at);

CREATE TABLE pending_commit (
    group_id BLOB PRIMARY KEY,
    send_seq INTEGER NOT NULL,
    epoch    INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    secrets  BLOB NOT NULL,
    intent   BLOB NOT NULL,
    made_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE parked (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation BLOB NOT NULL,
    seq          INTEGER NOT NULL,
    reason       INTEGER NOT NULL,
    detail       BLOB NOT NULL,
    bytes        BLOB NOT NULL,
    at           INTEGER NOT NULL
) STRICT;
CREATE INDEX parked_conversation ON parked (conversation, id);

CREATE TABLE key_package (
    reference  BLOB PRIMARY KEY,
    kind       INTEGER NOT NULL,
    upload     INTEGER NOT NULL,
    bytes      BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;

CREATE TABLE witness (
    conversation BLOB NOT NULL,
    account      BLOB NOT NULL,
    device       BLOB NOT NULL,
    counter      INTEGER NOT NULL,
    hash         BLOB NOT NULL,
    PRIMARY KEY (conversation, account, device)
) STRICT;

CREATE TABLE mark (
    conversation BLOB NOT NULL,
    mark         INTEGER NOT NULL,
    PRIMARY KEY (conversation, mark)
) STRICT;

CREATE TABLE seen (
    digest BLOB PRIMARY KEY,
    at     INTEGER NOT NULL
) STRICT;
CREATE INDEX seen_at ON seen (at);

CREATE TABLE wanted_list (
    account      BLOB PRIMARY KEY,
    number       INTEGER NOT NULL,
    hash         BLOB NOT NULL,
    conversation BLOB,
    witness      BLOB
) STRICT;

CREATE TABLE receipt_owed (
    timeline     INTEGER PRIMARY KEY,
    conversation BLOB NOT NULL
) STRICT;
CREATE INDEX receipt_owed_conversation ON receipt_owed (conversation, timeline);

CREATE TABLE event (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    kind         TEXT NOT NULL,
    conversation BLOB,
    timeline     INTEGER,
    payload      BLOB NOT NULL,
    at           INTEGER NOT NULL
) STRICT;
CREATE INDEX event_timeline ON event (timeline) WHERE timeline IS NOT NULL;

CREATE TABLE consumer (
    name TEXT PRIMARY KEY,
    seq  INTEGER NOT NULL
) STRICT;

-- Keeps its own copy of the text: an index without one can only mark what is deleted, not overwrite it.
CREATE VIRTUAL TABLE search USING fts5 (
    text,
    tokenize = "unicode61 remove_diacritics 2",
    prefix = '2 3'
);
INSERT INTO search (search, rank) VALUES ('secure-delete', 1);

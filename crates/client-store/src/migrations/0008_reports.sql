-- What a person told the server's operator of others. `request` is what is sent, the same bytes each time; it goes once the server
-- has answered, and `settled_at` stays, with `refused` where the server did not take it.
CREATE TABLE report (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    id         BLOB NOT NULL UNIQUE,
    account    BLOB NOT NULL,
    reason     INTEGER NOT NULL,
    messages   INTEGER NOT NULL,
    made_at    INTEGER NOT NULL,
    request    BLOB,
    settled_at INTEGER,
    refused    TEXT
) STRICT;
CREATE INDEX report_waiting ON report (number) WHERE request IS NOT NULL;

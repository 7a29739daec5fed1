-- Device lists with what was displaced in them, in the order of its coming.

CREATE TABLE list_history (
    account  BLOB NOT NULL,
    position INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    entry    BLOB NOT NULL,
    PRIMARY KEY (account, position),
    UNIQUE (account, hash)
) STRICT;
INSERT INTO list_history (account, position, number, hash, entry)
    SELECT account, number, number, hash, entry FROM list;
DROP TABLE list;
ALTER TABLE list_history RENAME TO list;

-- Who is in a group's conversation, as of its newest epoch here.
CREATE TABLE member (
    conversation BLOB NOT NULL,
    account      BLOB NOT NULL,
    role         INTEGER NOT NULL,
    PRIMARY KEY (conversation, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_account ON member (account);

-- What a group's conversation is called and how it is run, as of its newest epoch here.
CREATE TABLE group_facts (
    conversation BLOB PRIMARY KEY,
    name         TEXT,
    description  TEXT,
    add_by       INTEGER NOT NULL,
    details_by   INTEGER NOT NULL,
    write_by     INTEGER NOT NULL,
    timer_secs   INTEGER NOT NULL
) STRICT;

-- What this device was asked to change in a group and has not seen changed yet.
CREATE TABLE wish (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation BLOB NOT NULL,
    wish         BLOB NOT NULL,
    made_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX wish_conversation ON wish (conversation);

-- What is about another message (a reaction, a new wording, a deletion, that it was read) is a row like any other, so that
-- it waits, is sent again and is known when it comes twice; it is hidden, and names its target.
ALTER TABLE timeline ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
ALTER TABLE timeline ADD COLUMN about_account BLOB;
ALTER TABLE timeline ADD COLUMN about_content BLOB;
ALTER TABLE timeline ADD COLUMN aspect INTEGER;
CREATE INDEX timeline_about ON timeline (conversation, about_account, about_content, aspect, id)
    WHERE about_content IS NOT NULL;

-- What became of an own message with each account that it went to.
CREATE TABLE seen_by (
    timeline     INTEGER NOT NULL,
    account      BLOB NOT NULL,
    delivered_at INTEGER,
    read_at      INTEGER,
    PRIMARY KEY (timeline, account)
) STRICT, WITHOUT ROWID;

-- Up to where a person has read, on any device of this account.
CREATE TABLE read_to (
    conversation BLOB PRIMARY KEY,
    generation   INTEGER NOT NULL,
    ord          INTEGER NOT NULL
) STRICT;
CREATE INDEX timeline_received ON timeline (conversation, generation, ord) WHERE state = 3 AND hidden = 0;

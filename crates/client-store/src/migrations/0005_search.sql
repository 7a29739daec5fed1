-- The index knows whose text it holds, where and of when, so that a search that is narrowed by these reads no other text's
-- row. Its rows are numbered by time: the newest are found first, and a span of time is a range of them. What was indexed
-- before is indexed anew by the engine, the latest first and some at a time: that may take longer than an opening should.
DROP TABLE search;
CREATE VIRTUAL TABLE search USING fts5 (
    text,
    tags,
    tokenize = "unicode61 remove_diacritics 2",
    prefix = '2 3'
);
INSERT INTO search (search, rank) VALUES ('secure-delete', 1);

-- The number of a row in the index.
ALTER TABLE timeline ADD COLUMN found_at INTEGER;
CREATE UNIQUE INDEX timeline_found_at ON timeline (found_at) WHERE found_at IS NOT NULL;

-- Rows below this one are not indexed yet; no row where all are.
CREATE TABLE unindexed (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    below INTEGER NOT NULL
) STRICT;
INSERT INTO unindexed (id, below) SELECT 1, max(id) + 1 FROM timeline HAVING max(id) IS NOT NULL;

-- A row that came from a backup: nobody is told that it was received or read, and it is never unread.
ALTER TABLE timeline ADD COLUMN restored INTEGER NOT NULL DEFAULT 0;
DROP INDEX timeline_received;
CREATE INDEX timeline_received ON timeline (conversation, generation, ord)
    WHERE state = 3 AND hidden = 0 AND restored = 0;

-- Hidden rows apart, so that the last message is found at once, however many reactions and receipts came after it.
DROP INDEX timeline_order;
CREATE INDEX timeline_order ON timeline (conversation, hidden, unsent, generation, ord, id);

-- What a person set, on any of their devices: the latest value counts. `told` is 0 once the other devices have it from elsewhere,
-- else the number of the send that told them; NULL while they must be told.
CREATE TABLE register (
    code         INTEGER NOT NULL,
    account      BLOB NOT NULL,
    conversation BLOB NOT NULL,
    content      BLOB NOT NULL,
    value        BLOB NOT NULL,
    at           INTEGER NOT NULL,
    told         INTEGER,
    PRIMARY KEY (code, account, conversation, content)
) STRICT, WITHOUT ROWID;
CREATE INDEX register_untold ON register (code, account, conversation, content) WHERE told IS NULL;
CREATE INDEX register_account ON register (account) WHERE conversation = x'';
CREATE INDEX register_conversation ON register (conversation) WHERE account = x'';

-- Read receipts and typing had settings of their own; names stood with the accounts; whom one has a conversation with is accepted.
INSERT INTO register SELECT 1, x'', x'', x'', CASE value WHEN CAST('off' AS BLOB) THEN x'00' ELSE x'01' END, 0, NULL
    FROM setting WHERE name = 'read_receipts';
INSERT INTO register SELECT 2, x'', x'', x'', CASE value WHEN CAST('off' AS BLOB) THEN x'00' ELSE x'01' END, 0, NULL
    FROM setting WHERE name = 'typing';
DELETE FROM setting WHERE name IN ('read_receipts', 'typing');
INSERT INTO register SELECT 16, account, x'', x'', CAST(local_name AS BLOB), 0, NULL FROM account
    WHERE local_name IS NOT NULL;
INSERT INTO register SELECT 17, account, x'', x'', CAST(handle AS BLOB), 0, NULL FROM account WHERE handle IS NOT NULL;
INSERT INTO register SELECT 18, account, x'', x'', x'01', 0, NULL FROM account WHERE trust = 1;
INSERT INTO register SELECT 19, peer, x'', x'', x'01', 0, NULL FROM conversation WHERE kind = 0;
INSERT INTO register SELECT 32, x'', id, x'', x'01', 0, NULL FROM conversation WHERE kind = 1;

-- Messages that call this account by name, or answer it; and what is said about no message but the conversation.
ALTER TABLE timeline ADD COLUMN calls_me INTEGER NOT NULL DEFAULT 0;
CREATE INDEX timeline_calls ON timeline (conversation, generation, ord) WHERE calls_me = 1;
CREATE INDEX timeline_aspect ON timeline (conversation, aspect) WHERE aspect >= 6;

-- What people say of themselves.
ALTER TABLE account ADD COLUMN profile_name TEXT;
ALTER TABLE account ADD COLUMN about TEXT;

-- Messages that disappear; `started_at` and `due` once the time runs.
CREATE TABLE expiry (
    timeline    INTEGER PRIMARY KEY,
    lives_for_s INTEGER NOT NULL,
    started_at  INTEGER,
    due         INTEGER
) STRICT;
CREATE INDEX expiry_due ON expiry (due) WHERE due IS NOT NULL;

-- How long messages of a direct conversation live, and where in it that was said.
CREATE TABLE timer (
    conversation BLOB PRIMARY KEY,
    lives_for_s  INTEGER NOT NULL,
    generation   INTEGER NOT NULL,
    ord          INTEGER NOT NULL
) STRICT;

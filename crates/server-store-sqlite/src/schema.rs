//! The tables, and how an older file gets them.
//!
//! Migrations are only ever appended. All that a file lacks is applied in one transaction together with its new
//! version, so a process that is killed half-way leaves the old file.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::OpenError;

/// Marks our files, so that no other database is taken for one ("HWsv").
const APPLICATION: i64 = 0x4857_7376;

const MIGRATIONS: &[&str] =
    &[FIRST, CLAIMS, HISTORY, LARGE_PAYLOADS, CLASSIC, CLASSIC_NEXT, REPORTS, LOGIN_MARKS, CLASSIC_RECENT];

const FIRST: &str = "
CREATE TABLE life(
    one INTEGER PRIMARY KEY CHECK (one = 1),
    incarnation BLOB NOT NULL,
    token BLOB -- NULL in a backup
) STRICT;
CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE rate_limit(key BLOB PRIMARY KEY, arrival INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE invite(
    code BLOB PRIMARY KEY,
    prefix TEXT NOT NULL,
    label TEXT,
    uses_left INTEGER, -- NULL: any number
    used INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE session(
    id BLOB PRIMARY KEY,
    account BLOB NOT NULL,
    method INTEGER NOT NULL,
    invite BLOB,
    contact TEXT,
    contact_kind INTEGER,
    username TEXT,
    skeleton TEXT,
    otp BLOB,
    otp_expires_at INTEGER,
    otp_tries_left INTEGER,
    otp_given INTEGER,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE wrong_code(id INTEGER PRIMARY KEY, handle TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX wrong_code_handle ON wrong_code(handle);
CREATE TABLE handle_lock(handle TEXT PRIMARY KEY, told_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE account(
    id BLOB PRIMARY KEY,
    state INTEGER NOT NULL,
    genesis BLOB NOT NULL,
    head_number INTEGER NOT NULL,
    head_hash BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE handle(
    canonical TEXT PRIMARY KEY,
    kind INTEGER NOT NULL,
    skeleton TEXT UNIQUE, -- usernames only
    account BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX handle_account ON handle(account);
CREATE TABLE list_entry(
    account BLOB NOT NULL,
    number INTEGER NOT NULL,
    hash BLOB NOT NULL,
    entry BLOB NOT NULL,
    PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE device(
    account BLOB NOT NULL,
    device BLOB NOT NULL,
    mailbox INTEGER NOT NULL UNIQUE,
    list_key BLOB NOT NULL,
    added_at INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    stale INTEGER NOT NULL,
    PRIMARY KEY (account, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE mailbox(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    random BLOB NOT NULL,
    last INTEGER NOT NULL DEFAULT 0,
    acked INTEGER NOT NULL DEFAULT 0,
    accepted_sends INTEGER NOT NULL DEFAULT 0,
    messages INTEGER NOT NULL DEFAULT 0,
    message_bytes INTEGER NOT NULL DEFAULT 0,
    handshakes INTEGER NOT NULL DEFAULT 0,
    handshake_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE payload(id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
-- Only for payloads that were written to several mailboxes; apart, so that bodies are never rewritten.
CREATE TABLE payload_ref(id INTEGER PRIMARY KEY, refs INTEGER NOT NULL) STRICT;
CREATE TABLE entry(
    mailbox INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    payload INTEGER NOT NULL,
    shared INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    size INTEGER NOT NULL,
    conversation INTEGER NOT NULL, -- 0: none
    generation INTEGER NOT NULL,
    ord INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (mailbox, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE sent(
    mailbox INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    send_seq INTEGER NOT NULL,
    digest BLOB NOT NULL,
    ord INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (mailbox, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE conversation(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name BLOB NOT NULL UNIQUE,
    kind INTEGER NOT NULL,
    one BLOB NOT NULL,
    other BLOB NOT NULL,
    generation INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    last_order INTEGER NOT NULL,
    last_commit_at INTEGER NOT NULL,
    base_epoch INTEGER NOT NULL
) STRICT;
CREATE TABLE group_info(conversation INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE member(
    conversation INTEGER NOT NULL,
    mailbox INTEGER NOT NULL,
    since_epoch INTEGER NOT NULL,
    PRIMARY KEY (conversation, mailbox)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_mailbox ON member(mailbox);
CREATE TABLE handshake(
    conversation INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (conversation, generation, epoch)
) STRICT;
CREATE TABLE group_base(
    conversation INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (conversation, generation, epoch)
) STRICT;

CREATE TABLE key_package(
    id INTEGER PRIMARY KEY,
    mailbox INTEGER NOT NULL,
    digest BLOB NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (mailbox, digest)
) STRICT;
CREATE INDEX key_package_oldest ON key_package(mailbox, id);
CREATE TABLE last_resort(
    mailbox INTEGER PRIMARY KEY,
    digest BLOB NOT NULL,
    body BLOB NOT NULL,
    used INTEGER NOT NULL
) STRICT;
CREATE TABLE claimed(
    mailbox INTEGER NOT NULL,
    digest BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (mailbox, digest)
) STRICT, WITHOUT ROWID;
";

/// Claims to handles in the place of locks that had no claimant; whoever waited for one claims again.
const CLAIMS: &str = "
DROP TABLE handle_lock;
CREATE TABLE handle_claim(
    handle TEXT NOT NULL,
    claimant BLOB NOT NULL,
    claimed_at INTEGER NOT NULL,
    locked_until INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    state INTEGER NOT NULL,
    PRIMARY KEY (handle, claimant)
) STRICT, WITHOUT ROWID;
CREATE TABLE claim_notice(
    handle TEXT NOT NULL,
    claimant BLOB NOT NULL,
    mailbox INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (handle, claimant, mailbox)
) STRICT, WITHOUT ROWID;
";

/// Device lists with what was displaced in them, in the order of its coming.
const HISTORY: &str = "
CREATE TABLE list_history(
    account BLOB NOT NULL,
    position INTEGER NOT NULL,
    number INTEGER NOT NULL,
    hash BLOB NOT NULL,
    entry BLOB NOT NULL,
    PRIMARY KEY (account, position)
) STRICT, WITHOUT ROWID;
INSERT INTO list_history(account, position, number, hash, entry)
    SELECT account, number, number, hash, entry FROM list_entry;
DROP TABLE list_entry;
ALTER TABLE list_history RENAME TO list_entry;
";

/// What readers of mailboxes get instead of a large payload: apart, so that they find it without touching the body.
const LARGE_PAYLOADS: &str = "
CREATE TABLE large_payload(id INTEGER PRIMARY KEY, outline BLOB NOT NULL) STRICT;
";

/// Wire version 1, apart from everything else. Numbers of messages are never given twice, so that a late acknowledgement
/// deletes nothing that came after. What waits is counted beside the accounts, whose keys are long and would be written again with
/// each message.
const CLASSIC: &str = "
CREATE TABLE classic_account(
    phone BLOB PRIMARY KEY,
    dh BLOB NOT NULL,
    rsa BLOB NOT NULL,
    dh_signature BLOB NOT NULL,
    rsa_signature BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE classic_waiting(
    phone BLOB PRIMARY KEY,
    messages INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE classic_message(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    recipient BLOB NOT NULL,
    sender BLOB NOT NULL,
    blob BLOB NOT NULL
) STRICT;
CREATE INDEX classic_message_recipient ON classic_message(recipient);
CREATE INDEX classic_message_sender ON classic_message(recipient, sender);
CREATE TABLE classic_seen(digest BLOB PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// One index in the place of two: each message of wire version 1 writes a page less. It finds the next message of all, and of one
/// sender without a look at the messages before it.
const CLASSIC_NEXT: &str = "
DROP INDEX classic_message_recipient;
DROP INDEX classic_message_sender;
CREATE INDEX classic_message_next ON classic_message(recipient, id, sender);
";

/// What people tell the operator of others. Ids of reports stand apart, so that a deleted one leaves nothing but its id.
const REPORTS: &str = "
CREATE TABLE report(
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    reporter BLOB NOT NULL,
    reported BLOB NOT NULL,
    reason INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;
CREATE INDEX report_reporter ON report(reporter);
CREATE INDEX report_at ON report(at);
CREATE TABLE report_message(
    report INTEGER NOT NULL,
    position INTEGER NOT NULL,
    content BLOB NOT NULL,
    sent_at INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (report, position)
) STRICT;
CREATE TABLE report_seen(id BLOB PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// What each device named its last login by.
const LOGIN_MARKS: &str = "ALTER TABLE mailbox ADD COLUMN login_mark BLOB;";

/// The digests that came last, in the order in which they came. They go over into `classic_seen` many at a time and sorted: by
/// itself each one would rewrite a page of that tree, as large as the message it stands for or larger.
const CLASSIC_RECENT: &str =
    "CREATE TABLE classic_recent(id INTEGER PRIMARY KEY, digest BLOB NOT NULL, at INTEGER NOT NULL) STRICT;";

/// Brings a file to the newest version.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let number = |pragma: &str| transaction.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (found, application) = (number("user_version")?, number("application_id")?);
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION && (application != 0 || found != 0 || tables != 0) {
        return Err(OpenError::NotOurs);
    }
    if found > known {
        return Err(OpenError::NewerVersion { found, known });
    }
    let done = usize::try_from(found).map_err(|_| OpenError::NotOurs)?;
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(connection: &Connection) -> i64 {
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_migration_that_was_cut_off_starts_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch("BEGIN IMMEDIATE; CREATE TABLE life(one INTEGER); PRAGMA user_version = 1;")
            .unwrap();
        drop(connection);
        let mut connection = Connection::open(&path).unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(version(&connection), i64::try_from(MIGRATIONS.len()).unwrap());
    }

    #[test]
    fn an_older_file_gets_what_it_lacks_and_keeps_what_it_has() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(FIRST).unwrap();
        connection.execute_batch("INSERT INTO payload(body) VALUES (x'07')").unwrap();
        connection.pragma_update(None, "application_id", APPLICATION).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(version(&connection), i64::try_from(MIGRATIONS.len()).unwrap());
        let sql = "SELECT count(*) FROM payload LEFT JOIN large_payload USING (id)";
        assert_eq!(connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    }

    #[test]
    fn a_newer_file_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let error = migrate(&mut connection).unwrap_err();
        let known = i64::try_from(MIGRATIONS.len()).unwrap();
        assert!(matches!(error, OpenError::NewerVersion { found: 99, known: of } if of == known), "{error}");
        assert_eq!(version(&connection), 99);
    }

    #[test]
    fn a_database_of_something_else_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE theirs(x)").unwrap();
        assert!(matches!(migrate(&mut connection), Err(OpenError::NotOurs)));
    }
}

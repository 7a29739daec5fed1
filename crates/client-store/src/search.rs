//! Full-text search over messages: beginnings of words, case and diacritics folded; of a conversation, an author, a time.
//!
//! Invariants:
//! - The index is in the database, so it is as encrypted as the messages; what is removed is overwritten in it.
//! - A text leaves the index in the transaction that erases or replaces it: [`timeline::erase`] and
//!   [`about::delete`](crate::about::delete) do it themselves.
//! - What a person types is never read as a query language: each word is quoted.
//! - A row of the index is numbered by when its message was written, so that the newest come first without sorting, and a
//!   span of time is a range of numbers. Conversation and author stand in it as words that no text has, so that a search
//!   within them meets no other row, however common its words are.

pub(crate) mod border;

use std::fmt::{self, Write as _};

use hushwire_types::{AccountId, ConversationId, Timestamp};
use rusqlite::{Row, ToSql, params};

use crate::column::{fixed_at, opt_time_at, time_at};
use crate::timeline::{self, Entry, RowId};
use crate::{StoreError, Tx, View};

/// Numbers for each millisecond, so that messages of one moment have each their own.
const NUMBERS_PER_MS: i64 = 1 << 20;
/// The last millisecond that has numbers, in the year 2109; what says that it is later counts as that.
const LAST_MS: i64 = (1 << 42) - 1;
/// A message that says that it was written at another time than it was accepted stands where it was accepted.
const CLOCK_TOLERANCE_MS: u64 = 5 * 60 * 1000;

/// Begins the words that stand for conversations and authors: of the private use area, which the index takes for a letter.
const TAG: char = '\u{e000}';
/// Around what was found in a [`Hit::snippet`]: noncharacters, which are taken out of texts before they are indexed.
const MARKS: [char; 2] = ['\u{fdd0}', '\u{fdd1}'];
/// Words of a snippet.
const SNIPPET_WORDS: u32 = 14;

/// What is looked for.
#[derive(Clone, PartialEq, Eq)]
pub struct Query {
    /// Beginnings of words, all of which a text must have. None find nothing.
    pub words: String,
    /// Only in this conversation.
    pub conversation: Option<ConversationId>,
    /// Only by this account.
    pub account: Option<AccountId>,
    /// Only what was written at this time or later.
    pub after: Option<Timestamp>,
    /// Only what was written before this time.
    pub before: Option<Timestamp>,
    /// Only what stands after this place: the next page.
    pub page: Option<Place>,
    /// At most so many.
    pub limit: u32,
}

impl Query {
    /// Words anywhere, at most `limit` hits.
    #[must_use]
    pub fn of(words: impl Into<String>, limit: u32) -> Self {
        Self {
            words: words.into(),
            conversation: None,
            account: None,
            after: None,
            before: None,
            page: None,
            limit,
        }
    }
}

impl fmt::Debug for Query {
    /// Shows no words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// A place in the order of hits, to page from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(pub i64);

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Its row.
    pub entry: Entry,
    /// The part of its present wording that fits best, in pieces.
    pub snippet: Vec<Piece>,
    /// Where it stands.
    pub place: Place,
}

/// A piece of a snippet.
#[derive(Clone, PartialEq, Eq)]
pub struct Piece {
    /// Untrusted text.
    pub text: String,
    /// Whether it is what was looked for.
    pub found: bool,
}

impl fmt::Debug for Piece {
    /// Shows no text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Piece").field("found", &self.found).finish_non_exhaustive()
    }
}

/// Indexes the text of a row of the timeline, in place of what was indexed for it before.
///
/// # Errors
/// [`StoreError::Absent`] where there is no such row.
pub fn put(tx: &Tx<'_>, row: RowId, text: &str) -> Result<(), StoreError> {
    let facts = tx.one(
        "SELECT conversation, account, sent_at, accepted_at, found_at FROM timeline WHERE id = ?1",
        params![row.0],
        Facts::read,
    )?;
    let facts = facts.ok_or(StoreError::Absent("timeline row"))?;
    let number = match facts.found_at {
        Some(number) => {
            remove(tx, row)?;
            number
        }
        None => give_number(tx, row, &facts)?,
    };
    let tags = format!("{} {}", conversation_tag(&facts.conversation), account_tag(&facts.account));
    let text: std::borrow::Cow<'_, str> =
        if text.contains(MARKS) { text.replace(MARKS, "").into() } else { text.into() };
    tx.run("INSERT INTO search (rowid, text, tags) VALUES (?1, ?2, ?3)", params![number, text, tags])?;
    Ok(())
}

/// Erases the text of a row from the index.
///
/// # Errors
/// The database cannot be written.
pub fn remove(tx: &Tx<'_>, row: RowId) -> Result<(), StoreError> {
    erase(tx, "SELECT found_at FROM timeline WHERE id = ?1", &row.0)
}

/// Erases all texts of a conversation from the index.
pub(crate) fn remove_conversation(tx: &Tx<'_>, conversation: &ConversationId) -> Result<(), StoreError> {
    let rows = "SELECT found_at FROM timeline WHERE conversation = ?1 AND found_at IS NOT NULL";
    erase(tx, rows, &conversation.as_ref())
}

/// Erases the rows that an expression with one parameter names.
fn erase(tx: &Tx<'_>, rows: &str, of: &dyn ToSql) -> Result<(), StoreError> {
    border::note(tx, rows, of)?;
    tx.erase(&format!("DELETE FROM search WHERE rowid IN ({rows})"), params![of])?;
    Ok(())
}

/// Messages that have a word beginning with each word of the query, those that were written last first.
///
/// # Errors
/// The database cannot be read.
pub fn find(view: &View<'_>, query: &Query) -> Result<Vec<Hit>, StoreError> {
    let Some(expression) = expression(query) else { return Ok(Vec::new()) };
    let from = query.after.map_or(i64::MIN, first_number);
    let to = query.before.map_or(i64::MAX, first_number).min(query.page.map_or(i64::MAX, |page| page.0));
    let [open, close] = MARKS;
    // The order of the two is fixed: the planner knows nothing of how much a word finds.
    view.many(
        "SELECT timeline.*, snippet(search, 0, ?5, ?6, '…', ?7) AS snippet
         FROM search CROSS JOIN timeline ON timeline.found_at = search.rowid
         WHERE search MATCH ?1 AND search.rowid >= ?2 AND search.rowid < ?3
             AND (?8 IS NULL OR timeline.conversation = ?8) AND (?9 IS NULL OR timeline.account = ?9)
         ORDER BY search.rowid DESC LIMIT ?4",
        params![
            expression,
            from,
            to,
            query.limit,
            open.to_string(),
            close.to_string(),
            SNIPPET_WORDS,
            query.conversation.as_ref().map(AsRef::as_ref),
            query.account.as_ref().map(AsRef::as_ref),
        ],
        |row| {
            let snippet: String = row.get("snippet")?;
            Ok(Hit {
                entry: timeline::read(row)?,
                snippet: pieces(&snippet),
                place: Place(row.get("found_at")?),
            })
        },
    )
}

/// Rows below this one are not in the index yet; none where all are.
///
/// # Errors
/// The database cannot be read.
pub fn unindexed_below(view: &View<'_>) -> Result<Option<RowId>, StoreError> {
    view.one("SELECT below FROM unindexed", [], |row| Ok(RowId(row.get("below")?)))
}

/// At most `limit` rows that people see below this one, the latest first.
///
/// # Errors
/// The database cannot be read.
pub fn unindexed(view: &View<'_>, below: RowId, limit: u32) -> Result<Vec<Entry>, StoreError> {
    view.many(
        "SELECT * FROM timeline WHERE id < ?1 AND hidden = 0 ORDER BY id DESC LIMIT ?2",
        params![below.0, limit],
        timeline::read,
    )
}

/// Everything from this row on is indexed; all where none is given.
///
/// # Errors
/// The database cannot be written.
pub fn set_unindexed_below(tx: &Tx<'_>, below: Option<RowId>) -> Result<(), StoreError> {
    match below {
        Some(below) => tx.run(
            "INSERT INTO unindexed (id, below) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET below = ?1",
            params![below.0],
        )?,
        None => tx.run("DELETE FROM unindexed", [])?,
    };
    Ok(())
}

/// What the index keeps of a row.
struct Facts {
    conversation: ConversationId,
    account: AccountId,
    sent_at: Timestamp,
    accepted_at: Option<Timestamp>,
    found_at: Option<i64>,
}

impl Facts {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            conversation: fixed_at(row, "conversation")?,
            account: fixed_at(row, "account")?,
            sent_at: time_at(row, "sent_at")?,
            accepted_at: opt_time_at(row, "accepted_at")?,
            found_at: row.get("found_at")?,
        })
    }

    /// When it was written, as people are shown it.
    fn written_at(&self) -> Timestamp {
        match self.accepted_at {
            Some(accepted) if self.sent_at.as_ms().abs_diff(accepted.as_ms()) > CLOCK_TOLERANCE_MS => {
                accepted
            }
            _ => self.sent_at,
        }
    }
}

/// A number that no other row has, for good.
fn give_number(tx: &Tx<'_>, row: RowId, facts: &Facts) -> Result<i64, StoreError> {
    let mut number = first_number(facts.written_at()) + row.0.rem_euclid(NUMBERS_PER_MS);
    while tx.one("SELECT id FROM timeline WHERE found_at = ?1", params![number], |_| Ok(()))?.is_some() {
        number += 1;
    }
    tx.change("timeline row", "UPDATE timeline SET found_at = ?2 WHERE id = ?1", params![row.0, number])?;
    Ok(number)
}

fn first_number(at: Timestamp) -> i64 {
    i64::try_from(at.as_ms()).unwrap_or(LAST_MS).min(LAST_MS) * NUMBERS_PER_MS
}

/// A quarter of an id is enough: rows of another one that shares it are read in vain, and never found.
fn tag(kind: char, id: &[u8]) -> String {
    let mut tag = format!("{TAG}{kind}");
    for byte in id.iter().take(8) {
        let _ = write!(tag, "{byte:02x}"); // A String takes whatever is written.
    }
    tag
}

fn conversation_tag(id: &ConversationId) -> String {
    tag('c', id.as_ref())
}

fn account_tag(id: &AccountId) -> String {
    tag('a', id.as_ref())
}

/// An FTS5 query of quoted prefixes; none where there is no word to look for.
fn expression(query: &Query) -> Option<String> {
    // A word without a letter or digit is no token and would match nothing.
    let words = query.words.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric));
    let words: Vec<String> =
        words.map(|word| format!("\"{}\"*", word.replace('"', "\"\"").replace('\0', ""))).collect();
    if words.is_empty() {
        return None;
    }
    let mut expression = format!("text : ({})", words.join(" AND "));
    let conversation = query.conversation.as_ref().map(conversation_tag);
    for tag in conversation.into_iter().chain(query.account.as_ref().map(account_tag)) {
        expression = format!("{expression} AND tags : \"{tag}\"");
    }
    Some(expression)
}

fn pieces(marked: &str) -> Vec<Piece> {
    let [open, close] = MARKS;
    let mut pieces = Vec::new();
    let mut push = |text: &str, found| {
        if !text.is_empty() {
            pieces.push(Piece { text: text.to_owned(), found });
        }
    };
    for part in marked.split(open) {
        match part.split_once(close) {
            Some((found, after)) => {
                push(found, true);
                push(after, false);
            }
            None => push(part, false),
        }
    }
    pieces
}

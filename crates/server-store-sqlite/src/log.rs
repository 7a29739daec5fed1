//! How long the write-ahead log may become, by how much room the disk has left.
//!
//! A long log spares work: a page that changes often is moved into the database once. But what is in the log can only be moved while
//! there is room for it, and a log that has taken the last of the disk holds on to it: nothing could be written any more, not even
//! deletions. So it has a small share of what is left.

use std::path::Path;

use rusqlite::Connection;

/// Pages where there is plenty of room: 64 MB.
const MOST: u32 = 16_000;
/// Pages however little room there is: a batch has hardly fewer.
const LEAST: u32 = 64;
/// The log's share of what is left: one in so many.
const SHARE: u64 = 16;
const PAGE_BYTES: u64 = 4096;

/// What the log was last allowed.
#[derive(Debug)]
pub(crate) struct Log {
    pages: u32,
}

impl Log {
    /// That of a connection that was just opened.
    pub(crate) fn new(connection: &Connection) -> rusqlite::Result<Self> {
        let log = Self { pages: MOST };
        log.apply(connection)?;
        Ok(log)
    }

    /// Allows it as much as fits these bytes that the disk has left. Outside of a transaction.
    pub(crate) fn fit(&mut self, connection: &Connection, left: u64) -> rusqlite::Result<()> {
        let pages = pages(left);
        if self.pages == pages {
            return Ok(());
        }
        self.pages = pages;
        self.apply(connection)
    }

    fn apply(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.pragma_update(None, "wal_autocheckpoint", self.pages)?;
        // The file of a log that was moved stays as long as it is, for the next one; where room is short it is cut.
        let kept = if self.pages == MOST { -1 } else { i64::from(self.pages) * PAGE_BYTES.cast_signed() };
        connection.pragma_update_and_check(None, "journal_size_limit", kept, |_| Ok(()))
    }
}

/// Bytes that the disk of a file has left for us; none where nobody can tell.
pub(crate) fn left(path: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let disk = rustix::fs::statvfs(path).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// In steps of two, so that it seldom changes.
fn pages(left: u64) -> u32 {
    let share = u32::try_from(left / SHARE / PAGE_BYTES).unwrap_or(u32::MAX);
    let step = share.checked_ilog2().map_or(0, |power| 1 << power);
    if share >= MOST { MOST } else { step.max(LEAST) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of the log after as many changes of one row.
    fn length(connection: &Connection, path: &Path, changes: usize) -> u64 {
        for _ in 0..changes {
            connection.execute("UPDATE row SET bytes = randomblob(2000)", []).unwrap();
        }
        std::fs::metadata(path.with_extension("db-wal")).unwrap().len()
    }

    #[test]
    fn a_log_takes_a_small_share_of_what_the_disk_has_left() {
        assert_eq!(pages(u64::MAX), MOST);
        assert_eq!(pages(2 << 30), MOST);
        assert_eq!(pages(512 << 20), 8192);
        assert_eq!(pages(100 << 20), 1024);
        assert_eq!(pages(0), LEAST);
    }

    #[test]
    fn a_long_log_is_cut_when_room_becomes_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.execute_batch("CREATE TABLE row (bytes); INSERT INTO row VALUES (x'00')").unwrap();
        let mut log = Log::new(&connection).unwrap();
        assert!(length(&connection, &path, 600) > 600 * PAGE_BYTES);
        log.fit(&connection, 4 << 20).unwrap();
        assert!(length(&connection, &path, 600) < 100 * PAGE_BYTES);
        log.fit(&connection, u64::MAX).unwrap();
        assert!(length(&connection, &path, 600) > 600 * PAGE_BYTES);
    }

    #[test]
    fn a_disk_says_what_it_has_left() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(left(folder.path()).is_some(), cfg!(unix));
        assert_eq!(left(&folder.path().join("missing")), None);
    }
}

//! One life of a database: how a copy that was put back is known as such.
//!
//! Each opening draws a token and writes it into the database and into a small file beside it. A database that is
//! opened with the token that the file has continues its life. A backup has no token, and an older copy has an older
//! one: either takes a new incarnation, by which every client notices and sends again what the copy may lack.
//! (A snapshot of the whole folder cannot be known here; clients notice by their own counters.)
//!
//! The file holds the new token and the one before while the database is being changed, so that being killed between
//! the two writes ends no life. Openings exclude one another by a lock on a third file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use hushwire_types::{Entropy, IncarnationId, rng};
use rusqlite::{Connection, TransactionBehavior};

use crate::columns::fixed;
use crate::error::OpenError;
use crate::sql;

const TOKEN: usize = 16;

/// Takes up the life of a database, or begins a new one.
pub(crate) fn take_up(
    connection: &mut Connection,
    database: &Path,
    entropy: &dyn Entropy,
) -> Result<IncarnationId, OpenError> {
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(beside(database, "lock"))?;
    lock.lock()?;
    let file = beside(database, "life");
    let known = read_tokens(&file)?;
    let fresh: [u8; TOKEN] = rng::bytes(entropy);

    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let stored = sql::one(&transaction, "SELECT incarnation, token FROM life", [], |row| {
        Ok((fixed::<IncarnationId>(row, 0)?, row.get::<_, Option<Vec<u8>>>(1)?))
    })?;
    let continued = stored.and_then(|(incarnation, token)| {
        let token: [u8; TOKEN] = token?.try_into().ok()?;
        known.contains(&token).then_some((incarnation, token))
    });
    let incarnation = match continued {
        Some((incarnation, before)) => {
            write_tokens(&file, &[fresh, before])?;
            incarnation
        }
        None => IncarnationId::new(rng::bytes(entropy)),
    };
    sql::exec(
        &transaction,
        "INSERT OR REPLACE INTO life(one, incarnation, token) VALUES (1, ?1, ?2)",
        (incarnation.as_bytes(), fresh),
    )?;
    transaction.commit()?;
    write_tokens(&file, &[fresh])?;
    Ok(incarnation)
}

/// Marks a copy as one: whoever opens it takes a new incarnation.
pub(crate) fn end(copy: &Connection) -> rusqlite::Result<()> {
    sql::exec(copy, "UPDATE life SET token = NULL", []).map(|_| ())
}

fn beside(database: &Path, extension: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

fn read_tokens(file: &Path) -> io::Result<Vec<[u8; TOKEN]>> {
    match fs::read(file) {
        Ok(bytes) => Ok(bytes.as_chunks::<TOKEN>().0.to_vec()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn write_tokens(file: &Path, tokens: &[[u8; TOKEN]]) -> io::Result<()> {
    let draft = beside(file, "new");
    let mut out = File::create(&draft)?;
    out.write_all(&tokens.concat())?;
    out.sync_all()?;
    fs::rename(&draft, file)?;
    sync_folder(file)
}

/// Makes a name that was just given in a folder durable.
pub(crate) fn sync_folder(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

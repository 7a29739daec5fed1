//! Each test starts its own binary again as the process that dies.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use hushwire_client_store::{Database, StoreError, Tx, journal, progress, search, setting, timeline};

use crate::support::{Profile, at, conversation, insert, key, queued};

const FOLDER: &str = "HUSHWIRE_CRASH_FOLDER";

/// The folder that this process is to die in, where it is the child.
fn child() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

fn start(test: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([&format!("crash::{test}"), "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// One send, as the engine writes it: everything below must be there together or not at all.
fn send(tx: &Tx<'_>, n: u32, die: impl Fn(u32)) -> Result<(), StoreError> {
    progress::take_send_seq(tx)?;
    die(1);
    let row = insert(tx, &queued(n))?;
    die(2);
    search::put(tx, row, &format!("word{n:06}"))?;
    die(3);
    let event = journal::NewEvent {
        kind: "message".into(),
        conversation: Some(conversation(1)),
        row: Some(row),
        payload: Vec::new(),
        at: at(1),
    };
    journal::append(tx, &event)?;
    die(4);
    Ok(())
}

fn complete_sends(database: &mut Database) -> u64 {
    database
        .read::<_, StoreError>(|view| {
            let sends = progress::load(view)?.next_send.0 - 1;
            assert_eq!(timeline::queued(view, &conversation(1))?.len() as u64, sends);
            assert_eq!(journal::last(view)?.0, sends);
            for n in 1..=sends {
                assert_eq!(
                    search::find(view, &search::Query::of(format!("word{n:06}"), 9000))?
                        .first()
                        .map(|e| e.entry.row.0),
                    Some(n as i64)
                );
            }
            Ok(sends)
        })
        .unwrap()
}

#[test]
fn a_process_that_aborts_inside_a_step_leaves_the_step_before() {
    if let Some(folder) = child() {
        let mut database = Database::open(&folder, &key()).unwrap();
        let place = database.read(|view| setting::find(view, "place")).unwrap().unwrap()[0];
        database
            .step(|tx| {
                send(tx, 2, |here| {
                    if here == u32::from(place) {
                        std::process::abort();
                    }
                })
            })
            .unwrap();
        unreachable!("the process has aborted");
    }
    for place in 1..=4_u8 {
        let Profile { folder, mut database } = Profile::new();
        database.step(|tx| setting::put(tx, "place", &[place])).unwrap();
        database.step(|tx| send(tx, 1, |_| {})).unwrap();
        database.close().unwrap();
        let mut process = start("a_process_that_aborts_inside_a_step_leaves_the_step_before", folder.path());
        assert!(!process.wait().unwrap().success());
        let mut database = Database::open(folder.path(), &key()).unwrap();
        assert_eq!(complete_sends(&mut database), 1, "place {place}");
        database.check().unwrap();
    }
}

#[test]
fn a_process_that_is_killed_at_any_moment_keeps_every_step_that_it_told_of() {
    if let Some(folder) = child() {
        let mut database = Database::open(&folder, &key()).unwrap();
        for n in 1.. {
            database.step(|tx| send(tx, n, |_| {})).unwrap();
            println!("stored {n}");
        }
    }
    for kill_after in [1, 2, 5, 17] {
        let Profile { folder, database } = Profile::new();
        database.close().unwrap();
        let mut process =
            start("a_process_that_is_killed_at_any_moment_keeps_every_step_that_it_told_of", folder.path());
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut told = 0;
        for line in lines.by_ref() {
            // The test runner may print its own words before the first line.
            let line = line.unwrap();
            if let Some((_, n)) = line.split_once("stored ") {
                told = n.parse::<u64>().unwrap();
            }
            if told == kill_after {
                process.kill().unwrap();
            }
        }
        process.wait().unwrap();
        let mut database = Database::open(folder.path(), &key()).unwrap();
        let stored = complete_sends(&mut database);
        assert!(stored >= told && stored <= told + 1, "told of {told}, found {stored}");
        database.check().unwrap();
    }
}

#[test]
fn an_erasure_that_was_cut_off_before_the_wal_was_truncated_is_finished_by_the_next_step() {
    if let Some(folder) = child() {
        let mut database = Database::open(&folder, &key()).unwrap();
        let rows =
            database.step(|tx| Ok::<_, StoreError>([insert(tx, &queued(1))?, insert(tx, &queued(2))?]));
        let mut reader = database.reader().unwrap();
        let row = rows.unwrap()[0];
        // The reader is in the way of the truncation, as a death before it would be.
        let _: Result<(), StoreError> = reader.read(|view| {
            timeline::find(view, row)?;
            database.step(|tx| timeline::erase(tx, row))?;
            std::process::abort()
        });
    }
    let Profile { folder, database } = Profile::new();
    database.close().unwrap();
    let test = "an_erasure_that_was_cut_off_before_the_wal_was_truncated_is_finished_by_the_next_step";
    assert!(!start(test, folder.path()).wait().unwrap().success());
    let wal = folder.path().join("hush.db-wal");
    assert!(std::fs::metadata(&wal).unwrap().len() > 0, "the process died as this test means it to");
    let mut database = Database::open(folder.path(), &key()).unwrap();
    assert_eq!(database.read(|view| timeline::queued(view, &conversation(1))).unwrap().len(), 1);
    database.step(progress::take_send_seq).unwrap();
    assert_eq!(std::fs::metadata(&wal).unwrap().len(), 0);
}

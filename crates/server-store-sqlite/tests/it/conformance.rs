//! The suite of all stores.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use hushwire_server_store::conformance::{Backend, Harness};
use hushwire_server_store::{Bounds, Store};
use hushwire_server_store_sqlite::SqliteStore;
use hushwire_types::OsEntropy;
use tempfile::TempDir;

struct Sqlite;

struct InFolder {
    folder: TempDir,
    bounds: Bounds,
    store: Option<Arc<SqliteStore>>,
}

impl Backend for Sqlite {
    fn start(bounds: Bounds) -> Box<dyn Harness> {
        let mut harness = InFolder { folder: tempfile::tempdir().unwrap(), bounds, store: None };
        harness.reopen();
        Box::new(harness)
    }
}

impl InFolder {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Harness for InFolder {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone().unwrap()
    }

    fn reopen(&mut self) {
        self.store = None;
        let store = SqliteStore::open(&self.path("store.db"), self.bounds.clone(), &OsEntropy).unwrap();
        self.store = Some(Arc::new(store));
    }

    fn back_up(&mut self) {
        self.store.as_ref().unwrap().backup_to(&self.path("backup.db")).unwrap();
    }

    fn restore(&mut self) {
        self.store = None;
        fs::rename(self.path("backup.db"), self.path("store.db")).unwrap();
        self.reopen();
    }
}

hushwire_server_store::conformance_tests!(Sqlite);

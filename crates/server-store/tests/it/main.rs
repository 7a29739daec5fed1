//! The store in memory passes the suite of all stores.
#![cfg(test)]

use std::sync::Arc;

use hushwire_server_store::conformance::{Backend, Harness};
use hushwire_server_store::{Bounds, MemoryStore, Store};
use hushwire_types::IncarnationId;

struct Memory;

struct InMemory {
    store: Arc<MemoryStore>,
    backup: Option<MemoryStore>,
    lives: u8,
}

impl Backend for Memory {
    fn start(bounds: Bounds) -> Box<dyn Harness> {
        let store = Arc::new(MemoryStore::new(IncarnationId::new([0; 16]), bounds));
        Box::new(InMemory { store, backup: None, lives: 0 })
    }
}

impl Harness for InMemory {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    fn reopen(&mut self) {}

    fn back_up(&mut self) {
        self.lives += 1;
        self.backup = Some(self.store.restored(IncarnationId::new([self.lives; 16])));
    }

    fn restore(&mut self) {
        self.store = Arc::new(self.backup.take().unwrap());
    }
}

hushwire_server_store::conformance_tests!(Memory);

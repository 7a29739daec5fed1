//! The server: its services die, its store does not.

use std::sync::Arc;

use hushwire_delivery::limits::Limits;
use hushwire_delivery::settings::{Way, Ways};
use hushwire_delivery::{Direct, Peer, Pepper, Service, Settings};
use hushwire_identity::{ChannelBinding, ServerKey};
use hushwire_server_store::Store;
use hushwire_server_store::memory::MemoryStore;
use hushwire_types::{Entropy, IncarnationId, Secret, rng};

use super::failure::{Failure, OrFail};
use crate::entropy::SeededEntropy;

/// There is no TLS here, so any bytes stand for its exporter.
pub(crate) const BINDING: ChannelBinding = ChannelBinding::Exporter([7; 32]);

/// What every connection shows of its other end.
pub(crate) fn peer() -> Peer {
    Peer { binding: BINDING, address: None }
}

/// A server that can be killed and started.
pub(crate) struct Server {
    store: Arc<MemoryStore>,
    key: ServerKey,
    entropy: Arc<SeededEntropy>,
    /// The running process.
    pub(crate) running: Option<Direct>,
}

impl Server {
    pub(crate) fn new(
        store: MemoryStore,
        key: ServerKey,
        entropy: &Arc<SeededEntropy>,
    ) -> Result<Self, Failure> {
        let mut server = Self { store: Arc::new(store), key, entropy: Arc::clone(entropy), running: None };
        server.start()?;
        Ok(server)
    }

    pub(crate) const fn key(&self) -> &ServerKey {
        &self.key
    }

    pub(crate) fn store(&self) -> &MemoryStore {
        &self.store
    }

    pub(crate) fn start(&mut self) -> Result<(), Failure> {
        let ways = Ways { open: Way::Open, ..Ways::default() };
        let settings = Settings { ways, limits: Limits::none(), ..Settings::default() };
        let service = Service::open(
            Arc::clone(&self.store) as Arc<dyn Store>,
            self.key.clone(),
            Pepper::new(Secret::new([5; 32])),
            settings,
            Arc::clone(&self.entropy) as Arc<dyn Entropy>,
        );
        self.running = Some(Direct::new(service.or_fail("the server starts")?));
        Ok(())
    }

    /// While it is down: it has only what it had at the backup, in a new life.
    pub(crate) fn restore(&mut self, backup: &MemoryStore) {
        self.store = Arc::new(backup.restored(IncarnationId::new(rng::bytes(&*self.entropy))));
    }

    pub(crate) fn kill(&mut self) {
        self.running = None;
    }
}

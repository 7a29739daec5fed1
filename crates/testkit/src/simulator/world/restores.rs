//! A server that is restored from a backup which lacks an epoch of the group, and whoever made that epoch is away for hours: nobody can
//! send it again before the others have given up waiting (rule R1).

use std::time::Duration;

use hushwire_client_store::conversation::{self, ConversationState};
use hushwire_server_store::memory::MemoryStore;
use hushwire_types::{ConversationId, Epoch, IncarnationId, rng};

use super::{Happening, World};
use crate::simulator::client::Client;
use crate::simulator::failure::{Failure, OrFail};
use crate::simulator::truth::Truth;

/// How long whoever made the epoch is away: longer than anybody waits for it, and takes turns.
const AWAY: Duration = Duration::from_secs(3 * 3600);

/// Seconds for which something to lose is waited for, also when nothing else goes wrong any more.
const TRIES: u32 = 600;

/// How long the world has to come to rest then.
pub(super) const HEALING: Duration = Duration::from_secs(5 * 3600);

/// The server as it was.
pub(super) struct Backup {
    store: MemoryStore,
    truth: Truth,
}

impl World {
    /// Whether the server of this world was restored.
    pub(crate) const fn is_restored(&self) -> bool {
        self.counts.restored > 0
    }

    /// Whether it is to be, as soon as there is something to lose.
    pub(super) fn will_be_restored(&self) -> bool {
        self.plan.room.as_ref().is_some_and(|room| room.restored)
    }

    pub(super) fn foresee_restore(&mut self, span: u64) {
        if !self.will_be_restored() {
            return;
        }
        let after = span / 2 + self.dice.below(span / 4);
        self.later(after, Happening::BackUp);
        // Something must be lost.
        for client in 0..self.clients.len() {
            let after = after + self.dice.below(span / 8);
            self.later(after, Happening::Change { client });
        }
        self.later(after + span / 8, Happening::Restore { tries: 0 });
    }

    pub(super) fn back_up(&mut self) {
        self.note(|| "the server is backed up".to_owned());
        let store = self.server.store().restored(IncarnationId::new(rng::bytes(&self.dice)));
        self.backup = Some(Backup { store, truth: self.truth.clone() });
    }

    /// Whether a device besides one is in an epoch.
    fn somebody_has(&mut self, besides: usize, id: ConversationId, epoch: Epoch) -> Result<bool, Failure> {
        for device in 0..self.clients.len() {
            if device == besides || !self.client(device)?.is_running() {
                continue;
            }
            let db = self.client(device)?.db()?;
            let known = db.read(|view| conversation::find(view, &id)).or_fail("a profile")?;
            if known
                .is_some_and(|known| known.state == ConversationState::Active && known.known_epoch >= epoch)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The server loses what came after the backup, once that is an epoch of the group; its maker goes away.
    pub(super) fn restore(&mut self, tries: u32) -> Result<(), Failure> {
        if tries > TRIES {
            return Ok(());
        }
        let before = self.backup.as_ref().or_fail("a backup")?.truth.stages.len();
        let lost = self.truth.stages.get(before..).and_then(<[_]>::last);
        let maker = lost.and_then(|lost| self.clients.iter().position(|client| client.device == lost.by));
        let is_here = |maker: &usize| self.clients.get(*maker).is_some_and(Client::is_running);
        let lost = lost.map(|lost| (lost.conversation, lost.epoch));
        let (Some(maker), Some((id, epoch)), true) = (maker.filter(is_here), lost, before > 0) else {
            self.later(1000, Happening::Restore { tries: tries.saturating_add(1) });
            return Ok(());
        };
        // Where nobody else has the epoch, nobody misses it.
        if !self.somebody_has(maker, id, epoch)? {
            self.later(1000, Happening::Restore { tries: tries.saturating_add(1) });
            return Ok(());
        }
        let backup = self.backup.take().or_fail("a backup")?;
        self.counts.restored = self.counts.restored.saturating_add(1);
        self.lost = std::mem::replace(&mut self.truth, backup.truth);
        if self.server.running.is_some() {
            self.kill_server("and restored");
        }
        self.server.restore(&backup.store);
        self.fell(maker, "and stays away");
        let away = u64::try_from(AWAY.as_millis()).unwrap_or(u64::MAX);
        self.later(away, Happening::Start { client: maker });
        Ok(())
    }
}

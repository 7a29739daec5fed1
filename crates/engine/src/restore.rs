//! After a login: is this profile what the server knew, and is the server what this profile knew? (Rule R10.)
//!
//! Invariants:
//! - An old copy of the profile encrypts nothing with what it has: unsent ciphertexts are dropped and each group is
//!   entered anew first.
//! - A server that lost something is sent it again under new numbers, in the order in which it was said.

use hushwire_client_store::conversation;
use hushwire_client_store::outbox::{self, Outgoing};
use hushwire_client_store::{progress, sent_log, setting};
use hushwire_identity::ListHead;
use hushwire_types::{Epoch, SendSeq};
use hushwire_wire as wire;

use crate::copies;
use crate::remake::Remake;
use crate::session::{Clocks, Connection};
use crate::step::Step;
use crate::stop::Stop;
use crate::stream::EXPLAINED;
use crate::{Alert, Broken, Effect};

/// The setting that says that the server knew a send of ours with other bytes.
const COPY: &str = "perhaps an old copy";

/// More rows than any outbox or log of seven days should have; they are read at once.
const ALL: u32 = 1_000_000;

impl Step<'_, '_> {
    /// The login was accepted.
    pub(crate) fn online(&mut self, login: &wire::LoggedIn) -> Result<(), Stop> {
        self.session.connection = Some(Connection {
            clocks: Some(Clocks { here: self.now, server: login.server_time }),
            ..Connection::default()
        });
        self.session.swept = None;
        self.session.waiting_since.clear();
        let progress = progress::load(self.tx)?;
        let same_life = progress.incarnation == Some(login.cursor.incarnation);
        let sent_more = login.accepted_sends >= progress.next_send;
        let read_more = same_life && login.cursor.seq > progress.cursor;
        // A restored server speaks of a login that was long ago.
        let is_level = same_life || progress.incarnation.is_none();
        let other_copy = match login.last_mark {
            Some(mark) => is_level && copies::is_foreign(self.tx, mark)?,
            None => false,
        };
        if sent_more || read_more || other_copy || setting::find(self.tx, COPY)?.is_some() {
            self.heal_copy(login)?;
        }
        if !same_life {
            let first = progress.incarnation.is_none();
            progress::set_cursor(self.tx, login.cursor.incarnation, login.cursor.seq)?;
            setting::put(self.tx, EXPLAINED, &0_u64.to_be_bytes())?;
            if !first {
                self.heal_server(login)?;
            }
        }
        self.compare_own_list(login)?;
        self.count_key_packages(login.key_packages_left, login.last_resort_used)?;
        self.attend_unsettled()
    }

    /// The server answered that it knows one of our sends with other bytes: either side may be a copy. The next login tells.
    pub(crate) fn suspect_copy(&mut self) -> Result<(), Stop> {
        setting::put(self.tx, COPY, &[1])?;
        self.session.connection = None;
        self.effect(Effect::Reconnect(Broken::Copy));
        Ok(())
    }

    /// This profile is an old copy of itself.
    fn heal_copy(&mut self, login: &wire::LoggedIn) -> Result<(), Stop> {
        for row in outbox::from(self.tx, SendSeq(0), ALL)?.iter().rev() {
            self.take_back(row)?;
        }
        let progress = progress::load(self.tx)?;
        let next = progress.next_send.max(login.accepted_sends.next());
        progress::set_next_send(self.tx, next)?;
        for conversation in conversation::all(self.tx)? {
            if conversation.group.is_some() {
                self.lose(&conversation.id)?;
            }
        }
        self.replace_key_packages()?;
        if progress.cursor < login.cursor.seq {
            progress::set_cursor(self.tx, login.cursor.incarnation, login.cursor.seq)?;
        }
        if setting::find(self.tx, COPY)?.is_some() {
            setting::delete(self.tx, COPY)?;
        }
        self.alert(Alert::OldCopy, None)
    }

    /// The server was restored from a backup: what it had accepted since is sent again.
    fn heal_server(&mut self, login: &wire::LoggedIn) -> Result<(), Stop> {
        let lost = sent_log::from(self.tx, login.accepted_sends.next(), ALL)?;
        let unanswered = outbox::from(self.tx, SendSeq(0), ALL)?;
        sent_log::truncate_from(self.tx, login.accepted_sends.next())?;
        for row in &unanswered {
            outbox::delete(self.tx, row.send_seq)?;
        }
        for sent in lost {
            let conversation = conversation::find(self.tx, &sent.conversation)?;
            let Some(group) = conversation.and_then(|conversation| conversation.group) else { continue };
            let row = Outgoing {
                send_seq: sent.send_seq,
                conversation: sent.conversation,
                group,
                kind: sent.kind,
                epoch: Epoch(0),
                request: sent.request,
                digest: [0; 32],
                row: sent.row,
                // It was said once, so a refusal now gives no number back.
                note: Remake { counter: u64::MAX, ..Remake::default() }.encode(),
                created_at: self.now,
            };
            self.renumber(row)?;
        }
        for row in unanswered {
            self.renumber(row)?;
        }
        self.alert(Alert::ServerRestored, None)
    }

    /// The server's word on the own list: newer entries are fetched, lost ones appended again.
    fn compare_own_list(&mut self, login: &wire::LoggedIn) -> Result<(), Stop> {
        let own = self.own_list()?;
        let told = ListHead { number: login.list_number, hash: login.list_hash };
        if let Some(connection) = self.connection() {
            connection.own_list = Some(login.list_number);
        }
        if own.knows(told) {
            return Ok(());
        }
        if let Some(connection) = self.connection() {
            connection.own_list = None;
        }
        // Newer, or the recovery key has displaced entries (rule R2), or a lie: its entries tell.
        self.want(self.me.account, told)
    }
}

//! A server that lies: what it shows differs from what it has.
//!
//! It knows no key, so all it can do is to alter, leave out, repeat and swap what passes through it.

use hushwire_types::{AccountId, EntryHash, ListNumber, Order};
use hushwire_wire::frame::ServerFrame;
use hushwire_wire::{Delivery, EntryKind, Group, ListChanged, MessageSent, Opaque, Request, Response};

use super::World;
use crate::entropy::SeededEntropy;
use crate::simulator::plan::index;

/// What it keeps to show it again.
#[derive(Debug, Default)]
pub(super) struct Liar {
    entries: Vec<(usize, EntryKind)>,
    groups: Vec<Group>,
}

impl World {
    /// What a device is shown instead of this frame; nothing where it is left out.
    pub(super) fn bend(&mut self, client: usize, mut frame: ServerFrame) -> Option<ServerFrame> {
        if self.plan.lies == 0 {
            return Some(frame);
        }
        let lies = self.fault(self.plan.lies);
        match &mut frame.response {
            Response::Delivery(delivery) => {
                let honest: Vec<_> =
                    delivery.entries.iter().map(|entry| (client, entry.kind.clone())).collect();
                if lies {
                    self.bend_delivery(client, delivery);
                }
                self.liar.entries.extend(honest);
                if delivery.entries.is_empty() {
                    return None;
                }
            }
            Response::Group(group) => {
                let honest = group.clone();
                if lies {
                    self.bend_group(group);
                }
                self.liar.groups.push(honest);
            }
            Response::AccountKeys(keys) if lies => match keys.entries.first_mut() {
                Some(entry) if self.dice.happens(500) => flip(&self.dice, entry),
                _ => keys.entries.clear(),
            },
            Response::ClaimedKeyPackages(claimed) if lies => match claimed.key_packages.first_mut() {
                Some(package) if self.dice.happens(500) => flip(&self.dice, &mut package.key_package),
                _ => claimed.key_packages.clear(),
            },
            _ => return Some(frame),
        }
        if lies {
            self.note(|| format!("the server lies to {client} with a {}", frame.response.name()));
        }
        Some(frame)
    }

    /// What is answered to a message that goes nowhere.
    pub(super) fn swallow(&mut self, request: &Request) -> Option<Response> {
        let Request::SendMessage(message) = request else { return None };
        if !self.fault(self.plan.lies) {
            return None;
        }
        self.note(|| format!("the server swallows send {}", message.send_seq.0));
        let (send_seq, accepted_at) = (message.send_seq, self.now);
        Some(MessageSent { send_seq, order: Order(1000), accepted_at }.into())
    }

    fn bend_delivery(&self, client: usize, delivery: &mut Delivery) {
        let at = index(self.dice.below(delivery.entries.len() as u64));
        let next = delivery.entries.get(at.saturating_add(1)).map(|entry| entry.kind.clone());
        let of_client: Vec<&EntryKind> =
            self.liar.entries.iter().filter(|(of, _)| *of == client).map(|(_, kind)| kind).collect();
        let old = of_client.get(index(self.dice.below(of_client.len() as u64))).copied().cloned();
        let choice = self.dice.below(5);
        let Some(entry) = delivery.entries.get_mut(at) else { return };
        match (choice, old, next) {
            // A hole in the numbers.
            (0, ..) => {
                delivery.entries.remove(at);
            }
            // Left out without a hole.
            (1, ..) => {
                let (account_id, list_hash) = (AccountId::new([1; 32]), EntryHash::new([1; 32]));
                entry.kind =
                    EntryKind::ListChanged(ListChanged { account_id, list_number: ListNumber(1), list_hash });
            }
            // Said before.
            (2, Some(old), _) => entry.kind = old,
            // The other way round.
            (3, _, Some(next)) => {
                let this = std::mem::replace(&mut entry.kind, next);
                if let Some(following) = delivery.entries.get_mut(at.saturating_add(1)) {
                    following.kind = this;
                }
            }
            _ => match &mut entry.kind {
                EntryKind::Application(bytes) | EntryKind::Commit(bytes) => flip(&self.dice, bytes),
                EntryKind::Welcome(welcome) => flip(&self.dice, &mut welcome.welcome),
                _ => {}
            },
        }
    }

    fn bend_group(&self, group: &mut Group) {
        let same = |old: &&Group| old.conversation_id == group.conversation_id;
        let old = self.liar.groups.iter().find(same).cloned();
        match (old, &mut group.group_info) {
            (Some(old), _) if self.dice.happens(500) => *group = old,
            (_, Some(info)) if self.dice.happens(500) => flip(&self.dice, info),
            _ => flip(&self.dice, &mut group.ratchet_tree),
        }
    }
}

/// One bit is another.
fn flip(dice: &SeededEntropy, bytes: &mut Opaque) {
    let mut altered = bytes.to_vec();
    let at = index(dice.below(altered.len() as u64));
    let bit = 1_u8.checked_shl(u32::try_from(dice.below(8)).unwrap_or_default()).unwrap_or(1);
    if let Some(byte) = altered.get_mut(at) {
        *byte ^= bit;
    }
    *bytes = Opaque::from(altered);
}

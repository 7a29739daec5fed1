//! Which messages are handed over, and what of them.

use hushwire_backup::Record;
use hushwire_backup::record::{Message, State};
use hushwire_client_store::timeline::{self, Entry, EntryState, RowId};
use hushwire_client_store::{expiry, history};
use hushwire_content::{Encoded, Kind, Quote, limits};
use hushwire_types::ConversationId;

use super::Place;
use crate::MessageRef;
use crate::handover::parcel::{Fit, Parcel};
use crate::setting::{self, code};
use crate::step::Step;
use crate::stop::Stop;

/// Rows that are read at once.
const AT_ONCE: u32 = 64;
/// Rows that are looked at: where fewer fit among so many, almost all that is here disappears or is no message.
const LOOKED_AT: usize = 4096;

impl Step<'_, '_> {
    /// The rows of the last messages of a group that can be handed over, in their order.
    pub(super) fn chosen(&self, id: &ConversationId, last: u32) -> Result<Vec<i64>, Stop> {
        let most = usize::try_from(last).unwrap_or(usize::MAX);
        let (mut rows, mut bytes, mut looked_at, mut before) = (Vec::new(), 0, 0, None);
        'enough: while looked_at < LOOKED_AT {
            let page = timeline::page(self.tx, id, before.as_ref(), AT_ONCE)?;
            let Some(oldest) = page.last() else { break };
            before = Some(oldest.position());
            looked_at += page.len();
            for entry in &page {
                let Some(record) = self.as_told(entry)? else { continue };
                bytes += record.len();
                if rows.len() == most || bytes > limits::BUNDLE_BYTES {
                    break 'enough;
                }
                rows.push(entry.row.0);
            }
        }
        rows.reverse();
        Ok(rows)
    }

    /// The records of a part that begins at a place, and where the next one begins. What was deleted since is left out.
    pub(super) fn parcel(&self, rows: &[i64], from: Place) -> Result<(Parcel, Place), Stop> {
        let mut parcel = Parcel::new();
        let mut next = Place { number: from.number.saturating_add(1), ..from };
        while let Some(row) = rows.get(next.row) {
            let record = match timeline::find(self.tx, RowId(*row))? {
                Some(entry) => self.as_told(&entry)?.unwrap_or_default(),
                None => Vec::new(),
            };
            let rest = record.get(next.offset..).unwrap_or_default();
            if rest.is_empty() && next.offset > 0 {
                // Its beginning has gone out; it must not run into the next one.
                parcel.records.push(Vec::new());
            }
            match parcel.put(rest) {
                Fit::Whole => next = Place { row: next.row + 1, offset: 0, ..next },
                Fit::Begun(bytes) => {
                    next.offset += bytes;
                    break;
                }
                Fit::Full => break,
            }
        }
        Ok((parcel, next))
    }

    /// A message as it is told, with its last wording; none of what is not handed over.
    fn as_told(&self, entry: &Entry) -> Result<Option<Vec<u8>>, Stop> {
        let row = &entry.entry;
        let Some(order) = row.order else { return Ok(None) };
        if !self.is_to_be_told(entry)? || history::handed_over_by(self.tx, entry.row)?.is_some() {
            return Ok(None);
        }
        let Ok(mut content) = Encoded::from_row(row.content.clone()).decode() else { return Ok(None) };
        match &mut content.kind {
            Kind::Text(text) => {
                if let Some(wording) = self.wording(entry)? {
                    text.body = wording;
                }
                if let Some(quote) = &mut text.quote {
                    self.shorten(&row.conversation, quote)?;
                }
            }
            Kind::Poll(_) | Kind::Card(_) => {}
            _ => return Ok(None),
        }
        let Ok(encoded) = content.encode() else { return Ok(None) };
        let message = Message {
            conversation: row.conversation,
            generation: row.generation,
            order,
            content_id: row.content_id,
            account: row.account,
            device: row.device,
            sent_at: row.sent_at,
            accepted_at: row.accepted_at,
            delivered_at: None,
            content: encoded.as_slice().to_vec(),
            state: State::Received,
            about: None,
            seen: Vec::new(),
            handed_over_by: None,
        };
        Ok(Some(Record::Message(message).to_bytes()))
    }

    /// Whether a row is a message that is there for everybody, and to stay.
    fn is_to_be_told(&self, entry: &Entry) -> Result<bool, Stop> {
        let row = &entry.entry;
        let (conversation, account, content) = (row.conversation, row.account, row.content_id);
        let subject = MessageRef { conversation, account, content }.subject();
        let disappears = expiry::of(self.tx, entry.row)?.is_some() || crate::backup::disappears(&row.content);
        Ok(matches!(row.state, EntryState::Sent | EntryState::Received)
            && !disappears
            && self.is_seen(entry.row)?
            && setting::is_on(self.tx, &subject, code::HIDDEN)? != Some(true))
    }

    /// A quote shows words of another message: of one that is gone from here, or will be, it shows none.
    fn shorten(&self, conversation: &ConversationId, quote: &mut Quote) -> Result<(), Stop> {
        let target = quote.target;
        let quoted = timeline::by_content(self.tx, conversation, &target.account, &target.content_id)?;
        let is_here = match &quoted {
            Some(quoted) => self.is_to_be_told(quoted)?,
            None => false,
        };
        if !is_here {
            quote.excerpt.clear();
        }
        Ok(())
    }
}

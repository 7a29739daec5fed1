//! Records as protobuf, and back: everything that is read is checked.

use hushwire_types::{AccountId, Generation, Order, Subject, Timestamp};
use prost::Message as _;

use super::{
    About, Aspect, Contact, Conversation, Group, Head, Message, Record, Register, Role, Seen, State, Timer,
    Trust, Who,
};
use crate::proto;

const UNVERIFIED: u32 = 0;
const VERIFIED: u32 = 1;
const CHANGED: u32 = 2;

const SENT: u32 = 1;
const RECEIVED: u32 = 3;
const UNREADABLE: u32 = 4;
const SYSTEM: u32 = 5;
const DELETED: u32 = 6;

/// A record that does not hold what the schema promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Invalid;

pub(crate) fn encode(record: &Record) -> Vec<u8> {
    use proto::record::Record as Proto;
    let record = match record {
        Record::Head(head) => {
            Proto::Head(proto::Head { account: bytes(&head.account), made_at: head.made_at.as_ms() })
        }
        Record::Contact(contact) => Proto::Contact(contact.to_proto()),
        Record::Conversation(conversation) => Proto::Conversation(conversation.to_proto()),
        Record::Message(message) => Proto::Message(message.to_proto()),
        Record::Register(register) => Proto::Register(register.to_proto()),
        Record::End { records } => Proto::End(proto::End { records: *records }),
    };
    proto::Record { record: Some(record) }.encode_to_vec()
}

/// None for a kind that this version does not know.
pub(crate) fn decode(encoded: &[u8]) -> Result<Option<Record>, Invalid> {
    use proto::record::Record as Proto;
    let decoded = proto::Record::decode(encoded).map_err(|_| Invalid)?;
    let Some(record) = decoded.record else { return Ok(None) };
    Ok(Some(match record {
        Proto::Head(head) => {
            Record::Head(Head { account: fixed(&head.account)?, made_at: Timestamp::from_ms(head.made_at) })
        }
        Proto::Contact(contact) => Record::Contact(Contact::from_proto(contact)?),
        Proto::Conversation(conversation) => Record::Conversation(Conversation::from_proto(conversation)?),
        Proto::Message(message) => Record::Message(Message::from_proto(message)?),
        Proto::Register(register) => Record::Register(Register::from_proto(register)?),
        Proto::End(end) => Record::End { records: end.records },
    }))
}

impl Contact {
    fn to_proto(&self) -> proto::Contact {
        let (trust, trust_at, successor) = match self.trust {
            Trust::Unverified => (UNVERIFIED, 0, Vec::new()),
            Trust::Verified { at } => (VERIFIED, at.as_ms(), Vec::new()),
            Trust::Changed { at, successor } => (CHANGED, at.as_ms(), bytes(&successor)),
        };
        proto::Contact {
            account: bytes(&self.account),
            genesis: self.genesis.clone(),
            entries: self.entries.clone(),
            handle: self.handle.clone().unwrap_or_default(),
            username: self.username.clone().unwrap_or_default(),
            profile_name: self.profile_name.clone(),
            about: self.about.clone(),
            picture: self.picture.clone(),
            says_version: self.says_version,
            trust,
            trust_at,
            successor,
            learned_at: self.learned_at.as_ms(),
        }
    }

    fn from_proto(proto: proto::Contact) -> Result<Self, Invalid> {
        let at = Timestamp::from_ms(proto.trust_at);
        let trust = match proto.trust {
            UNVERIFIED => Trust::Unverified,
            VERIFIED => Trust::Verified { at },
            CHANGED => Trust::Changed { at, successor: fixed(&proto.successor)? },
            _ => return Err(Invalid),
        };
        Ok(Self {
            account: fixed(&proto.account)?,
            genesis: proto.genesis,
            entries: proto.entries,
            handle: some(proto.handle),
            username: some(proto.username),
            profile_name: proto.profile_name,
            about: proto.about,
            picture: proto.picture,
            says_version: proto.says_version,
            trust,
            learned_at: Timestamp::from_ms(proto.learned_at),
        })
    }
}

impl Conversation {
    fn to_proto(&self) -> proto::Conversation {
        proto::Conversation {
            id: bytes(&self.id),
            peer: self.peer.as_ref().map(bytes).unwrap_or_default(),
            last_activity: self.last_activity.as_ms(),
            read_generation: self.read_to.map(|(generation, _)| generation.0),
            read_order: self.read_to.map(|(_, order)| order.0),
            group: self.group.as_ref().map(Group::to_proto),
            timer: self.timer.map(|timer| proto::Timer {
                lives_for_s: timer.lives_for_s,
                generation: timer.place.0.0,
                order: timer.place.1.0,
            }),
        }
    }

    fn from_proto(proto: proto::Conversation) -> Result<Self, Invalid> {
        let peer = if proto.peer.is_empty() { None } else { Some(fixed(&proto.peer)?) };
        let group = proto.group.map(Group::from_proto).transpose()?;
        // It is the one or the other.
        if peer.is_some() == group.is_some() {
            return Err(Invalid);
        }
        let read_to = proto.read_generation.zip(proto.read_order);
        Ok(Self {
            id: fixed(&proto.id)?,
            peer,
            last_activity: Timestamp::from_ms(proto.last_activity),
            read_to: read_to.map(|(generation, order)| (Generation(generation), Order(order))),
            group,
            timer: proto.timer.map(|timer| Timer {
                lives_for_s: timer.lives_for_s,
                place: (Generation(timer.generation), Order(timer.order)),
            }),
        })
    }
}

impl Group {
    fn to_proto(&self) -> proto::Group {
        let member = |(account, role): &(AccountId, Role)| proto::Member {
            account: bytes(account),
            role: role.code(),
        };
        proto::Group {
            name: self.name.clone(),
            description: self.description.clone(),
            add_by: self.add_by.code(),
            details_by: self.details_by.code(),
            write_by: self.write_by.code(),
            timer_secs: self.timer_secs,
            members: self.members.iter().map(member).collect(),
            picture: self.picture.clone(),
        }
    }

    fn from_proto(proto: proto::Group) -> Result<Self, Invalid> {
        let member = |member: proto::Member| Ok((fixed(&member.account)?, Role::from_code(member.role)?));
        Ok(Self {
            name: proto.name,
            description: proto.description,
            add_by: Who::from_code(proto.add_by)?,
            details_by: Who::from_code(proto.details_by)?,
            write_by: Who::from_code(proto.write_by)?,
            timer_secs: proto.timer_secs,
            members: proto.members.into_iter().map(member).collect::<Result<_, Invalid>>()?,
            picture: proto.picture,
        })
    }
}

impl Message {
    fn to_proto(&self) -> proto::Message {
        let (state, detail) = match &self.state {
            State::Sent => (SENT, ""),
            State::Received => (RECEIVED, ""),
            State::Unreadable { reason } => (UNREADABLE, reason.as_str()),
            State::System { event } => (SYSTEM, event.as_str()),
            State::Deleted => (DELETED, ""),
        };
        let seen = |seen: &Seen| proto::Seen {
            account: bytes(&seen.account),
            delivered_at: seen.delivered_at.map(Timestamp::as_ms),
            read_at: seen.read_at.map(Timestamp::as_ms),
        };
        let about = self.about;
        proto::Message {
            conversation: bytes(&self.conversation),
            generation: self.generation.0,
            order: self.order.0,
            content_id: bytes(&self.content_id),
            account: bytes(&self.account),
            device: bytes(&self.device),
            sent_at: self.sent_at.as_ms(),
            accepted_at: self.accepted_at.map(Timestamp::as_ms),
            delivered_at: self.delivered_at.map(Timestamp::as_ms),
            content: self.content.clone(),
            state,
            detail: detail.to_owned(),
            aspect: about.map_or(0, |about| about.aspect.code()),
            about_account: about.map(|about| bytes(&about.account)).unwrap_or_default(),
            about_content: about.map(|about| bytes(&about.content_id)).unwrap_or_default(),
            seen: self.seen.iter().map(seen).collect(),
            handed_over_by: self.handed_over_by.as_ref().map(bytes).unwrap_or_default(),
        }
    }

    fn from_proto(proto: proto::Message) -> Result<Self, Invalid> {
        let state = match proto.state {
            SENT => State::Sent,
            RECEIVED => State::Received,
            UNREADABLE => State::Unreadable { reason: proto.detail },
            SYSTEM => State::System { event: proto.detail },
            DELETED => State::Deleted,
            _ => return Err(Invalid),
        };
        let about = match proto.aspect {
            0 => None,
            code => Some(About {
                aspect: Aspect::from_code(code)?,
                account: fixed(&proto.about_account)?,
                content_id: fixed(&proto.about_content)?,
            }),
        };
        let seen = |seen: proto::Seen| {
            Ok(Seen {
                account: fixed(&seen.account)?,
                delivered_at: seen.delivered_at.map(Timestamp::from_ms),
                read_at: seen.read_at.map(Timestamp::from_ms),
            })
        };
        let by = &*proto.handed_over_by;
        Ok(Self {
            conversation: fixed(&proto.conversation)?,
            generation: Generation(proto.generation),
            order: Order(proto.order),
            content_id: fixed(&proto.content_id)?,
            account: fixed(&proto.account)?,
            device: fixed(&proto.device)?,
            sent_at: Timestamp::from_ms(proto.sent_at),
            accepted_at: proto.accepted_at.map(Timestamp::from_ms),
            delivered_at: proto.delivered_at.map(Timestamp::from_ms),
            content: proto.content,
            state,
            about,
            seen: proto.seen.into_iter().map(seen).collect::<Result<_, Invalid>>()?,
            handed_over_by: if by.is_empty() { None } else { Some(fixed(by)?) },
        })
    }
}

impl Register {
    fn to_proto(&self) -> proto::Register {
        let mut out = proto::Register {
            code: self.code,
            value: self.value.clone(),
            at: self.at.as_ms(),
            ..Default::default()
        };
        match &self.subject {
            Subject::Everything => {}
            Subject::Account(account) => out.account = bytes(account),
            Subject::Conversation(conversation) => out.conversation = bytes(conversation),
            Subject::Message { conversation, account, content } => {
                out.conversation = bytes(conversation);
                out.account = bytes(account);
                out.content_id = bytes(content);
            }
        }
        out
    }

    fn from_proto(proto: proto::Register) -> Result<Self, Invalid> {
        let subject = match (&*proto.account, &*proto.conversation, &*proto.content_id) {
            ([], [], []) => Subject::Everything,
            (account, [], []) => Subject::Account(fixed(account)?),
            ([], conversation, []) => Subject::Conversation(fixed(conversation)?),
            (account, conversation, content) => Subject::Message {
                conversation: fixed(conversation)?,
                account: fixed(account)?,
                content: fixed(content)?,
            },
        };
        Ok(Self { subject, code: proto.code, value: proto.value, at: Timestamp::from_ms(proto.at) })
    }
}

fn bytes(id: &impl AsRef<[u8]>) -> Vec<u8> {
    id.as_ref().to_vec()
}

fn fixed<'a, T: TryFrom<&'a [u8]>>(bytes: &'a [u8]) -> Result<T, Invalid> {
    T::try_from(bytes).map_err(|_| Invalid)
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use hushwire_types::{AccountId, ContentId, ConversationId};
    use proptest::prelude::*;

    use super::*;

    /// Behind the seal nobody but who knows the key writes records; they are decoded with no more trust for that.
    fn sample() -> Vec<u8> {
        let subject = Subject::Message {
            conversation: ConversationId::new([1; 32]),
            account: AccountId::new([2; 32]),
            content: ContentId::new([3; 16]),
        };
        encode(&Record::Register(Register { subject, code: 64, value: vec![1], at: Timestamp::from_ms(9) }))
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_record_that_comes_back_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(Some(record)) = decode(&bytes) {
                prop_assert_eq!(decode(&encode(&record)), Ok(Some(record)));
            }
        }

        #[test]
        fn so_are_those_of_which_a_byte_was_changed(at in 0_usize..100, to in any::<u8>()) {
            let mut bytes = sample();
            let at = at % bytes.len();
            bytes[at] = to;
            if let Ok(Some(record)) = decode(&bytes) {
                prop_assert_eq!(decode(&encode(&record)), Ok(Some(record)));
            }
        }
    }

    #[test]
    fn a_kind_that_is_not_known_is_passed_over() {
        // Field 15, which no kind has.
        assert_eq!(decode(&[0x7a, 1, 0]), Ok(None));
    }
}

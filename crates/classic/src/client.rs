//! One connection of a client: asks, reads what the server says, and makes of it what a person may see.
//!
//! ```text
//!  any read ──► 1608 ──► `hush_waiting`, on disk          ask ──► request ──► response
//!  oldest that waits ──► keys of the sender (known, or 832 → 1610, verified, kept) ──► open ──► show ──► shown ──► 830
//! ```
//!
//! Blocking, over any stream; a read that times out means that nothing has come.
//!
//! Invariants:
//! - Nothing is shown whose signature does not hold under keys that the server's key vouched for and that never changed.
//! - A message that was read from the stream is on disk before anything else is done: the original's server has deleted it.
//! - A message is acknowledged only after whoever shows it has said that it is done, and that is on disk.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};

use hushwire_types::Entropy;

use crate::blob::MessageBlob;
use crate::crypto::{CryptoError, VerifyingKey};
use crate::folder::{Folder, FolderError, KnownKeys, Shown, Waiting};
use crate::frame::{DecodeError, ResponseDecoder, encode_request};
use crate::keys::{SignedKeys, VerifiedKeys};
use crate::message::{self, OpenError, PrivateKeys, Text};
use crate::otp::Otp;
use crate::phone::Phone;
use crate::request::Request;
use crate::response::Response;

/// Why a conversation with a server ended, or did not come off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The connection broke: connect again. What was not answered may have been done.
    #[error("the connection to the server broke: {0}")]
    Connection(#[from] std::io::Error),
    /// The server did not answer in time: connect again. What was asked may have been done.
    #[error("the server does not answer")]
    Silent,
    /// What came is not this protocol.
    #[error("the server says what cannot be read: {0}")]
    Unreadable(#[from] DecodeError),
    /// The server answered something that is no answer to what was asked.
    #[error("the server answered {0} where that is no answer")]
    Unexpected(u16),
    /// The phone is taken, or the server sends no codes.
    #[error("the server registers nobody under this number: it is taken, or no code can be sent to it")]
    RegistrationRefused,
    /// The code is wrong or too old.
    #[error("the code is wrong or too old")]
    WrongCode,
    /// Unknown, or online elsewhere.
    #[error("the server does not let this number in: it is not registered there, or online elsewhere")]
    LoginRefused,
    /// Nobody is registered under a number.
    #[error("nobody is registered under {0}")]
    UnknownPhone(Phone),
    /// The server refused a message, for example because too many wait for its recipient.
    #[error("the server refused the message")]
    MessageRefused,
    /// Keys that the server's key did not sign. Do not go on with this server.
    #[error("the keys of {phone} are not signed by this server's key: {source}")]
    ForgedKeys {
        /// Whose they should be.
        phone: Phone,
        /// What is wrong with them.
        source: CryptoError,
    },
    /// Other keys than were seen before. The protocol sets keys once: somebody lies.
    #[error("the server shows other keys for {0} than before; keys never change, so do not trust it")]
    ChangedKeys(Phone),
    /// A message could not be shown: it goes on waiting.
    #[error("a message could not be shown: {0}")]
    NotShown(std::io::Error),
    /// The folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A message could not be sealed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// More frames than are under way to a client that did not ask for them.
const SETTLED: usize = 1 << 14;

/// A stream on which nothing has come: where reads have a bound.
fn is_quiet(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Requests and responses over one stream.
#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
    phone: Phone,
    decoder: ResponseDecoder,
    /// What was read and not looked at yet. Messages in it are in `waiting` already.
    heard: VecDeque<Response>,
    waiting: Waiting,
    /// How often a read may time out before the server counts as silent.
    patience: u32,
}

impl<S: Read + Write> Connection<S> {
    /// A connection for `phone`. Reads of the stream must time out now and then; `patience` is after how many of those an
    /// answer is not waited for any longer. Messages that come are kept in `waiting`.
    #[must_use]
    pub fn new(stream: S, phone: Phone, patience: u32, waiting: Waiting) -> Self {
        let (decoder, heard) = (ResponseDecoder::default(), VecDeque::new());
        Self { stream, phone, decoder, heard, waiting, patience }
    }

    /// Asks for an account. The code, where the server gives it away.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn register(&mut self) -> Result<Option<Otp>, ClientError> {
        match self.ask(&Request::Register)? {
            Response::Registration(otp) => Ok(otp),
            Response::RegistrationFailed | Response::Error => Err(ClientError::RegistrationRefused),
            other => Err(ClientError::Unexpected(other.code())),
        }
    }

    /// Gives the code.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn confirm(&mut self, otp: Otp) -> Result<(), ClientError> {
        match self.ask(&Request::Otp(otp))? {
            Response::OtpOk => Ok(()),
            Response::Error => Err(ClientError::WrongCode),
            other => Err(ClientError::Unexpected(other.code())),
        }
    }

    /// Gives one's public keys, which the server takes once.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn send_keys(&mut self, own: &PrivateKeys) -> Result<(), ClientError> {
        match self.ask(&Request::SendPublicKeys(own.public()?))? {
            Response::KeysSet => Ok(()),
            Response::Error => Err(ClientError::RegistrationRefused),
            other => Err(ClientError::Unexpected(other.code())),
        }
    }

    /// Goes online.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn login(&mut self) -> Result<(), ClientError> {
        self.tell(&Request::Login)?;
        // The oldest message that waits is the answer.
        match self.next()? {
            Response::Login | Response::Message { .. } => Ok(()),
            Response::LoginFailed | Response::Error => Err(ClientError::LoginRefused),
            other => Err(ClientError::Unexpected(other.code())),
        }
    }

    /// Whether the account of this phone has these keys, as far as the server vouches for them. Goes online where the server says
    /// nothing to strangers.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn is_account_of(&mut self, own: &PrivateKeys, server: &VerifyingKey) -> Result<bool, ClientError> {
        let phone = self.phone;
        let mut answer = self.ask(&Request::RecipientKeys(phone))?;
        if matches!(answer, Response::Error) {
            // Only then: at the original's server a login takes a message out of the queue.
            self.login()?;
            answer = self.ask(&Request::RecipientKeys(phone))?;
        }
        let Response::RecipientKeys(signed) = answer else { return Ok(false) };
        let verified = signed.verify(server).map_err(|source| ClientError::ForgedKeys { phone, source })?;
        Ok(*verified.public() == own.public()?)
    }

    fn tell(&mut self, request: &Request) -> Result<(), ClientError> {
        self.stream.write_all(&encode_request(self.phone, request))?;
        Ok(self.stream.flush()?)
    }

    /// The answer to a request that no message can answer.
    fn ask(&mut self, request: &Request) -> Result<Response, ClientError> {
        self.tell(request)?;
        loop {
            match self.next()? {
                // No answer to any of these: it waits, or is a late one to an acknowledgement that a message overtook.
                Response::Message { .. } | Response::Listening => {}
                response => return Ok(response),
            }
        }
    }

    fn next(&mut self) -> Result<Response, ClientError> {
        for _ in 0..self.patience.max(1) {
            if let Some(response) = self.poll()? {
                return Ok(response);
            }
        }
        Err(ClientError::Silent)
    }

    /// What has come, waiting for one time-out at most.
    fn poll(&mut self) -> Result<Option<Response>, ClientError> {
        loop {
            if let Some(response) = self.heard.pop_front() {
                return Ok(Some(response));
            }
            self.keep_what_came()?;
            if !self.heard.is_empty() {
                continue;
            }
            let mut room = [0; 4096];
            match self.stream.read(&mut room) {
                Ok(0) => return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into()),
                Ok(count) => self.decoder.push(room.get(..count).unwrap_or_default()),
                Err(error) if is_quiet(&error) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes all whole frames of what was read, so that no message of it is in memory alone.
    fn keep_what_came(&mut self) -> Result<(), ClientError> {
        while let Some(response) = self.decoder.next_frame()? {
            if let Response::Message { sender, blob } = &response {
                self.waiting.keep(*sender, blob)?;
            }
            self.heard.push_back(response);
        }
        Ok(())
    }

    /// Reads until nothing more comes.
    fn settle(&mut self) -> Result<(), ClientError> {
        for _ in 0..SETTLED {
            match self.poll() {
                Ok(Some(_)) => {}
                Ok(None) | Err(ClientError::Connection(_)) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What came of a message that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arrival {
    /// A text to show.
    Text {
        /// Who wrote it.
        sender: Phone,
        /// What.
        text: Text,
    },
    /// A message that was shown before.
    Repeated(Phone),
    /// Something that its sender did not sign, or that cannot be read. None of it is shown.
    Unshowable {
        /// Who it was said to be from.
        sender: Phone,
        /// Why.
        why: OpenError,
    },
}

/// A client with its folder.
#[derive(Debug)]
pub struct Client<S> {
    connection: Connection<S>,
    own: PrivateKeys,
    server: VerifyingKey,
    known: KnownKeys,
    shown: Shown,
}

impl<S: Read + Write> Client<S> {
    /// Of a connection; go online next.
    ///
    /// # Errors
    /// [`ClientError::Folder`]
    pub fn new(connection: Connection<S>, folder: &Folder, own: PrivateKeys) -> Result<Self, ClientError> {
        let (server, known, shown) = (folder.server_key()?, folder.known_keys()?, folder.shown()?);
        Ok(Self { connection, own, server, known, shown })
    }

    /// Goes online, or asks for the oldest message that waits.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn login(&mut self) -> Result<(), ClientError> {
        self.connection.login()
    }

    /// Whether a message is there to be shown without waiting.
    #[must_use]
    pub fn has_arrivals(&self) -> bool {
        self.connection.waiting.oldest().is_some()
    }

    /// Keeps all that has come, waiting for one time-out of the stream: before a connection ends, because the original's server
    /// sends a message once.
    ///
    /// # Errors
    /// [`ClientError`], but for a connection that is over already.
    pub fn settle(&mut self) -> Result<(), ClientError> {
        self.connection.settle()
    }

    /// Sends a text. When this returns, the server has it.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn send(&mut self, recipient: Phone, text: &Text, entropy: &dyn Entropy) -> Result<(), ClientError> {
        let signed = match self.connection.ask(&Request::RecipientKeys(recipient))? {
            Response::RecipientKeys(keys) => keys,
            Response::Error => return Err(ClientError::UnknownPhone(recipient)),
            other => return Err(ClientError::Unexpected(other.code())),
        };
        let peer = self.believe(recipient, signed)?;
        let blob = message::seal(&self.own, &peer, text, entropy)?;
        match self.connection.ask(&Request::Message { recipient, blob })? {
            Response::MessageSent => Ok(()),
            Response::Error => Err(ClientError::MessageRefused),
            other => Err(ClientError::Unexpected(other.code())),
        }
    }

    /// The oldest message that waits, or else the next that comes, waiting for one time-out of the stream at most. It is given to
    /// `show`, noted, and acknowledged, in that order; where `show` fails it goes on waiting.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn receive(
        &mut self,
        show: impl FnOnce(&Arrival) -> std::io::Result<()>,
    ) -> Result<Option<Received>, ClientError> {
        if !self.has_arrivals() {
            // Anything but a message is a late second answer to a request that was repeated on the way.
            self.connection.poll()?;
        }
        let Some((sender, blob)) = self.connection.waiting.oldest().cloned() else { return Ok(None) };
        let arrival = self.judge(sender, &blob)?;
        show(&arrival).map_err(ClientError::NotShown)?;
        if !matches!(arrival, Arrival::Repeated(_)) {
            self.shown.insert(sender, &blob)?;
        }
        self.connection.waiting.drop_oldest()?;
        self.acknowledge(sender).map(Some)
    }

    fn judge(&mut self, sender: Phone, blob: &MessageBlob) -> Result<Arrival, ClientError> {
        if self.shown.contains(sender, blob) {
            return Ok(Arrival::Repeated(sender));
        }
        let keys = match self.known.of(sender) {
            Some(keys) => keys.clone(),
            None => match self.connection.ask(&Request::SenderKeys(sender))? {
                Response::SenderKeys { phone, keys } if phone == sender => self.believe(sender, keys)?,
                // It can never be verified, and must not hold up what others wrote.
                Response::Error if self.server_has_accounts()? => {
                    return Ok(Arrival::Unshowable { sender, why: OpenError::UnknownSender });
                }
                Response::Error => return Err(ClientError::UnknownPhone(sender)),
                other => return Err(ClientError::Unexpected(other.code())),
            },
        };
        Ok(match message::open(&self.own.dh, &keys, blob) {
            Ok(text) => Arrival::Text { sender, text },
            Err(why) => Arrival::Unshowable { sender, why },
        })
    }

    /// Whether the server can look accounts up at this moment: a passing failure of its database is told as if there were none.
    fn server_has_accounts(&mut self) -> Result<bool, ClientError> {
        let own = self.connection.phone;
        Ok(matches!(self.connection.ask(&Request::RecipientKeys(own))?, Response::RecipientKeys(_)))
    }

    /// Tells that a message was read. The next one of this sender, where there is one, is the answer.
    fn acknowledge(&mut self, sender: Phone) -> Result<Received, ClientError> {
        self.connection.tell(&Request::MessageReceived(sender))?;
        loop {
            match self.connection.next()? {
                Response::Listening | Response::Error => return Ok(Received::LastOfSender),
                Response::Message { sender: next, .. } if next == sender => return Ok(Received::MoreWait),
                Response::Message { .. } => {}
                other => return Err(ClientError::Unexpected(other.code())),
            }
        }
    }

    fn believe(&mut self, phone: Phone, signed: SignedKeys) -> Result<VerifiedKeys, ClientError> {
        let verified =
            signed.verify(&self.server).map_err(|source| ClientError::ForgedKeys { phone, source })?;
        if self.known.keep(phone, verified.clone())? {
            Ok(verified)
        } else {
            Err(ClientError::ChangedKeys(phone))
        }
    }
}

/// Whether more of a sender's messages are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// The next one has come.
    MoreWait,
    /// That was all of this sender for now.
    LastOfSender,
}

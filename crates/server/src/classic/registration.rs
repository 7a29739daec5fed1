//! Registration of a phone, all of it on one connection.
//!
//! ```text
//!  825 ─► code on its way ─► 1600 ─► 831 ─► right: 1604 ─► 826 ─► keys signed, account stored: 1602, online
//!                                     └─► wrong: 1607, five times; or too late: the registration is over
//! ```
//!
//! Nothing of it is stored before the keys are there, but for the count of wrong codes: a connection that breaks leaves the
//! phone as free as it was.

use std::time::Duration;

use hushwire_classic::{Otp, Phone, PublicKeys, Response};
use hushwire_delivery::Who;
use hushwire_delivery::limits::Limit;
use hushwire_server_store::classic::{BeginClassic, CountClassicGuess, CreateClassic};
use hushwire_types::{OsEntropy, Timestamp};

use super::connection::{Connection, State};
use super::desk::{OtpWay, stored, stored_keys};
use super::phones::Line;
use crate::otp;

/// How long a code lives, as the original has it, and how long keys may take after it was right.
pub(super) const LIFETIME: Duration = Duration::from_secs(60);
const TRIES: u32 = 5;

/// A registration under way.
pub(super) struct Registering {
    pub(super) line: Line,
    pub(super) expires_at: Timestamp,
    proof: Proof,
}

enum Proof {
    Awaited { otp: Otp, tries_left: u32 },
    Given,
}

impl Connection {
    /// 825.
    pub(super) async fn register(&mut self, phone: Phone) -> Response {
        match &self.state {
            // Asked again, after it was answered: the same code still counts.
            State::Registering(registering) => return self.registration(registering),
            State::Online(_) => return Response::RegistrationFailed,
            State::Nobody => {}
        }
        if !self.desk.may_register(phone, self.address) {
            return Response::RegistrationFailed;
        }
        let Some(line) = self.desk.phones.take(phone) else { return Response::RegistrationFailed };
        let begun = self.desk.write(BeginClassic { phone: stored(phone) }).await;
        let otp = Otp::draw(&OsEntropy);
        if begun.is_err() || !self.send_otp(phone, &otp).await {
            return Response::RegistrationFailed;
        }
        let expires_at = self.desk.now().after(LIFETIME);
        let proof = Proof::Awaited { otp, tries_left: TRIES };
        let registering = Registering { line, expires_at, proof };
        let response = self.registration(&registering);
        self.state = State::Registering(registering);
        response
    }

    fn registration(&self, registering: &Registering) -> Response {
        match (&self.desk.otp, &registering.proof) {
            (OtpWay::Echo, Proof::Awaited { otp, .. }) => Response::Registration(Some(otp.clone())),
            _ => Response::Registration(None),
        }
    }

    /// Whether a code is on its way.
    async fn send_otp(&self, phone: Phone, otp: &Otp) -> bool {
        let OtpWay::Driver(drivers) = &self.desk.otp else { return true };
        let to = otp::Address::Phone(phone.to_string());
        let message = otp::Message { to, code: otp.digits(), lives_for: LIFETIME };
        let sent = otp::deliver(&drivers.phone, message).await;
        if let Err(error) = &sent {
            tracing::warn!(%error, "a one-time code could not be delivered");
        }
        sent.is_ok()
    }

    /// 831.
    pub(super) async fn try_otp(&mut self, given: &Otp) -> Response {
        let now = self.desk.now();
        let State::Registering(registering) = &mut self.state else { return Response::Error };
        if self.desk.count(Limit::Otp, Who::Address(self.address)).is_err() {
            return Response::Error;
        }
        match &mut registering.proof {
            Proof::Given => Response::OtpOk,
            Proof::Awaited { otp, .. } if otp == given => {
                registering.proof = Proof::Given;
                registering.expires_at = now.after(LIFETIME);
                Response::OtpOk
            }
            Proof::Awaited { tries_left, .. } => {
                *tries_left = tries_left.saturating_sub(1);
                let (over, phone) = (*tries_left == 0, stored(registering.line.phone()));
                // Counted before it is answered, or not answered: a guess that nobody counts is free.
                let counted = self.desk.write(CountClassicGuess { phone }).await;
                if over || counted.is_err() {
                    self.state = State::Nobody;
                }
                Response::Error
            }
        }
    }

    /// 826.
    pub(super) async fn set_keys(&mut self, keys: PublicKeys) -> Response {
        match std::mem::replace(&mut self.state, State::Nobody) {
            State::Registering(Registering { line, proof: Proof::Given, expires_at }) => {
                let Ok(signed) = self.desk.sign(keys).await else {
                    // Keys that are none: better ones may follow.
                    self.state = State::Registering(Registering { line, proof: Proof::Given, expires_at });
                    return Response::Error;
                };
                let creation = CreateClassic { phone: stored(line.phone()), keys: stored_keys(&signed) };
                if self.desk.write(creation).await.is_err() {
                    return Response::Error;
                }
                self.go_online(line);
                Response::KeysSet
            }
            state => {
                self.state = state;
                Response::Error
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    use hushwire_classic::{Request, RequestFrame, SigningKey};
    use hushwire_delivery::Service;
    use hushwire_server_store::Bounds;
    use hushwire_server_store_sqlite::SqliteStore;
    use hushwire_types::Clock;
    use tokio::sync::mpsc;

    use super::super::desk::Desk;
    use super::*;
    use crate::config::Config;
    use crate::node::Node;
    use crate::writer::{Place, Writer};
    use crate::{keys, run};

    struct Watch(Mutex<Timestamp>);

    impl Watch {
        fn pass(&self, time: Duration) {
            let mut now = self.0.lock().unwrap();
            *now = now.after(time);
        }
    }

    impl Clock for Watch {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    fn connection(dir: &Path, clock: &Arc<Watch>) -> Connection {
        let store = Arc::new(SqliteStore::open(&dir.join("db"), Bounds::default(), &OsEntropy).unwrap());
        let keys = keys::load_or_create(dir, &OsEntropy).unwrap();
        let settings = run::settings(&Config::dev(dir.to_owned()));
        let entropy = Arc::new(OsEntropy);
        let service = Service::open(Arc::clone(&store) as _, keys.identity, keys.pepper, settings, entropy);
        let (service, inboxes, (effects, _)) =
            (Arc::new(service.unwrap()), Arc::default(), mpsc::unbounded_channel());
        let clock = Arc::clone(clock) as Arc<dyn Clock>;
        let place = Place::Thread;
        let (writer, _) =
            Writer::start(Arc::clone(&service), Arc::clone(&inboxes), Arc::clone(&clock), effects, place)
                .unwrap();
        let node = Arc::new(Node::new(service, inboxes, clock, writer, 1));
        let pem = include_bytes!("../../../classic/tests/vectors/server/server_private_key.pem");
        let key = SigningKey::from_pem(pem, None).unwrap();
        let desk = Arc::new(Desk::new(node, store, key, OtpWay::Echo, 1));
        Connection { desk, address: None, state: State::Nobody }
    }

    async fn ask(connection: &mut Connection, request: Request) -> Response {
        connection.answer(&RequestFrame { phone: "0501111111".parse().unwrap(), request }).await
    }

    async fn register(connection: &mut Connection) -> Otp {
        match ask(connection, Request::Register).await {
            Response::Registration(Some(otp)) => otp,
            other => panic!("not registered: {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_code_lives_for_a_minute() {
        let (dir, clock) =
            (tempfile::tempdir().unwrap(), Arc::new(Watch(Mutex::new(Timestamp::from_ms(1_000)))));
        let mut connection = connection(dir.path(), &clock);
        let late = register(&mut connection).await;
        clock.pass(LIFETIME);
        assert_eq!(ask(&mut connection, Request::Otp(late)).await, Response::Error);
        assert!(matches!(connection.state, State::Nobody), "the registration is over and the phone is free");
        let in_time = register(&mut connection).await;
        clock.pass(LIFETIME - Duration::from_millis(1));
        assert_eq!(ask(&mut connection, Request::Otp(in_time)).await, Response::OtpOk);
    }
}

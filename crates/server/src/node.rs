//! One running server: the services and the threads that they are given.

use std::sync::Arc;
use std::time::Duration;

use hushwire_delivery::{
    Check, Checked, DeliverOtp, Effect, Job, OtpAddress, Peer, Service, Session, Undeliverable,
};
use hushwire_types::{Clock, Secret};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::config;
use crate::inbox::{Inboxes, OpenInbox};
use crate::lanes::Lanes;
use crate::otp;
use crate::writer::{Refused, Writer};

/// What every connection's task shares.
pub(crate) struct Node {
    /// The services.
    pub(crate) service: Arc<Service>,
    /// Where answers and publications go.
    pub(crate) inboxes: Arc<Inboxes>,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    writer: Writer,
    lanes: Lanes,
    checks: Arc<Semaphore>,
}

impl Node {
    /// Puts a node together. `checks` is how many checks (Commits, KeyPackages) may run at once.
    #[must_use]
    pub(crate) fn new(
        service: Arc<Service>,
        inboxes: Arc<Inboxes>,
        clock: Arc<dyn Clock>,
        writer: Writer,
        checks: usize,
    ) -> Self {
        let checks = Arc::new(Semaphore::new(checks.max(1)));
        Self { service, inboxes, clock, writer, lanes: Lanes::default(), checks }
    }

    /// A connection begins.
    pub(crate) fn enter(&self, peer: Peer) -> (Session, OpenInbox) {
        let session = self.service.connect(peer);
        let inbox = self.inboxes.open(session.connection());
        (session, inbox)
    }

    /// Queues a job; a full queue is answered with `Busy`.
    pub(crate) fn write(&self, job: Box<Job>) {
        if let Err(Refused(job)) = self.writer.submit(job) {
            metrics::counter!("hushd_busy_total").increment(1);
            self.inboxes.post(self.service.busy(*job));
        }
    }

    /// Runs a check on a worker thread, when it is its turn in its lane, and takes its request on from there.
    pub(crate) fn check(self: &Arc<Self>, check: Box<Check>) {
        let node = Arc::clone(self);
        tokio::spawn(async move {
            let mut check = *check;
            if let Some(conversation) = check.lane() {
                let turn = node.lanes.enter(conversation).await;
                check = check.in_turn(Box::new(turn));
            }
            // The semaphore is never closed.
            let Ok(permit) = Arc::clone(&node.checks).acquire_owned().await else { return };
            let work = move || {
                let _permit = permit;
                match node.service.check(check, node.clock.now()) {
                    Checked::Write(job) => node.write(job),
                    Checked::Answer(answer) => node.inboxes.post([answer]),
                }
            };
            // A check that panicked leaves its request unanswered; the client's deadline ends that.
            let _ = tokio::task::spawn_blocking(work).await;
        });
    }
}

/// Carries out effects until the writer has ended.
pub(crate) async fn carry_out(
    service: Arc<Service>,
    inboxes: Arc<Inboxes>,
    clock: Arc<dyn Clock>,
    mut effects: UnboundedReceiver<Effect>,
    drivers: Arc<config::Otp>,
) {
    while let Some(effect) = effects.recv().await {
        match effect {
            Effect::DeliverOtp(delivery) => {
                let (service, inboxes, drivers) =
                    (Arc::clone(&service), Arc::clone(&inboxes), Arc::clone(&drivers));
                let lives_for = delivery.expires_at.since(clock.now());
                tokio::spawn(async move {
                    let sent = deliver(&drivers, &delivery, lives_for).await.map_err(|_| Undeliverable);
                    inboxes.post([service.otp_delivered(delivery.ticket, sent)]);
                });
            }
            _ => tracing::error!("an effect that this server does not know"),
        }
    }
}

async fn deliver(
    drivers: &config::Otp,
    delivery: &DeliverOtp,
    lives_for: Duration,
) -> Result<(), otp::OtpError> {
    let (driver, to) = match &delivery.to {
        OtpAddress::Phone(number) => (&drivers.phone, otp::Address::Phone(number.clone())),
        OtpAddress::Email(address) => (&drivers.email, otp::Address::Email(address.clone())),
    };
    let sent = match Secret::try_from(delivery.code.expose()) {
        Ok(code) => otp::deliver(driver, otp::Message { to, code, lives_for }).await,
        Err(_) => Err(otp::OtpError::NoDriver),
    };
    if let Err(error) = &sent {
        tracing::warn!(%error, "a one-time code could not be delivered");
    }
    sent
}

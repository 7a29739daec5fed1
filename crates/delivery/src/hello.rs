//! Hello: both sides agree on a version, and the server proves itself first (rule R6).

use hushwire_identity::{ChannelBinding, ServerHello};
use hushwire_types::{Timestamp, rng};
use hushwire_wire as wire;

use crate::fault::Fault;
use crate::limits::Limit;
use crate::service::Service;
use crate::session::{Phase, Session};
use crate::step::{Origin, Step};

impl Service {
    pub(crate) fn hello(
        &self,
        session: &mut Session,
        origin: Origin,
        hello: &wire::Hello,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        if !matches!(session.phase, Phase::New) {
            return Err(Fault::NotNow("Hello came already"));
        }
        self.limit_address(session, Limit::Connect, now)?;
        if !(hello.min_version..=hello.max_version).contains(&wire::VERSION) {
            return Ok(Step::answer(origin, Fault::Unsupported).and_close());
        }
        let statement = ServerHello { binding: &session.peer.binding, client_nonce: &hello.nonce };
        let nonce = rng::bytes(&*self.entropy);
        let welcomed = wire::Welcomed {
            version: wire::VERSION,
            features: Vec::new(),
            server_key: *self.identity.public().as_bytes(),
            nonce,
            binding: kind(&session.peer.binding),
            signature: *statement.sign(&self.identity).as_bytes(),
            server_time: now,
        };
        session.phase = Phase::Greeted { nonce };
        Ok(Step::answer(origin, welcomed))
    }

    /// Counts a request of whoever is at the other end.
    pub(crate) fn limit_address(&self, session: &Session, limit: Limit, now: Timestamp) -> Result<(), Fault> {
        let Some(address) = session.peer.address else { return Ok(()) };
        Ok(self.limiter.take(limit, &self.pepper.address(address), now)?)
    }

    /// Whether such a request would be let through.
    pub(crate) fn peek_address(&self, session: &Session, limit: Limit, now: Timestamp) -> Result<(), Fault> {
        let Some(address) = session.peer.address else { return Ok(()) };
        Ok(self.limiter.peek(limit, &self.pepper.address(address), now)?)
    }
}

const fn kind(binding: &ChannelBinding) -> wire::ChannelBinding {
    match binding {
        ChannelBinding::Exporter(_) => wire::ChannelBinding::Exporter,
        ChannelBinding::EndPoint(_) => wire::ChannelBinding::EndPoint,
        ChannelBinding::None => wire::ChannelBinding::None,
    }
}

//! Limits for a protocol beside this one on the same server: the same cells, quotas and rules for what is remembered.

use std::net::IpAddr;
use std::time::Duration;

use hushwire_types::Timestamp;

use crate::limits::{Limit, Wait};
use crate::service::Service;

/// Who is limited.
#[derive(Clone, Copy)]
pub enum Who<'a> {
    /// Whoever is at this address; nobody in particular where there is none.
    Address(Option<IpAddr>),
    /// Whoever has this name in the other protocol.
    Name(&'a str),
}

impl Service {
    /// Counts one request of another protocol.
    ///
    /// # Errors
    /// How long to wait; nothing was counted then.
    pub fn count_elsewhere(&self, limit: Limit, who: Who<'_>, now: Timestamp) -> Result<(), Duration> {
        let key = match who {
            Who::Address(None) => return Ok(()),
            Who::Address(Some(address)) => self.pepper.address(address),
            Who::Name(name) => self.pepper.elsewhere(name),
        };
        self.limiter.take(limit, &key, now).map_err(|Wait(wait)| wait)
    }
}

//! Who this device is, read once from the profile's row.

use hushwire_client_store::profile::{Profile, ProfileState};
use hushwire_identity::{ListKey, PublicKey};
use hushwire_types::{AccountId, DeviceId, Secret};

/// This device's identity and keys.
#[derive(Debug, Clone)]
pub(crate) struct Me {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) genesis: Vec<u8>,
    pub(crate) list_key: ListKey,
    pub(crate) mls_key: Secret<32>,
    pub(crate) server_key: PublicKey,
    pub(crate) state: ProfileState,
}

impl Me {
    /// Reads a profile's row; `None` where its server key is no key.
    pub(crate) fn of(profile: &Profile) -> Option<Self> {
        Some(Self {
            account: profile.account,
            device: profile.device,
            genesis: profile.genesis.clone(),
            list_key: ListKey::from_seed(&profile.list_key),
            mls_key: profile.mls_key.clone(),
            server_key: PublicKey::from_bytes(&profile.server_key).ok()?,
            state: profile.state,
        })
    }
}

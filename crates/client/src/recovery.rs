//! A new device by the recovery key, for whoever has no device left that could let one in.
//!
//! ```text
//!  Recover, signed by the recovery key ─► the account's list, verified from its genesis; its recovery key is this one
//!  RecoverDevice, an entry signed by it ─► first login, profile: as for a linked device
//! ```
//!
//! A server that shows the list of another account, or lies about this one, is found out: the list must name the key that the
//! person has written down.

use hushwire_engine::NewDevice;
use hushwire_identity::{DeviceName, Handle, InviteLink, RecoveryKey, statement};
use hushwire_wire::{self as wire, Sensitive};

use crate::client::Client;
use crate::connect::{ServerAddress, Transport};
use crate::linking::{End, LinkingError, list_by, settle_in};
use crate::profile::{Place, World};

/// What a lost account's new device is made of.
pub struct Recovery<'a> {
    /// The server's link.
    pub link: &'a InviteLink,
    /// How the bytes travel.
    pub transport: Transport,
    /// A handle of the account.
    pub handle: Handle,
    /// The account's recovery key.
    pub key: &'a RecoveryKey,
    /// What the new device is called.
    pub name: DeviceName,
}

/// Makes a new device of an account by its recovery key.
///
/// # Errors
/// [`LinkingError`]
pub async fn recover(place: &Place, recovery: Recovery<'_>, world: World) -> Result<Client, LinkingError> {
    let Recovery { link, transport, handle, key, name } = recovery;
    let (host, port) = (link.host.clone(), link.port);
    let address = ServerAddress { host, port, fingerprint: link.fingerprint, transport };
    let mut end = End::connect(&address, &world).await?;
    let greeting = end.connection.greeting().clone();
    let proof = statement::Recovery {
        server: &greeting.server_key,
        binding: &greeting.binding,
        server_nonce: &greeting.welcomed.nonce,
        handle: &handle,
    };
    let signature = *proof.sign(key).as_bytes();
    let ask = |from_number| {
        wire::Recover { handle: Sensitive::new(handle.to_string()), signature, from_number }.into()
    };
    let list = list_by(&mut end, ask).await?;
    if list.recovery_key() != key.public() {
        return Err(LinkingError::Foreign);
    }
    let device = NewDevice::generate(name, &*world.entropy);
    let (account_id, head) = (list.account_id(), list.head());
    let entry = device.recover(&list, key).map_err(|_| LinkingError::Foreign)?;
    end.ask(wire::RecoverDevice { account_id, entry: entry.into() }).await?;
    end.connection.close().await;
    settle_in(place, &address, &device, (account_id, head, handle), world).await
}

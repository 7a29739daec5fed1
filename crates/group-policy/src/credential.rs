//! The MLS credential of a leaf: a custom credential (RFC 9420, section 5.3) whose content is the
//! [`LeafCredential`] of `identity`.

use hushwire_identity::LeafCredential;
use mls_rs::crypto::SignaturePublicKey;
use mls_rs::identity::{Credential, CredentialType, CustomCredential, SigningIdentity};

use crate::Refusal;

/// Credential type of every Hushwire leaf, from the range for private use (RFC 9420, section 17.5).
pub const CREDENTIAL_TYPE: CredentialType = CredentialType::new(0xF048);

/// The signing identity of a leaf: its credential, and the MLS key of that device's list entry.
#[must_use]
pub fn signing_identity(credential: &LeafCredential, key: SignaturePublicKey) -> SigningIdentity {
    let credential = CustomCredential::new(CREDENTIAL_TYPE, credential.encode());
    SigningIdentity::new(Credential::Custom(credential), key)
}

/// What the credential of a leaf claims.
///
/// # Errors
/// [`Refusal::CredentialMalformed`] where it is of another type or not in the one encoding.
pub fn leaf_credential(identity: &SigningIdentity) -> Result<LeafCredential, Refusal> {
    match &identity.credential {
        Credential::Custom(custom) if custom.credential_type == CREDENTIAL_TYPE => {
            LeafCredential::decode(&custom.data).map_err(|_| Refusal::CredentialMalformed)
        }
        _ => Err(Refusal::CredentialMalformed),
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use hushwire_identity::ListHead;
    use hushwire_types::{AccountId, DeviceId, EntryHash, ListNumber};

    #[test]
    fn a_credential_of_another_type_is_refused_whatever_it_holds() {
        let credential = LeafCredential {
            account: AccountId::new([1; 32]),
            device: DeviceId::new([2; 16]),
            list: ListHead { number: ListNumber(3), hash: EntryHash::new([4; 32]) },
        };
        let mut identity = signing_identity(&credential, SignaturePublicKey::from(vec![5; 32]));
        assert_eq!(leaf_credential(&identity), Ok(credential));
        let foreign = CustomCredential::new(CredentialType::new(0xF001), credential.encode());
        identity.credential = Credential::Custom(foreign);
        assert_eq!(leaf_credential(&identity), Err(Refusal::CredentialMalformed));
    }
}

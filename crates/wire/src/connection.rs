//! The first frames of a connection, and those that keep it.

use hushwire_types::Timestamp;

use crate::field::{self, Fault, Invalid, Message, empty, invalid, require};
use crate::{limits, proto};

/// The version of this protocol.
pub const VERSION: u32 = 2;

/// The first frame of a connection; answered by [`Welcomed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The lowest version that the client speaks.
    pub min_version: u32,
    /// The highest version that the client speaks, at least `min_version`.
    pub max_version: u32,
    /// Optional features that the client knows, by name.
    pub features: Vec<String>,
    /// Random bytes that the server signs (rule R6).
    pub nonce: [u8; 32],
}

impl Message for Hello {
    type Proto = proto::Hello;

    fn from_proto(proto: proto::Hello) -> Result<Self, Invalid> {
        field::positive("min_version", proto.min_version.into())?;
        require(proto.min_version <= proto.max_version, "max_version", Fault::Value)?;
        Ok(Self {
            min_version: proto.min_version,
            max_version: proto.max_version,
            features: features(proto.features)?,
            nonce: field::id("nonce", &proto.nonce)?,
        })
    }

    fn to_proto(&self) -> proto::Hello {
        proto::Hello {
            min_version: self.min_version,
            max_version: self.max_version,
            features: self.features.clone(),
            nonce: field::bytes(self.nonce),
        }
    }
}

/// What the server's signature and Login are bound to (rule R6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelBinding {
    /// TLS exporter, label `EXPORTER-hushwire-v2`, no context, 32 bytes.
    Exporter,
    /// RFC 5929 tls-server-end-point: SHA-256 of the certificate that the client saw.
    EndPoint,
    /// Nothing: plain `ws://` on loopback.
    None,
}

/// The server proves itself before it learns who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcomed {
    /// The version that both will speak.
    pub version: u32,
    /// Optional features that the server knows, by name.
    pub features: Vec<String>,
    /// Ed25519 public key of the server's identity.
    pub server_key: [u8; 32],
    /// Random bytes that [`Login`](crate::Login) signs.
    pub nonce: [u8; 32],
    /// What `signature` and Login are bound to.
    pub binding: ChannelBinding,
    /// Ed25519, by `server_key` over the label, the channel binding and the client's nonce.
    pub signature: [u8; 64],
    /// The server's clock, so that a client can say that its own is wrong.
    pub server_time: Timestamp,
}

impl Message for Welcomed {
    type Proto = proto::Welcomed;

    fn from_proto(proto: proto::Welcomed) -> Result<Self, Invalid> {
        field::positive("version", proto.version.into())?;
        Ok(Self {
            version: proto.version,
            binding: binding(proto.binding)?,
            server_key: field::id("server_key", &proto.server_key)?,
            nonce: field::id("nonce", &proto.nonce)?,
            signature: field::id("signature", &proto.signature)?,
            server_time: Timestamp::from_ms(proto.server_time),
            features: features(proto.features)?,
        })
    }

    fn to_proto(&self) -> proto::Welcomed {
        let binding = match self.binding {
            ChannelBinding::Exporter => proto::ChannelBinding::Exporter,
            ChannelBinding::EndPoint => proto::ChannelBinding::EndPoint,
            ChannelBinding::None => proto::ChannelBinding::None,
        };
        proto::Welcomed {
            version: self.version,
            features: self.features.clone(),
            server_key: field::bytes(self.server_key),
            nonce: field::bytes(self.nonce),
            binding: binding.into(),
            signature: field::bytes(self.signature),
            server_time: self.server_time.as_ms(),
        }
    }
}

/// An unknown binding is refused: a client could not check what it is told.
fn binding(code: i32) -> Result<ChannelBinding, Invalid> {
    match proto::ChannelBinding::try_from(code) {
        Ok(proto::ChannelBinding::Exporter) => Ok(ChannelBinding::Exporter),
        Ok(proto::ChannelBinding::EndPoint) => Ok(ChannelBinding::EndPoint),
        Ok(proto::ChannelBinding::None) => Ok(ChannelBinding::None),
        Ok(proto::ChannelBinding::Unspecified) => Err(invalid("binding", Fault::Missing)),
        Err(_) => Err(invalid("binding", Fault::Value)),
    }
}

fn features(features: Vec<String>) -> Result<Vec<String>, Invalid> {
    require(features.len() <= limits::FEATURES, "features", Fault::TooLarge)?;
    for name in &features {
        require(!name.is_empty(), "features", Fault::Missing)?;
        require(name.len() <= limits::FEATURE_BYTES, "features", Fault::TooLarge)?;
        require(name.bytes().all(|byte| byte.is_ascii_graphic()), "features", Fault::Value)?;
    }
    Ok(features)
}

empty! {
    /// Asks for a sign of life; answered by [`Pong`].
    Ping,
    /// The answer to [`Ping`].
    Pong,
    /// A newer connection of the same device took over; this one is closed after the frame.
    Fenced,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_could_not_check_is_no_binding() {
        assert_eq!([1, 2, 3].map(|code| binding(code).is_ok()), [true; 3]);
        assert_eq!(binding(0), Err(invalid("binding", Fault::Missing)));
        assert_eq!(binding(4), Err(invalid("binding", Fault::Value)));
    }
}

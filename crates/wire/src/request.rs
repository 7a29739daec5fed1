//! All requests.

use crate::field::{Invalid, Message};
use crate::proto::client_frame::Request as Proto;
use crate::{
    AnswerHandleClaim, AppendListEntry, CreateConversation, FetchGroup, FindLink, Hello, Login, LookUp,
    MessageReceived, OpenLink, Otp, Ping, PutKeyPackages, RecipientKeys, Recover, RecoverDevice, Register,
    Report, SendCommit, SendEphemeral, SendLink, SendMessage, SendPublicKeys, SendUploaded, SenderKeys,
};

macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident = $code:literal as $field:ident,)*) => {
        /// What a client asks.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Request {
            $($(#[$doc])* $name($name),)*
        }

        impl Request {
            /// The operation code, which is the field number in the frame.
            #[must_use]
            pub const fn code(&self) -> u32 {
                match self {
                    $(Self::$name(_) => $code,)*
                }
            }

            /// The name of the message in the schema, for logs and metrics.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                }
            }

            pub(crate) fn from_proto(proto: Proto) -> Result<Self, Invalid> {
                Ok(match proto {
                    $(Proto::$field(proto) => Self::$name(Message::from_proto(proto)?),)*
                })
            }

            pub(crate) fn to_proto(&self) -> Proto {
                match self {
                    $(Self::$name(message) => Proto::$field(message.to_proto()),)*
                }
            }
        }

        $(impl From<$name> for Request {
            fn from(message: $name) -> Self {
                Self::$name(message)
            }
        })*
    };
}

requests! {
    /// Start a registration.
    Register = 825 as Register,
    /// End a registration.
    SendPublicKeys = 826 as SendPublicKeys,
    /// Log a device in.
    Login = 827 as Login,
    /// Claim KeyPackages.
    RecipientKeys = 828 as RecipientKeys,
    /// Send an application message.
    SendMessage = 829 as Message,
    /// Acknowledge deliveries.
    MessageReceived = 830 as MessageReceived,
    /// Give the OTP of a registration.
    Otp = 831 as Otp,
    /// Fetch a device list.
    SenderKeys = 832 as SenderKeys,
    /// Open the connection.
    Hello = 833 as Hello,
    /// Send a Commit.
    SendCommit = 834 as SendCommit,
    /// Create a conversation.
    CreateConversation = 835 as CreateConversation,
    /// Fetch GroupInfo and tree.
    FetchGroup = 836 as FetchGroup,
    /// Look a handle up.
    LookUp = 837 as LookUp,
    /// Refill the KeyPackage pool.
    PutKeyPackages = 838 as PutKeyPackages,
    /// Append to the own device list.
    AppendListEntry = 839 as AppendListEntry,
    /// Send an ephemeral message.
    SendEphemeral = 840 as SendEphemeral,
    /// Ask for a sign of life.
    Ping = 841 as Ping,
    /// Decide about a claim to a handle.
    AnswerHandleClaim = 842 as AnswerHandleClaim,
    /// Send a Commit or create a conversation by what was uploaded.
    SendUploaded = 843 as SendUploaded,
    /// Ask to be found, as a new device.
    OpenLink = 844 as OpenLink,
    /// Find a new device.
    FindLink = 845 as FindLink,
    /// Send bytes to the other end of a link.
    SendLink = 846 as SendLink,
    /// Be shown the own list, by the recovery key.
    Recover = 847 as Recover,
    /// Add a device to the own list, by the recovery key.
    RecoverDevice = 848 as RecoverDevice,
    /// Tell the operator of an account.
    Report = 849 as Report,
}

impl Request {
    /// Holds that what may be large is of a size that may stand in a frame.
    pub(crate) fn check_inline(&self) -> Result<(), Invalid> {
        match self {
            Self::SendCommit(commit) => commit.check_inline(),
            Self::CreateConversation(create) => create.check_inline(),
            _ => Ok(()),
        }
    }
}

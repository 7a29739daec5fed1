//! Counters, each its own type so that a sequence number is never compared with an epoch.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u64);

        impl $name {
            /// The one after this. Saturates, which 2^64 steps never reach.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// An MLS epoch (RFC 9420, section 2).
    Epoch
);
number!(
    /// Which group stands under a conversation; the first is 1.
    Generation
);
number!(
    /// Position of an entry in a mailbox, consecutive from 1.
    Seq
);
number!(
    /// Number of a send by one mailbox, consecutive from 1.
    SendSeq
);
number!(
    /// Position of an accepted message in a conversation, given by the server.
    Order
);
number!(
    /// Number of an entry in a device list; the genesis is 0.
    ListNumber
);

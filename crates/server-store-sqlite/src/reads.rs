//! Questions, each answered from one snapshot; the writer asks some of them too.

pub(crate) mod accounts;
pub(crate) mod claims;
pub(crate) mod classic;
pub(crate) mod conversations;
pub(crate) mod mailboxes;
pub(crate) mod registration;
pub(crate) mod reports;
pub(crate) mod upkeep;

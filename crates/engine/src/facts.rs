//! What the engine keeps under a name of its own, beside the tables: small, seldom written, read as a whole.
//!
//! Invariant: a fact that cannot be read, as of a newer version, is as if it were not there.

use hushwire_client_store::{StoreError, View, setting};
use serde::{Deserialize, Serialize};

use crate::StepError;
use crate::step::Step;
use crate::stop::Stop;

/// A fact; none where it is not there.
pub(crate) fn fact<T: for<'de> Deserialize<'de>>(
    view: &View<'_>,
    name: &str,
) -> Result<Option<T>, StoreError> {
    Ok(setting::find(view, name)?.and_then(|value| serde_json::from_slice(&value).ok()))
}

impl Step<'_, '_> {
    /// Writes a fact over the one of before.
    pub(crate) fn keep(&self, name: &str, value: &impl Serialize) -> Result<(), Stop> {
        let value = serde_json::to_vec(value).map_err(|_| StepError::Bug("a fact cannot be encoded"))?;
        Ok(setting::put(self.tx, name, &value)?)
    }
}

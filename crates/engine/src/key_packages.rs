//! This device's KeyPackages: a pool of 20 on the server and one of last resort.
//!
//! Invariants:
//! - Private keys are stored before the server gets the public half.
//! - An upload whose answer was lost is never repeated: the server's count at the next login tells what it has.

use hushwire_client_store::key_package::{self, KeyPackage, KeyPackageKind, Upload};
use hushwire_client_store::mls_row::{self, MlsKey, MlsKind};
use hushwire_client_store::{Tx, setting};
use hushwire_mls::{Device, KeyPackageKind as Kind, MlsError, RowChange};
use hushwire_types::Timestamp;
use hushwire_wire as wire;
use hushwire_wire::Opaque;

use crate::session::Pool;
use crate::step::Step;
use crate::stop::{Stop, own_fault};
use crate::{Alert, RegisterError, Tag, rows, schedule};

/// The setting that says that the server's KeyPackages are of no use any more.
const REPLACE: &str = "replace KeyPackages";

/// The KeyPackages of a registration: a full pool and the last resort.
pub(crate) fn first(
    tx: &Tx<'_>,
    device: &mut Device,
    now: Timestamp,
) -> Result<(Vec<Vec<u8>>, Vec<u8>), RegisterError> {
    let bug = |_: MlsError| RegisterError::Bug("a KeyPackage cannot be made");
    let mut pool = Vec::new();
    for _ in 0..schedule::KEY_PACKAGE_POOL {
        pool.push(make(tx, device, Kind::Pooled, now).map_err(bug)??);
    }
    let last = make(tx, device, Kind::LastResort, now).map_err(bug)??;
    for change in device.drain().map_err(bug)? {
        if let RowChange::Put(key, value) = change {
            let row =
                rows::to_store(&key, value).map_err(|_| RegisterError::Bug("an unknown kind of MLS row"))?;
            mls_row::put(tx, &row)?;
        }
    }
    Ok((pool, last))
}

/// Makes a KeyPackage and notes it; its private keys are staged in `device`.
fn make(
    tx: &Tx<'_>,
    device: &mut Device,
    kind: Kind,
    now: Timestamp,
) -> Result<Result<Vec<u8>, hushwire_client_store::StoreError>, MlsError> {
    let made = device.key_package(kind, now)?;
    let row = KeyPackage {
        reference: made.reference,
        kind: match kind {
            Kind::Pooled => KeyPackageKind::Pooled,
            Kind::LastResort => KeyPackageKind::LastResort,
        },
        upload: Upload::Owed,
        bytes: Vec::new(),
        created_at: now,
        retired_at: None,
    };
    Ok(key_package::insert(tx, &row).map(|()| made.bytes))
}

impl Step<'_, '_> {
    /// Fills the server's pool where it runs low, and renews the last resort.
    pub(crate) fn owe_key_packages(&mut self) -> Result<(), Stop> {
        let now = self.now;
        let Some(connection) = self.connection() else { return Ok(()) };
        let free = connection.is_free(&Tag::KeyPackages, now);
        let Some(pool) = connection.pool.filter(|_| free) else { return Ok(()) };
        let replace = setting::find(self.tx, REPLACE)?.is_some();
        let left = if replace { 0 } else { pool.left };
        let refill = left < schedule::KEY_PACKAGE_REFILL;
        let renew = replace || pool.last_resort_used || self.last_resort_is_old()?;
        if !refill && !renew {
            return Ok(());
        }
        let mut key_packages = Vec::new();
        if refill {
            let left = usize::try_from(left).unwrap_or(usize::MAX);
            for _ in left..schedule::KEY_PACKAGE_POOL {
                key_packages.push(Opaque::from(self.make_key_package(Kind::Pooled)?));
            }
        }
        let last_resort_key_package = match renew {
            true => Some(Opaque::from(self.renew_last_resort()?)),
            false => None,
        };
        self.request(
            Tag::KeyPackages,
            wire::PutKeyPackages { key_packages, last_resort_key_package, replace },
        );
        Ok(())
    }

    fn make_key_package(&mut self, kind: Kind) -> Result<Vec<u8>, Stop> {
        Ok(make(self.tx, self.device, kind, self.shared_now()).map_err(|error| own_fault(&error))??)
    }

    fn renew_last_resort(&mut self) -> Result<Vec<u8>, Stop> {
        for old in key_package::all(self.tx)? {
            if old.kind == KeyPackageKind::LastResort && old.retired_at.is_none() {
                key_package::retire(self.tx, &old.reference, self.shared_now())?;
            }
        }
        self.make_key_package(Kind::LastResort)
    }

    fn last_resort_is_old(&self) -> Result<bool, Stop> {
        let current = key_package::all(self.tx)?
            .into_iter()
            .rfind(|package| package.kind == KeyPackageKind::LastResort && package.retired_at.is_none());
        Ok(current
            .is_none_or(|package| self.shared_now().since(package.created_at) >= schedule::LAST_RESORT_AGE))
    }

    /// The server's answer to [`Tag::KeyPackages`].
    pub(crate) fn key_packages_answer(
        &mut self,
        result: Result<&wire::KeyPackagesStored, &wire::Error>,
    ) -> Result<(), Stop> {
        match result {
            Ok(stored) => {
                for package in key_package::owed(self.tx)? {
                    key_package::set_upload(self.tx, &package.reference, Upload::Done)?;
                }
                if setting::find(self.tx, REPLACE)?.is_some() {
                    setting::delete(self.tx, REPLACE)?;
                }
                if let Some(connection) = self.connection() {
                    connection.pool = Some(Pool { left: stored.key_packages_left, last_resort_used: false });
                }
                Ok(())
            }
            Err(error) => self.put_off(Tag::KeyPackages, error),
        }
    }

    /// What the server has, by its answer to the login.
    pub(crate) fn count_key_packages(&mut self, left: u32, last_resort_used: bool) -> Result<(), Stop> {
        if let Some(connection) = self.connection() {
            connection.pool = Some(Pool { left, last_resort_used });
        }
        if last_resort_used && left >= schedule::KEY_PACKAGE_REFILL {
            self.alert(Alert::LastResortUsed, None)?;
        }
        Ok(())
    }

    /// What the server has is of no use: it is replaced as soon as possible.
    pub(crate) fn replace_key_packages(&mut self) -> Result<(), Stop> {
        Ok(setting::put(self.tx, REPLACE, &[1])?)
    }

    /// A KeyPackage was used by a Welcome. The server may have one less than was thought, or gave the last resort out.
    pub(crate) fn used_key_package(&mut self, reference: &[u8]) -> Result<(), Stop> {
        let Some(package) = key_package::find(self.tx, reference)? else { return Ok(()) };
        let last_resort = package.kind == KeyPackageKind::LastResort;
        if !last_resort {
            key_package::delete(self.tx, reference)?;
        }
        if let Some(pool) = self.connection().and_then(|connection| connection.pool.as_mut()) {
            if last_resort {
                pool.last_resort_used = true;
            } else {
                pool.left = pool.left.saturating_sub(1);
            }
        }
        Ok(())
    }

    /// Private keys that no Welcome under way can need any more go.
    pub(crate) fn sweep_key_packages(&mut self) -> Result<(), Stop> {
        for package in key_package::all(self.tx)? {
            let current = package.kind == KeyPackageKind::LastResort && package.retired_at.is_none();
            let since = package.retired_at.unwrap_or(package.created_at);
            if current || self.shared_now().since(since) < schedule::KEY_PACKAGE_KEPT {
                continue;
            }
            key_package::delete(self.tx, &package.reference)?;
            mls_row::delete(
                self.tx,
                &MlsKey { kind: MlsKind::KeyPackage, group: None, key: package.reference },
            )?;
        }
        Ok(())
    }
}

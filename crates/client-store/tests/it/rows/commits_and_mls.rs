use hushwire_client_store::StoreError;
use hushwire_client_store::key_package::{self, KeyPackage, KeyPackageKind, Upload};
use hushwire_client_store::mls_row::{self, MlsKey, MlsKind, MlsRow};
use hushwire_client_store::pending_commit::{self, PendingCommit};
use hushwire_types::{Epoch, SecretBytes, SendSeq};

use crate::support::{Profile, at, group};

fn row(kind: MlsKind, of: Option<u8>, key: &[u8], mark: u8) -> MlsRow {
    MlsRow {
        key: MlsKey { kind, group: of.map(group), key: key.to_vec() },
        format: 1,
        bytes: SecretBytes::new(vec![mark; 5000]),
    }
}

#[test]
fn mls_rows_are_put_over_those_of_the_same_key() {
    let mut profile = Profile::new();
    let first = row(MlsKind::Group, Some(1), b"", 1);
    let second = MlsRow { format: 2, ..row(MlsKind::Group, Some(1), b"", 2) };
    profile.write(|tx| mls_row::put(tx, &first));
    profile.write(|tx| mls_row::put(tx, &second));
    assert_eq!(profile.read(|view| mls_row::find(view, &first.key)), Some(second));
}

#[test]
fn the_rows_of_a_group_come_together_with_epochs_in_order() {
    let epoch = |n: u64| row(MlsKind::Epoch, Some(1), &n.to_be_bytes(), 3);
    let rows = [
        row(MlsKind::Group, Some(1), b"", 1),
        row(MlsKind::Tree, Some(1), b"", 2),
        epoch(9),
        epoch(10),
        epoch(300),
    ];
    let mut profile = Profile::new();
    profile.write(|tx| {
        for row in rows.iter().rev() {
            mls_row::put(tx, row)?;
        }
        mls_row::put(tx, &row(MlsKind::Group, Some(2), b"", 1))?;
        mls_row::put(tx, &row(MlsKind::KeyPackage, None, b"ref", 4))
    });
    assert_eq!(profile.read(|view| mls_row::of_group(view, &group(1))), rows);
    profile.write(|tx| mls_row::delete(tx, &rows[2].key));
    assert_eq!(profile.read(|view| mls_row::of_group(view, &group(1))).len(), 4);
    profile.write(|tx| mls_row::delete_group(tx, &group(1)));
    assert_eq!(profile.read(|view| mls_row::of_group(view, &group(1))), []);
    assert_eq!(profile.read(|view| mls_row::of_kind(view, MlsKind::Group)).len(), 1);
    assert_eq!(
        profile.read(|view| mls_row::of_kind(view, MlsKind::KeyPackage)),
        [row(MlsKind::KeyPackage, None, b"ref", 4)]
    );
}

#[test]
fn a_group_has_one_pending_commit() {
    let pending = |mark: u8| PendingCommit {
        group: group(1),
        send_seq: SendSeq(4),
        epoch: Epoch(5),
        hash: vec![mark; 48],
        secrets: SecretBytes::new(vec![mark; 2000]),
        intent: vec![mark],
        made_at: at(6),
    };
    let mut profile = Profile::new();
    profile.write(|tx| pending_commit::insert(tx, &pending(1)));
    let second = profile.database.step(|tx| pending_commit::insert(tx, &pending(2)));
    assert!(matches!(second, Err(StoreError::Conflict(_))));
    assert_eq!(profile.read(|view| pending_commit::find(view, &group(1))), Some(pending(1)));
    assert_eq!(profile.read(pending_commit::all), [pending(1)]);
    profile.write(|tx| pending_commit::delete(tx, &group(1)));
    assert_eq!(profile.read(pending_commit::all), []);
}

#[test]
fn key_packages_are_owed_until_the_server_has_them() {
    let package = |n: u8, kind| KeyPackage {
        reference: vec![n; 48],
        kind,
        upload: Upload::Owed,
        bytes: vec![n; 300],
        created_at: at(n.into()),
        retired_at: None,
    };
    let pooled = package(2, KeyPackageKind::Pooled);
    let last = package(1, KeyPackageKind::LastResort);
    let mut profile = Profile::new();
    profile.write(|tx| {
        key_package::insert(tx, &pooled)?;
        key_package::insert(tx, &last)
    });
    assert_eq!(profile.read(key_package::owed), [last.clone(), pooled.clone()]);
    profile.write(|tx| key_package::set_upload(tx, &pooled.reference, Upload::Done));
    profile.write(|tx| key_package::retire(tx, &last.reference, at(9)));
    let retired = KeyPackage { retired_at: Some(at(9)), ..last };
    assert_eq!(profile.read(key_package::owed), std::slice::from_ref(&retired));
    assert_eq!(profile.read(|view| key_package::find(view, &retired.reference)), Some(retired.clone()));
    profile.write(|tx| key_package::delete(tx, &pooled.reference));
    assert_eq!(profile.read(key_package::all), [retired]);
    let absent = profile.database.step(|tx| key_package::set_upload(tx, b"x", Upload::Done));
    assert!(matches!(absent, Err(StoreError::Absent(_))));
}

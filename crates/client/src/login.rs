//! From an address to a logged-in connection.

use hushwire_engine::RegisterError;
use hushwire_types::Entropy;
use hushwire_wire::{self as wire, ErrorCode, LoginFailure, Request, Response};
use tokio::time::timeout;

use crate::connect::{self, ConnectError, Connection, Lost, STAGE_DEADLINE, ServerAddress};
use crate::link::{Trouble, TroubleKind};
use crate::worker::Worker;

pub(crate) use hushwire_wire::LoggedIn;

/// Connects, proves both sides to each other, and logs this device in. A profile whose registration was cut off is
/// registered when that works.
pub(crate) async fn log_in(
    address: &ServerAddress,
    worker: &Worker,
    entropy: &dyn Entropy,
) -> Result<(Connection, LoggedIn), Trouble> {
    let mut connection = connect::connect(address, entropy).await.map_err(|error| unconnected(&error))?;
    let greeting = connection.greeting().clone();
    let login = worker
        .with(move |engine, db| {
            engine.login(db, &greeting.welcomed, &greeting.binding, &greeting.client_nonce)
        })
        .await
        .map_err(|gone| Trouble::new(TroubleKind::Storage, gone))?
        .map_err(|error| unsigned(&error))?;
    let lost = |lost: Lost| Trouble::new(TroubleKind::Network, lost);
    connection.send(&Request::Login(login)).await.map_err(lost)?;
    let answer = timeout(STAGE_DEADLINE, connection.receive()).await;
    let answer =
        answer.map_err(|_| Trouble::new(TroubleKind::Network, "the server did not answer the login"))?;
    match answer.map_err(lost)?.response {
        Response::LoggedIn(logged_in) => {
            let confirmed = worker.with(|engine, db| engine.keys_set(db)).await;
            let confirmed = confirmed.map_err(|gone| Trouble::new(TroubleKind::Storage, gone))?;
            confirmed.map_err(|error| unsigned(&error))?;
            Ok((connection, logged_in))
        }
        Response::LoginFailed(failed) => Err(refused(&failed)),
        Response::Error(error) => Err(turned_away(&error)),
        _ => Err(Trouble::new(TroubleKind::Network, "the server did not answer the login")),
    }
}

fn unconnected(error: &ConnectError) -> Trouble {
    let kind = match error {
        ConnectError::Untrusted { .. } | ConnectError::ClearText { .. } => TroubleKind::Untrusted,
        ConnectError::Version { .. } => TroubleKind::Refused,
        _ => TroubleKind::Network,
    };
    Trouble::new(kind, error)
}

fn unsigned(error: &RegisterError) -> Trouble {
    let kind = match error {
        RegisterError::WrongServer => TroubleKind::Untrusted,
        _ => TroubleKind::Storage,
    };
    Trouble::new(kind, error)
}

fn refused(failed: &wire::LoginFailed) -> Trouble {
    let kind =
        if failed.failure == LoginFailure::Revoked { TroubleKind::PutOut } else { TroubleKind::Refused };
    let text = match failed.failure {
        LoginFailure::Suspended => "this account is suspended on its server: ask whoever runs it",
        LoginFailure::Revoked => {
            "this device was removed from its account: it can read what it has, but not log in"
        }
        _ => "the server does not know this account or this device",
    };
    Trouble::new(kind, text)
}

/// The server's own reason to end a connection.
pub(crate) fn turned_away(error: &wire::Error) -> Trouble {
    let kind = match error.code {
        ErrorCode::RateLimited => TroubleKind::RateLimit,
        ErrorCode::AccountSuspended => TroubleKind::Refused,
        _ => TroubleKind::Network,
    };
    Trouble::new(kind, format!("the server says: {}", hushwire_content::display::line(&error.text)))
}

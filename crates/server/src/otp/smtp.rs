//! An e-mail through the operator's mail server.

use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use zeroize::Zeroizing;

use super::{DEADLINE, Message, OtpError};
use crate::config::{Driver, SmtpSecurity};

fn failed(reason: impl std::fmt::Display) -> OtpError {
    OtpError::failed("smtp", reason)
}

pub(super) async fn send(driver: &Driver, message: &Message) -> Result<(), OtpError> {
    let Driver::Smtp { host, port, security, from, username, password_file } = driver else {
        return Err(OtpError::NoDriver);
    };
    let mail = compose(from, message)?;
    let builder = match security {
        SmtpSecurity::Tls => AsyncSmtpTransport::<Tokio1Executor>::relay(host).map_err(failed)?,
        SmtpSecurity::Starttls => {
            AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host).map_err(failed)?
        }
        SmtpSecurity::None => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host),
    };
    let mut builder = builder.port(*port).timeout(Some(DEADLINE));
    if let (Some(username), Some(path)) = (username, password_file) {
        let password = tokio::fs::read_to_string(path).await.map(Zeroizing::new);
        let password = password.map_err(|error| failed(format!("{}: {error}", path.display())))?;
        builder = builder.credentials(Credentials::new(username.clone(), password.trim_end().to_owned()));
    }
    builder.build().send(mail).await.map(|_| ()).map_err(failed)
}

fn compose(from: &str, message: &Message) -> Result<lettre::Message, OtpError> {
    lettre::Message::builder()
        .from(from.parse().map_err(failed)?)
        .to(message.to.as_str().parse().map_err(|_| failed("the recipient's address is not one"))?)
        .subject("Your Hushwire code")
        .header(ContentType::TEXT_PLAIN)
        .body(format!("{}\r\n", *message.sentence()))
        .map_err(failed)
}

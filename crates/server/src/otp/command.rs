//! A program of the operator's that takes a JSON object on its standard input.
//!
//! Success is exit status 0. What the program prints is thrown away: it may repeat the code.

use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::{Message, OtpError};

pub(super) async fn run(command: &[String], message: &Message) -> Result<(), OtpError> {
    let failed = |reason: String| OtpError::failed("command", reason);
    let (program, arguments) =
        command.split_first().ok_or_else(|| failed("no program is named".to_owned()))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("{program}: {error}")))?;
    if let Some(mut input) = child.stdin.take() {
        // A program that does not read its input is judged by its exit status alone.
        let _ = input.write_all(&message.to_json()).await;
    }
    let status = child.wait().await.map_err(|error| failed(error.to_string()))?;
    if status.success() { Ok(()) } else { Err(failed(format!("{program} ended with {status}"))) }
}

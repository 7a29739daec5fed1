//! `hush rpc`: the JSON-RPC interface from the command line.

use std::io::Read;

use hushwire_rpc::schema;
use serde_json::Value;

use crate::args::RpcCommand;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;

/// As much as a daemon takes.
const STDIN_BYTES: u64 = 1 << 20;

/// Prints all methods. Needs no profile.
pub(crate) fn schema(context: &Context) -> Exit {
    let document = schema::document();
    let _ = context.say.data(&document, || format!("{document:#}"));
    Exit::Ok
}

pub(crate) async fn run(context: &Context, command: RpcCommand) -> Outcome {
    let RpcCommand::Call { method, params } = command else { return Ok(schema(context)) };
    let text = if params == "-" { from_stdin()? } else { params };
    let params: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("the parameters are no JSON object: {error}")))?;
    context
        .with_profile(async |profile| {
            let answer = profile.call_by_name(&method, params).await?;
            let _ = context.say.data(&answer, || format!("{answer:#}"));
            Ok(Exit::Ok)
        })
        .await
}

fn from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin().take(STDIN_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use hushwire_rpc::METHODS;

    use crate::args::Cli;

    /// Commands without a method: they make profiles, are made of other methods, or serve and describe methods. Those of the
    /// original's protocol have no profile.
    const WITHOUT: [&str; 10] = [
        "join",
        "link",
        "recover",
        "receive",
        "chat",
        "completions",
        "manual",
        "daemon",
        "rpc.schema",
        "rpc.call",
    ];

    fn leaves(command: &clap::Command, before: &str, found: &mut Vec<String>) {
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let name = format!("{before}{}", sub.get_name());
            if sub.has_subcommands() {
                leaves(sub, &format!("{name}."), found);
            } else {
                found.push(name);
            }
        }
    }

    #[test]
    fn every_command_is_a_method() {
        let mut commands = Vec::new();
        leaves(&Cli::command(), "", &mut commands);
        assert!(commands.len() > 30, "{commands:?}");
        let is_method = |name: &str| METHODS.iter().any(|method| method.name == name);
        let has_none = |name: &str| WITHOUT.contains(&name) || name.starts_with("classic.");
        let missing: Vec<&String> =
            commands.iter().filter(|name| !is_method(name) && !has_none(name)).collect();
        assert!(missing.is_empty(), "no method does what these commands do: {missing:?}");
    }
}

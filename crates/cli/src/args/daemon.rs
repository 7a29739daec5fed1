//! The words of `hush daemon` and `hush rpc`.

use std::net::SocketAddr;

use clap::{Args, Subcommand};

/// Keep the profile open for scripts, bots and other commands.
#[derive(Debug, Args)]
pub struct Daemon {
    /// Also serve HTTP and WebSocket at this loopback address; at a port that is free, where none is given. The bearer token is in
    /// rpc.token in the profile's folder.
    #[arg(long, value_name = "ADDRESS:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:0")]
    pub http: Option<SocketAddr>,
    /// Also serve standard input and output, one JSON text a line; end when the input ends.
    #[arg(long)]
    pub stdio: bool,
    /// Show the daemon that runs.
    #[arg(long, conflicts_with_all = ["http", "stdio"])]
    pub status: bool,
    /// End the daemon that runs, and wait for its end.
    #[arg(long, conflicts_with_all = ["http", "stdio", "status"])]
    pub stop: bool,
}

/// What can be done with the JSON-RPC interface.
#[derive(Debug, Subcommand)]
pub enum RpcCommand {
    /// Print all methods as an OpenRPC document with JSON Schema.
    Schema,
    /// Call a method and print what it answers.
    Call {
        /// Its name.
        method: String,
        /// Its parameters as a JSON object; - reads them from standard input.
        #[arg(default_value = "{}")]
        params: String,
    },
}

//! What can be said to send, to receive and to read.

use clap::Args;

/// Send a text.
#[derive(Debug, Args)]
pub struct Send {
    /// To whom: @name, a phone number, an e-mail address or an account id. The last word is the text, unless --stdin is given.
    #[arg(value_name = "RECIPIENT")]
    pub words: Vec<String>,
    /// Send to this group, by name or id; may be given several times.
    #[arg(long, short, value_name = "GROUP")]
    pub group: Vec<String>,
    /// Read the text from standard input.
    #[arg(long)]
    pub stdin: bool,
    /// Sending twice with the same key sends once.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
}

/// Print what arrives.
#[derive(Debug, Args)]
pub struct Receive {
    /// Stay and print what comes.
    #[arg(long, short)]
    pub follow: bool,
    /// Name of the cursor: each reader sees everything once, at its own pace.
    #[arg(long, default_value = "receive", value_name = "NAME")]
    pub cursor: String,
    /// Print everything after this seq again, and leave the cursor alone.
    #[arg(long, value_name = "SEQ")]
    pub after: Option<u64>,
}

/// A plain conversation, line by line.
#[derive(Debug, Args)]
pub struct Chat {
    /// With whom.
    #[arg(required_unless_present = "group", conflicts_with = "group")]
    pub with: Option<String>,
    /// In this group, by name or id.
    #[arg(long, short, value_name = "GROUP")]
    pub group: Option<String>,
}

/// Show the messages of a conversation.
#[derive(Debug, Args)]
pub struct History {
    /// With whom.
    #[arg(required_unless_present = "group", conflicts_with = "group")]
    pub with: Option<String>,
    /// Of this group, by name or id.
    #[arg(long, short, value_name = "GROUP")]
    pub group: Option<String>,
    /// How many, the latest.
    #[arg(long, short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// Only what is older than this cursor, which an earlier page printed.
    #[arg(long, value_name = "CURSOR")]
    pub before: Option<String>,
}

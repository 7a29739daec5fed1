//! `hush export`: one conversation to a file, without waiting for the server.

use std::io::{self, BufWriter, Stdout, Write};
use std::path::Path;

use hushwire_client::{Draft, World};
use hushwire_rpc::{Profile, Time, method};
use serde_json::json;

use crate::args::Export as Words;
use crate::exit::Exit;
use crate::export::{About, Export};
use crate::failure::Outcome;
use crate::run::Context;

pub(crate) async fn run(context: &Context, words: Words) -> Outcome {
    context.with_profile(async |profile| export(context, profile, words).await).await
}

async fn export(context: &Context, profile: &Profile, words: Words) -> Outcome {
    let (with, group) = (words.place.with, words.place.group);
    let mut asked = method::Export { with, group, conversation: None, after: None, limit: None };
    let mut page = profile.call(asked.clone()).await?;
    let world = World::default();
    let about = About {
        name: page.with.name().to_owned(),
        conversation: json!({ "id": page.conversation, "with": page.with }),
        at: Time(world.clock.now()),
    };
    let out = if words.file == Path::new("-") {
        Out::Stdout(BufWriter::new(io::stdout()))
    } else {
        Out::File(Box::new(Draft::create(&words.file, &*world.entropy)?))
    };
    let _waiting = context.say.waiting("Writing…");
    let mut export = Export::begin(out, words.format, &about)?;
    let mut left_out = 0;
    loop {
        page.messages.iter().try_for_each(|row| export.row(row))?;
        left_out += page.left_out;
        if page.after.is_none() {
            break;
        }
        asked.after = page.after;
        page = profile.call(asked.clone()).await?;
    }
    let (out, rows) = export.end()?;
    if let Out::File(draft) = out {
        draft.finish()?;
        let done = json!({ "file": words.file, "messages": rows, "left_out": left_out });
        let shown = || format!("{rows} messages written to {}", words.file.display());
        let _ = context.say.data(&done, shown);
        context.say.note("The file is not encrypted: whoever can read it reads the conversation.");
    }
    if left_out > 0 {
        context.say.note(&format!("{left_out} messages that disappear were left out."));
    }
    Ok(Exit::Ok)
}

/// Where an export goes.
enum Out {
    File(Box<Draft>),
    Stdout(BufWriter<Stdout>),
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stdout(out) => if_read(out.write(bytes), bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stdout(out) => if_read(out.flush(), ()),
        }
    }
}

/// A reader that goes away is no failure, as in any pipe.
fn if_read<T>(written: io::Result<T>, otherwise: T) -> io::Result<T> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(otherwise),
        other => other,
    }
}

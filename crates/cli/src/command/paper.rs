//! Completions and the manual page.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::{Cli, EXIT_CODES};
use crate::exit::Exit;
use crate::failure::Outcome;

pub(crate) fn completions(shell: Shell) -> Exit {
    clap_complete::generate(shell, &mut Cli::command(), "hush", &mut std::io::stdout());
    Exit::Ok
}

pub(crate) fn manual() -> Outcome {
    let mut out = std::io::stdout().lock();
    let mut command = Cli::command().after_help(EXIT_CODES);
    // Gives the subcommands their whole names, "hush join".
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut out)?;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let part = clap_mangen::Man::new(sub.clone());
        part.render_name_section(&mut out)?;
        part.render_synopsis_section(&mut out)?;
        part.render_options_section(&mut out)?;
    }
    Ok(Exit::Ok)
}

//! `landfall completions` and `landfall man`: what a shell and `man` know of the command line, made from it.

use super::Cli;
use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use std::io;
use std::path::PathBuf;

/// What `completions` is asked for.
#[derive(Debug, Args)]
pub struct Completions {
    /// For which shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// What `man` is asked for.
#[derive(Debug, Args)]
pub struct Manual {
    /// Write the page of each command into this folder instead of one page to standard output
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

impl Completions {
    /// The script that the shell reads.
    pub fn script(&self) -> Vec<u8> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut shown(), "landfall", &mut script);
        script
    }
}

/// The command line as far as it is for people: shells would offer hidden commands too.
fn shown() -> Command {
    let whole = Cli::command();
    let about = whole.get_about().cloned().unwrap_or_default();
    let commands = whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    Command::new("landfall")
        .about(about)
        .version(env!("CARGO_PKG_VERSION"))
        .args(whole.get_arguments().cloned())
        .subcommands(commands)
}

impl Manual {
    /// The page of the program.
    pub fn page() -> io::Result<Vec<u8>> {
        render(&Man::new(root()))
    }

    /// The pages of the program and each command, by their file names.
    pub fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut pages = Vec::new();
        collect(root(), &mut pages)?;
        Ok(pages)
    }
}

/// The command line, with the long names of its commands (`landfall-db-add`).
fn root() -> Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

fn collect(command: Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        collect(inner.clone(), pages)?;
    }
    let page = Man::new(command);
    pages.push((page.get_filename(), render(&page)?));
    Ok(())
}

fn render(page: &Man) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    page.render(&mut bytes)?;
    // What follows the help has no heading of its own; here it is one that manual pages have.
    let text = String::from_utf8_lossy(&bytes);
    let text = text.replace(".SH EXTRA\nExit status", ".SH \"EXIT STATUS\"\nExit status");
    Ok(text.replace(".SH EXTRA\nEnvironment", ".SH ENVIRONMENT\nEnvironment").into_bytes())
}

//! `landfall corpus`.

use super::{confine, resolve};
use crate::{FAILURE, say};
use landfall::cli::{
    Bar, CorpusCommand, CorpusFormat, CorpusReport, CorpusRows, CorpusRun, CorpusVerify, Inspection, Output,
};
use landfall::corpus::summary::Sheet;
use landfall::corpus::{self, Campaign, Corpus, Plan, Settings, Shard, Watch, summary};
use landfall::pipeline::Request;
use landfall::report::text::escape;
use std::error::Error;
use std::io::{self, Read, Write};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of the description of a campaign, however many files it has.
const MAX_DESCRIPTION: u64 = 64 << 20;

pub(crate) fn corpus(command: CorpusCommand) -> Result<u8, Box<dyn Error>> {
    match command {
        CorpusCommand::Run(options) => run(*options),
        CorpusCommand::List(options) => {
            let corpus = Corpus::open(&options.corpus)?.shard(options.shard);
            write(|out| corpus::list(&corpus, out))
        }
        CorpusCommand::Rows(options) => rows(*options),
        CorpusCommand::Schema => write(corpus::schema),
        CorpusCommand::Report(options) => report(&options),
        CorpusCommand::Verify(options) => verify(*options),
    }
}

fn run(options: CorpusRun) -> Result<u8, Box<dyn Error>> {
    let corpus = Corpus::open(&options.corpus)?.shard(options.shard);
    corpus.notes.iter().for_each(|note| say(note));
    let processors = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let jobs = options.jobs.unwrap_or_else(processors);
    let (out, no_sandbox) = (options.out, options.inspection.no_sandbox);
    let request = request(options.inspection);
    let settings = Settings::of(&request)?;
    corpus::prepare(&out)?;
    confine(&corpus.allowed(&options.corpus, &request, &out), no_sandbox);
    let plan = Plan { out, request, settings, jobs, is_part: options.shard != Shard::WHOLE };
    let watch = Arc::new(Watch::default());
    let bar = Bar::of_corpus(&watch);
    let result = corpus::run(&corpus, &plan, &watch);
    drop(bar);
    let tally = result?;
    for (campaign, reason) in &tally.troubles {
        say(&format!("{campaign}: {reason}"));
    }
    Output::open(None)?.write(format!("{tally}\n").as_bytes())?;
    Ok(if tally.troubles.is_empty() { 0 } else { FAILURE })
}

fn rows(options: CorpusRows) -> Result<u8, Box<dyn Error>> {
    let no_sandbox = options.inspection.no_sandbox;
    let request = request(options.inspection);
    let settings = Settings::of(&request)?;
    if options.settings {
        return write(|out| corpus::settings(&settings, out));
    }
    let mut text = String::new();
    io::stdin().lock().take(MAX_DESCRIPTION).read_to_string(&mut text)?;
    let campaign: Campaign = serde_json::from_str(&text)
        .map_err(|error| format!("standard input describes no campaign: {error}"))?;
    confine(&campaign.allowed(&request), no_sandbox);
    write(|out| corpus::rows(&campaign, &request, &settings, out))
}

/// Has `print` print, and takes it for success if nobody wants to read on.
fn write(print: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<u8, Box<dyn Error>> {
    let is_closed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    Output::open(None)?.stream(|out| print(out).and_then(|()| out.flush()), is_closed)?;
    Ok(0)
}

fn report(options: &CorpusReport) -> Result<u8, Box<dyn Error>> {
    let found = summary::read(&options.out)?;
    for note in found.notes.iter().chain(&found.damaged) {
        say(note);
    }
    for campaign in &found.twice {
        say(&format!("{campaign}: has a capture that another campaign has too: its calls are counted twice"));
    }
    let sheets = summary::sheets(&found.tally);
    let bytes = match options.format {
        CorpusFormat::Text => summary::text(&found, &sheets).into_bytes(),
        CorpusFormat::Html => summary::html(&found, &sheets)?,
        CorpusFormat::Csv => summary::csv(chosen(&sheets, options.table.as_deref())?)?,
    };
    Output::open(options.output.as_deref())?.write(&bytes)?;
    Ok(if found.notes.is_empty() { 0 } else { FAILURE })
}

/// The table of that name.
fn chosen<'a>(sheets: &'a [Sheet], name: Option<&str>) -> Result<&'a Sheet, String> {
    let names = || sheets.iter().map(|sheet| sheet.name).collect::<Vec<_>>().join(", ");
    let Some(name) = name else {
        return Err(format!("--format csv writes one table: choose --table {}", names()));
    };
    let found = sheets.iter().find(|sheet| sheet.name == name);
    found.ok_or_else(|| format!("there is no table {name:?}; there are {}", names()))
}

fn verify(options: CorpusVerify) -> Result<u8, Box<dyn Error>> {
    let corpus = options.corpus.as_deref().map(Corpus::open).transpose()?;
    let has_way = options.inspection.is_said();
    let wanted = if has_way { Some(Settings::of(&request(options.inspection))?) } else { None };
    let faults = corpus::verify(&options.out, corpus.as_ref(), wanted.as_ref())?;
    for fault in &faults.found {
        say(&fault.to_string());
    }
    let made_with = faults.made_with.iter().filter(|(_, text)| !text.is_empty());
    let made_with: String = made_with.map(|(what, text)| format!("{what}: {}\n", escape(text))).collect();
    Output::open(None)?.write(format!("{made_with}{faults}\n").as_bytes())?;
    Ok(if faults.found.is_empty() { 0 } else { FAILURE })
}

fn request(options: Inspection) -> Request {
    Request {
        policy: options.policy,
        deny: options.deny,
        allow: options.allow,
        home: options.home,
        databases: resolve(&options.location.db),
        without_default_database: options.location.no_default_db,
        ranges: resolve(&options.location.ranges),
        anycast: resolve(&options.location.anycast),
        vantage: options.from.vantage,
        all_dates: options.location.all_dates,
        with_flows: options.flows,
        services: options.services,
        idle_gap: Some(Duration::from_secs(u64::from(options.idle_gap))),
        ..Request::default()
    }
}

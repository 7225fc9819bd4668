//! The README says what the program does: its commands can be typed, and what it shows is what is printed.

use crate::program::{is_update, root, run_in};
use clap::Parser;
use landfall::cli::{Cli, Command};
use landfall::policy::Policy;

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

/// The contents of the fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let start = format!("```{language}\n");
    text.split(&start).skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect()
}

/// Words as a shell makes them of a line with quotes and a comment at its end.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut started) = (Vec::new(), String::new(), None, false);
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => (quote, started) = (Some(character), true),
            (None, '#') if !started => break,
            (None, ' ') => {
                if started {
                    words.push(std::mem::take(&mut word));
                }
                started = false;
            }
            _ => {
                word.push(character);
                started = true;
            }
        }
    }
    if started {
        words.push(word);
    }
    words
}

/// The commands of the program in a line, without what other programs do to their output.
fn commands(line: &str) -> Vec<Vec<String>> {
    let line = line.strip_prefix("$ ").unwrap_or(line);
    let parts =
        line.split(" | ").map(words).filter(|words| words.first().is_some_and(|word| word == "landfall"));
    parts
        .map(|words| {
            words.into_iter().take_while(|word| word != ">" && word != "||" && word != "&&").collect()
        })
        .collect()
}

#[test]
fn every_command_can_be_typed() {
    let text = readme();
    let lines: Vec<String> = ["sh", "console"]
        .iter()
        .flat_map(|language| blocks(&text, language))
        .flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let commands: Vec<_> = lines.iter().flat_map(|line| commands(line)).collect();
    assert!(commands.len() >= 6, "{commands:?}");
    for words in commands {
        let typed = Cli::try_parse_from(&words).unwrap_or_else(|problem| panic!("{words:?}: {problem}"));
        let Command::Inspect(options) = typed.command else { continue };
        if let Err(problem) = Policy::from_lists(&options.judging.deny, &options.judging.allow) {
            panic!("{words:?}: {problem}");
        }
        let inputs = words.iter().filter(|word| word.starts_with("sample-captures/"));
        for input in inputs {
            assert!(root().join(input).exists(), "{input}");
        }
    }
}

/// `UPDATE_GOLDEN=1` writes what is printed into the README.
#[test]
fn what_is_shown_is_what_is_printed() {
    let mut text = readme();
    let shown = blocks(&text, "console");
    assert!(!shown.is_empty());
    for block in shown {
        let line = block.lines().next().unwrap();
        let [words] = &commands(line)[..] else { panic!("one command: {line}") };
        let printed = format!("{line}\n{}", run_in(&root(), &words[1..]).text().trim_end());
        if is_update() {
            text = text.replace(&format!("```console\n{block}\n```"), &format!("```console\n{printed}\n```"));
            std::fs::write(root().join("README.md"), &text).unwrap();
        } else {
            assert_eq!(printed, block);
        }
    }
}

#[test]
fn the_exit_statuses_are_those_of_help() {
    let help = run_in(&root(), &["--help"]).text();
    let (_, table) = help.split_once("Exit status").unwrap();
    let text = readme();
    for status in table.lines().filter(|line| line.starts_with("  ")) {
        let number = status.trim().split(' ').next().unwrap();
        assert!(text.contains(&format!("| {number} |")), "status {number} is not in a table of the README");
    }
}

#[test]
fn the_library_example_is_the_one_that_is_compiled() {
    let [shown] = &blocks(&readme(), "rust")[..] else { panic!("one block of Rust") };
    let compiled = std::fs::read_to_string(root().join("examples/library.rs")).unwrap();
    let unindented = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    assert!(unindented(&compiled).contains(&unindented(shown)), "examples/library.rs has not:\n{shown}");
}

#[test]
fn it_is_short_and_starts_with_something_to_type() {
    let text = readme();
    assert!(text.lines().count() <= 180);
    assert!(text.lines().take(25).any(|line| line.contains("make demo")));
}

#[test]
fn links_lead_to_files() {
    for name in
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/policy.md", "sample-captures/README.md"]
    {
        let path = root().join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let is_file = !link.contains("://") && !link.starts_with('#');
            let target = path.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(!is_file || target.exists(), "{name}: {link}");
        }
    }
}

#[test]
fn words_are_split_as_a_shell_does() {
    assert_eq!(
        words("landfall inspect --filter 'udp port 8801' x  # comment"),
        ["landfall", "inspect", "--filter", "udp port 8801", "x"]
    );
}

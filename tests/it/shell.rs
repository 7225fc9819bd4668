//! Completions and manual pages.

use crate::program::{run, run_in};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Has `program` read `text`, and says what it complains of. `None` where there is no such program.
fn read_by(program: &[&str], text: &[u8]) -> Option<(bool, String)> {
    let mut child = Command::new(program[0])
        .args(&program[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .inspect_err(|_| eprintln!("left out: there is no {}", program[0]))
        .ok()?;
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    Some((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[test]
fn completions_are_scripts_of_their_shells() {
    for (shell, program) in
        [("bash", &["bash", "-n"][..]), ("zsh", &["zsh", "-n"]), ("fish", &["fish", "--no-execute"])]
    {
        let script = run(&["completions", shell]);
        assert_eq!(script.status, 0);
        assert!(!script.text().contains("helper"), "{shell}: what is not for people");
        if let Some((is_read, complaint)) = read_by(program, &script.stdout) {
            assert!(is_read && complaint.is_empty(), "{shell}: {complaint}");
        }
    }
    for shell in ["elvish", "powershell"] {
        assert!(run(&["completions", shell]).text().contains("landfall"), "{shell}");
    }
}

#[test]
fn bash_completes_formats_and_tables() {
    let script = run(&["completions", "bash"]).text();
    let ask = "\nCOMP_WORDS=(landfall inspect --table ''); COMP_CWORD=3; _landfall landfall '' --table; \
               [ \"${COMPREPLY[*]}\" = 'endpoints sessions findings flows' ]";
    if let Some((is_right, complaint)) = read_by(&["bash"], (script + ask).as_bytes()) {
        assert!(is_right, "{complaint}");
    }
}

/// Names of the files in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_command_has_a_manual_page_that_renders() {
    let folder = tempfile::tempdir().unwrap();
    let written = run_in(folder.path(), &["man", "--output", "pages/man1"]);
    assert_eq!((written.status, written.stdout.len()), (0, 0), "{}", written.stderr);
    let pages = folder.path().join("pages/man1");
    let names = names(&pages);
    for page in ["landfall.1", "landfall-inspect.1", "landfall-db-add.1", "landfall-man.1"] {
        assert!(names.iter().any(|name| name == page), "{page} is not among {names:?}");
    }
    assert!(run(&["man"]).stdout == std::fs::read(pages.join("landfall.1")).unwrap());
    for name in names {
        let text = std::fs::read_to_string(pages.join(&name)).unwrap();
        assert!(text.contains(".SH SYNOPSIS") && !text.contains(".SH EXTRA"), "{name}");
        for program in [&["groff", "-man", "-Tutf8"][..], &["mandoc", "-T", "utf8"]] {
            if let Some((is_read, complaint)) = read_by(program, text.as_bytes()) {
                assert!(is_read && complaint.is_empty(), "{name}: {complaint}");
            }
        }
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let refused = run_in(folder.path(), &["man", "--output", "file/pages"]);
    assert_eq!(refused.status, 2);
    assert!(refused.stderr.contains("cannot write 'file/pages'"), "{}", refused.stderr);
}

//! A stage uses earlier stages, never later ones.

use crate::program::root;
use std::path::{Path, PathBuf};

/// The stages in their order. `locate` uses none and may be used by all after it.
const ORDER: [&str; 8] = ["locate", "capture", "decode", "flow", "identify", "session", "policy", "report"];

/// Those that may use everything.
const ABOVE: [&str; 9] =
    ["pipeline", "cli", "commands", "corpus", "evidence", "live", "sandbox", "store", "view"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules that come after `crate::` in code that is not a comment.
fn used(text: &str) -> Vec<&str> {
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let starts = code.flat_map(|(_, line)| {
        let start = line.as_ptr() as usize - text.as_ptr() as usize;
        line.match_indices("crate::").map(move |(at, path)| start + at + path.len())
    });
    starts.flat_map(|start| first_names(&text[start..])).collect()
}

/// `a` of `a::b`; `a` and `d` of `{a::{b, c}, d}`.
fn first_names(path: &str) -> Vec<&str> {
    let name = |text: &'_ str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    if !path.starts_with('{') {
        return vec![&path[..name(path)]];
    }
    let mut names = Vec::new();
    let mut depth = 0;
    for (at, character) in path.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 1 && (character == ',' || at == 0) {
            let rest = path[at + 1..].trim_start();
            names.push(&rest[..name(rest)]);
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn no_stage_uses_a_later_one() {
    for (place, stage) in ORDER.iter().enumerate() {
        let mut files = Vec::new();
        sources(&root().join("src").join(stage), &mut files);
        assert!(!files.is_empty(), "{stage} has no files");
        let may: &[&str] = if *stage == "capture" { &["capture"] } else { &ORDER[..=place] };
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            for name in used(&text) {
                let is_stage = ORDER.contains(&name) || ABOVE.contains(&name);
                assert!(!is_stage || may.contains(&name), "{} uses {name}", file.display());
            }
        }
    }
}

#[test]
fn every_folder_is_a_stage_or_above_them() {
    for entry in std::fs::read_dir(root().join("src")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(
            !path.is_dir() || ORDER.contains(&name) || ABOVE.contains(&name),
            "{name} has no place in the order"
        );
    }
}

#[test]
fn uses_are_read_off_code() {
    assert_eq!(
        used("use crate::flow::{Flow, Side};\nuse crate::{decode, capture::Time};"),
        ["flow", "decode", "capture"]
    );
    assert_eq!(used("use crate::{\n    decode::{self, ip},\n    flow,\n};"), ["decode", "flow"]);
    assert_eq!(used("// crate::report\nlet x = crate::session::y();"), ["session"]);
}

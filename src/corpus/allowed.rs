//! What a run over a corpus has to open, once everything else is closed.

use super::{Campaign, Corpus};
use crate::pipeline::Request;
use crate::sandbox::Allowed;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Captures that are named one by one to the sandbox, at some ten microseconds each. Of more, the folders are.
const MAX_NAMED: usize = 1 << 14;

impl Corpus {
    /// What may be opened to inspect the corpus that was opened at `path`: captures and what `request` names to be read,
    /// `out`, which has to be there, to be written.
    pub fn allowed(&self, path: &Path, request: &Request, out: &Path) -> Allowed {
        let captures =
            if path.is_dir() { vec![path.to_owned()] } else { captures(&self.campaigns, MAX_NAMED) };
        Allowed { write: vec![out.to_owned()], ..Allowed::reading(&[captures, request.files()].concat()) }
    }
}

impl Campaign {
    /// What may be opened to inspect it alone.
    pub fn allowed(&self, request: &Request) -> Allowed {
        Allowed::reading(&[captures(std::slice::from_ref(self), MAX_NAMED), request.files()].concat())
    }
}

fn captures(campaigns: &[Campaign], limit: usize) -> Vec<PathBuf> {
    let paths = || campaigns.iter().flat_map(|campaign| &campaign.files).map(|file| file.path.clone());
    if paths().count() <= limit {
        return paths().collect();
    }
    let folder = |path: PathBuf| match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
        Some(folder) => folder.to_owned(),
        None => path,
    };
    paths().map(folder).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Capture;

    #[test]
    fn many_captures_are_named_by_their_folders() {
        let file = |path: &str| Capture { name: path.to_owned(), path: path.into() };
        let files = ["a/1.pcap", "a/2.pcap", "b.pcap"].map(file);
        let campaign = Campaign { files: files.into(), ..Campaign::default() };
        let names = |limit| {
            let found = captures(std::slice::from_ref(&campaign), limit);
            found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(3), ["a/1.pcap", "a/2.pcap", "b.pcap"]);
        assert_eq!(names(2), [".", "a"]);
    }
}

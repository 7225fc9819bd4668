//! Names of files in reports: without folders, so that the same input gives the same bytes wherever it lies.

use crate::report::Report;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What stands in the place of a path where the program carries a database itself.
pub(super) const EMBEDDED: &str = "embedded";

/// The names of inputs and databases of a report, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileNames {
    pub(super) inputs: Vec<String>,
    pub(super) databases: Vec<String>,
    /// Files that add to the catalogue of services, which no report names.
    pub(super) services: Vec<String>,
}

impl FileNames {
    /// The names as they stand in `report`; those of files it does not name are `services`.
    pub(super) fn of(report: &Report, services: &[PathBuf]) -> Self {
        Self {
            inputs: report.inputs.iter().map(|input| input.path.clone()).collect(),
            databases: report.databases.iter().map(|database| database.path.clone()).collect(),
            services: services.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
        }
    }

    /// The same without folders; of two that are then the same, the later has a number.
    pub(super) fn without_folders(&self) -> Self {
        Self {
            inputs: without_folders(&self.inputs),
            databases: without_folders(&self.databases),
            services: without_folders(&self.services),
        }
    }

    /// Writes these names into `report`, in the place of those it has.
    pub(super) fn write_to(&self, report: &mut Report) {
        let old = report.inputs.iter().map(|input| input.path.clone());
        let by_old: BTreeMap<String, String> = old.zip(self.inputs.iter().cloned()).collect();
        let rename = |path: &mut String| {
            if let Some(name) = by_old.get(path) {
                path.clone_from(name);
            }
        };
        report.for_each_input_path(rename);
        for (database, name) in report.databases.iter_mut().zip(&self.databases) {
            database.path.clone_from(name);
        }
    }
}

fn without_folders(paths: &[String]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let unique = |path: &String| {
        if path == EMBEDDED {
            return path.clone();
        }
        let base = base_name(path);
        let numbered = (2..).map(|number| format!("{base} ({number})"));
        let name = std::iter::once(base.clone()).chain(numbered).find(|name| taken.insert(name.clone()));
        name.unwrap_or(base)
    };
    paths.iter().map(unique).collect()
}

/// The last part of a path.
pub(super) fn base_name(path: &str) -> String {
    Path::new(path).file_name().map_or_else(|| "input".to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_go_and_names_stay_apart() {
        let paths = ["/home/alice/a.pcap", "b/a.pcap", "a.pcap", "embedded", "embedded", "x/.."];
        let names = without_folders(&paths.map(str::to_owned));
        assert_eq!(names, ["a.pcap", "a.pcap (2)", "a.pcap (3)", "embedded", "embedded", "input"]);
    }
}

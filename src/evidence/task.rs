//! What `inspect` does besides its report: pseudonyms, a bundle, and the search for what must not be left.

use super::bundle::Ingredients;
use super::check::Check;
use super::names::FileNames;
use super::select::Plan;
use super::{Bundle, EvidenceError, Key, Pseudonyms, Target};
use crate::pipeline::{Inspected, Request};

/// What is to be done with what was inspected.
#[derive(Debug)]
pub struct Task {
    /// Where a bundle goes, if one is wanted.
    pub target: Option<Target>,
    /// The key of pseudonyms, if they are wanted.
    pub key: Option<Key>,
    /// Packets of each flow that the bundle keeps after the opening.
    pub packets: usize,
}

impl Task {
    /// Writes the bundle, and replaces in the report of `inspected` what tells who took part. Gives the pseudonyms
    /// for [`Self::check`].
    pub fn run(
        &self,
        request: &Request,
        inspected: &mut Inspected,
    ) -> Result<Option<Pseudonyms>, EvidenceError> {
        let Some(target) = &self.target else {
            let pseudonyms = pseudonyms(self.key.as_ref(), inspected)?;
            if let Some(pseudonyms) = &pseudonyms {
                pseudonyms.apply(&mut inspected.report);
            }
            return Ok(pseudonyms);
        };
        let as_given = FileNames::of(&inspected.report, &request.services);
        let names = as_given.without_folders();
        let (bundle, pseudonyms) = make(request, self.packets, self.key.as_ref(), &names, inspected)?;
        let files: Vec<(&str, &[u8])> =
            bundle.files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        target.write(&files)?;
        if pseudonyms.is_none() {
            as_given.write_to(&mut inspected.report);
        }
        Ok(pseudonyms)
    }

    /// Refuses an output in which something is left that was to be replaced.
    pub fn check(pseudonyms: Option<&Pseudonyms>, name: &str, output: &[u8]) -> Result<(), EvidenceError> {
        pseudonyms.map_or(Ok(()), |pseudonyms| Check::new(pseudonyms).files(&[(name, output)]))
    }
}

/// The bundle of `inspected`, whose report then has the names and addresses of the bundle. It has been searched for
/// what must not be left.
pub(super) fn make(
    request: &Request,
    each: usize,
    key: Option<&Key>,
    names: &FileNames,
    inspected: &mut Inspected,
) -> Result<(Bundle, Option<Pseudonyms>), EvidenceError> {
    let plan = Plan::new(inspected);
    let pseudonyms = pseudonyms(key, inspected)?;
    names.write_to(&mut inspected.report);
    if let Some(pseudonyms) = &pseudonyms {
        if request.filter.as_deref().is_some_and(|filter| pseudonyms.text(filter) != filter) {
            return Err(EvidenceError::FilterNames);
        }
        pseudonyms.apply(&mut inspected.report);
    }
    let ingredients = Ingredients { request, each, pseudonyms: pseudonyms.as_ref(), names };
    let bundle = Bundle::new(&ingredients, inspected, &plan)?;
    if let Some(pseudonyms) = &pseudonyms {
        let files: Vec<(&str, &[u8])> =
            bundle.files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        Check::new(pseudonyms).files(&files)?;
    }
    Ok((bundle, pseudonyms))
}

fn pseudonyms(key: Option<&Key>, inspected: &Inspected) -> Result<Option<Pseudonyms>, EvidenceError> {
    key.cloned().map(|key| Pseudonyms::new(key, inspected)).transpose()
}

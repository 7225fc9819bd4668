//! The sandbox of Linux.

use super::{Allowed, calls};
use caps::errors::CapsError;
use caps::{CapSet, Capability};
use landlock::{
    ABI, Access, AccessFs, AccessNet, PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use std::collections::HashSet;
use std::path::Path;

/// The kernel interface that is asked for (Linux 6.12); an older kernel gives what it has.
const LANDLOCK: ABI = ABI::V6;

pub(super) fn enter(allowed: &Allowed) -> Vec<String> {
    let mut lacks = Vec::new();
    if let Err(error) = drop_capabilities(allowed.of_anybody) {
        lacks.push(format!("capabilities could not be dropped: {error}"));
    }
    match restrict(allowed, true) {
        Ok(RestrictionStatus { ruleset: RulesetStatus::NotEnforced, .. }) => {
            lacks.push(
                "this kernel has no Landlock: files that are not needed could still be read".to_owned(),
            );
        }
        Ok(_) => {}
        Err(error) => lacks.push(format!("files could not be closed off: {error}")),
    }
    if let Err(error) = calls::close_for_all(&allowed.receive_only) {
        lacks.push(format!("system calls could not be closed off: {error}"));
    }
    lacks
}

pub(super) fn close_files() {
    let _ = drop_capabilities(false);
    let _ = restrict(&Allowed::default(), false);
}

pub(super) fn confine_thread() {
    // What this kernel lacks was said when the sandbox was entered.
    close_files();
    let _ = calls::close_for_packets();
}

/// Drops capabilities; root may keep those that let it use files of others.
fn drop_capabilities(but_for_files: bool) -> Result<(), CapsError> {
    let files = HashSet::from([Capability::CAP_DAC_OVERRIDE, Capability::CAP_DAC_READ_SEARCH]);
    let has = caps::read(None, CapSet::Permitted)?;
    let kept = if but_for_files { files.intersection(&has).copied().collect() } else { HashSet::new() };
    caps::clear(None, CapSet::Inheritable)?;
    // Kernels before 4.3 have no such set, and nothing in it.
    let _ = caps::clear(None, CapSet::Ambient);
    caps::set(None, CapSet::Effective, &kept)?;
    caps::set(None, CapSet::Permitted, &kept)
}

/// Refuses files and TCP, but what is allowed, and for a `whole` process signals to others. Also sets that no program
/// started may gain a privilege.
fn restrict(allowed: &Allowed, whole: bool) -> Result<RestrictionStatus, RulesetError> {
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?;
    // A single thread that is set apart could not be told by the others to end.
    let ruleset = if whole { ruleset.scope(Scope::from_all(LANDLOCK))? } else { ruleset };
    let mut ruleset = ruleset.create()?;
    for path in &allowed.read {
        let access =
            if path.is_dir() { AccessFs::ReadFile | AccessFs::ReadDir } else { AccessFs::ReadFile.into() };
        ruleset = rule(ruleset, path, access)?;
    }
    let write = AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir;
    for path in &allowed.write {
        ruleset = rule(ruleset, path, write)?;
    }
    ruleset.restrict_self()
}

/// Lets `path` be used. What is not there, or has no place in a file system (a pipe needs no leave), is passed over:
/// whoever opens it says what is wrong.
fn rule(
    ruleset: landlock::RulesetCreated,
    path: &Path,
    access: landlock::BitFlags<AccessFs>,
) -> Result<landlock::RulesetCreated, RulesetError> {
    let has_place = path.canonicalize().is_ok();
    match PathFd::new(path) {
        Ok(file) if has_place => ruleset.add_rule(PathBeneath::new(file, access)),
        _ => Ok(ruleset),
    }
}

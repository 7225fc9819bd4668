//! What each command does: from the options typed to a library call, what is printed, and the exit status.

#[cfg(feature = "parquet")]
pub(crate) mod corpus;
pub(crate) mod db;
pub(crate) mod evidence;
pub(crate) mod inspect;
pub(crate) mod live;
pub(crate) mod lookup;
pub(crate) mod policy;
pub(crate) mod shell;

use crate::say;
use landfall::sandbox::{self, Allowed};
use landfall::store::{self, Store};
use std::path::PathBuf;

/// Paths as given; a name that is no file is looked for in the store and where geoipupdate puts its files.
fn resolve(paths: &[PathBuf]) -> Vec<PathBuf> {
    let own = Store::of_user().ok().map(|store| store.folder().to_owned());
    let folders: Vec<PathBuf> = own.into_iter().chain(store::geoipupdate_folders()).collect();
    store::resolve(paths, &folders)
}

/// Gives up everything but what is `allowed`, unless the user does not want that, and says what this system lacks for it.
fn confine(allowed: &Allowed, no_sandbox: bool) {
    if !no_sandbox {
        sandbox::enter(allowed).iter().filter(|_| sandbox::AVAILABLE).for_each(|lack| say(lack));
        sandbox::prove();
    }
}

/// Gives up everything but the reading of `paths`, for commands that read no captures and need little.
fn confine_quietly(paths: &[PathBuf]) {
    let _ = sandbox::enter(&Allowed::reading(paths));
    sandbox::prove();
}

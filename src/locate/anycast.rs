//! Networks that are served from many places at once: the user's lists of them.

use super::LocateError;
use super::database::{self, Database, DatabaseKind};
use super::formats::{date_in_name, parse_network};
use super::table::Table;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// Bytes of a list that are accepted.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// One list.
#[derive(Debug)]
pub(super) struct AnycastList {
    id: Arc<str>,
    table: Table<()>,
}

impl AnycastList {
    /// The list in a file: one prefix or address a line. Its id differs from `taken`.
    pub(super) fn open(path: &Path, taken: &[Database]) -> Result<(Database, Self), LocateError> {
        let bytes = database::read(path, MAX_FILE_BYTES)?;
        let mut entries = Vec::new();
        for (line, text) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            let text = text.split('#').next().unwrap_or_default().trim();
            if !text.is_empty() {
                let not_a_prefix = || LocateError::NotAPrefix { path: path.to_owned(), line: line + 1 };
                entries.push((parse_network(text).ok_or_else(not_a_prefix)?, ()));
            }
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let description = Database {
            id: database::id_for(path, taken),
            kind: DatabaseKind::Anycast,
            path: path.to_string_lossy().into_owned(),
            built: date_in_name(&name),
            sha256: Some(Sha256::digest(&bytes).into()),
            licence: None,
            attribution: None,
            database_type: "list of prefixes".to_owned(),
            description: Some(format!("{} prefixes", entries.len())),
            origin: None,
        };
        let list = Self { id: Arc::clone(&description.id), table: Table::new(entries) };
        Ok((description, list))
    }

    /// The id of the list if it has `address`.
    pub(super) fn lists(&self, address: IpAddr) -> Option<&str> {
        (!self.table.look_up(address).is_empty()).then_some(&*self.id)
    }
}

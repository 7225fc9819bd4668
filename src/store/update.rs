//! Fetches sources into the store: checked before anything is replaced, and whole or not at all.

use super::index::{Entry, Index};
use super::source::{Kind, Source};
use super::{Item, Store, StoreError, hexadecimal, item};
use crate::locate;
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
#[cfg(feature = "compress")]
use std::io::Read;
use std::path::PathBuf;

/// Bytes of a fetched file, as it comes and unpacked: some times the largest that is offered.
const MAX_BYTES: u64 = 512 << 20;

/// By what part a file may shrink from one build to the next. Lists of prefixes grow; of a list without an end of its own
/// (CSV) that comes over a connection without a length, a part cannot be told from the whole otherwise.
const MIN_PART: u64 = 2;

/// What stands between the name of a source and the ending of its file.
const DATE: &str = "-2026-08-22.";

/// What fetches: the network, or what a test puts in its place.
pub trait Fetch {
    /// The bytes at `url`, at most `limit` of them.
    fn fetch(&self, url: &str, limit: u64) -> Result<Vec<u8>, StoreError>;
}

/// The day on which an update runs.
pub type Today = Date;

/// What became of a source.
#[derive(Debug)]
pub enum Updated {
    /// It is there and was not before.
    New(Box<Item>),
    /// What came is there already.
    Same(PathBuf),
}

impl Store {
    /// Fetches `source` as of `today`.
    pub fn update(&self, source: &Source, today: Today, fetch: &dyn Fetch) -> Result<Updated, StoreError> {
        let (url, bytes) = first_found(source, today, fetch)?;
        let bad = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Bad {
            url: url.clone(),
            source: error,
        };
        let bytes = unpacked(bytes).map_err(|error| bad(error.into()))?;
        let ending = match source.kind {
            Kind::Database => "mmdb",
            Kind::Ranges if bytes.trim_ascii_start().starts_with(b"{") => "json",
            Kind::Ranges => "csv",
        };
        // What is checked is the file as it will lie there, before it takes the place of another.
        let hint = url.rsplit('/').next().unwrap_or_default();
        let part = self.folder().join(format!(".{}.{}.{ending}", source.name, hint_date(hint)));
        self.put(&part, &bytes)?;
        let checked = locate::verify(&part);
        let _ = std::fs::remove_file(&part);
        let database = checked.map_err(|error| bad(Box::new(error)))?;
        let dated = database.built.map_or_else(|| today.to_string(), |built| built.to_string());
        let date = dated.get(..10).unwrap_or_default();
        let target = self.folder().join(format!("{}-{date}.{ending}", source.name));
        let sha256 = hexadecimal(&database);
        let mut index = Index::read(self.folder())?;
        if target.exists() && index.get(&target).is_some_and(|known| known.sha256 == sha256) {
            return Ok(Updated::Same(target));
        }
        self.check_size(source, ending, &url, bytes.len() as u64)?;
        self.put(&target, &bytes)?;
        let (licence, attribution) = (source.licence.clone(), source.attribution.clone());
        index.set(&target, Entry { sha256, licence, attribution, url: Some(url) });
        index.write(self)?;
        Ok(Updated::New(Box::new(item(target, Some(&index)))))
    }

    /// Holds the size of what came against that of the newest build that is there.
    fn check_size(&self, source: &Source, ending: &str, url: &str, bytes: u64) -> Result<(), StoreError> {
        let is_build = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let date = name.strip_prefix(&*source.name).and_then(|rest| rest.strip_suffix(ending));
            date.is_some_and(|date| date.len() == DATE.len() && date.starts_with('-'))
        };
        // Dates sort as they follow each other.
        let Some(path) = super::files(self.folder())?.into_iter().rfind(is_build) else {
            return Ok(());
        };
        let before = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if bytes.saturating_mul(MIN_PART) < before {
            return Err(StoreError::Shrunk { url: url.to_owned(), bytes, path, before });
        }
        Ok(())
    }
}

/// The digits of a date in a file's name, by which a list that has no date of its own is dated.
fn hint_date(name: &str) -> String {
    name.chars().filter(char::is_ascii_digit).collect()
}

/// What the URL of today gives, or that of the time before.
fn first_found(source: &Source, today: Date, fetch: &dyn Fetch) -> Result<(String, Vec<u8>), StoreError> {
    let [url, earlier] = urls(&source.url, today);
    match fetch.fetch(&url, MAX_BYTES) {
        Err(StoreError::Refused { .. }) if earlier != url => {
            let bytes = fetch.fetch(&earlier, MAX_BYTES)?;
            Ok((earlier, bytes))
        }
        bytes => bytes.map(|bytes| (url, bytes)),
    }
}

/// The URL with the date of `today` in it, and with the one before: of a month or a week ago.
fn urls(template: &str, today: Date) -> [String; 2] {
    let monday = |date: Date| {
        let days = i64::from(date.weekday().since(Weekday::Monday));
        date.saturating_sub(days.days()).strftime("%Y%m%d").to_string()
    };
    let fill = |month: Date, week: Date| {
        let filled = template.replace("{year}", &format!("{:04}", month.year()));
        filled.replace("{month}", &format!("{:02}", month.month())).replace("{monday}", &monday(week))
    };
    let earlier_month = today.first_of_month().saturating_sub(1.day());
    [fill(today, today), fill(earlier_month, today.saturating_sub(7.days()))]
}

/// `bytes` as they are, or what gzip has packed into them.
fn unpacked(bytes: Vec<u8>) -> std::io::Result<Vec<u8>> {
    if !bytes.starts_with(b"\x1f\x8b") {
        return Ok(bytes);
    }
    #[cfg(feature = "compress")]
    {
        let mut unpacked = Vec::new();
        flate2::read::MultiGzDecoder::new(bytes.as_slice()).take(MAX_BYTES + 1).read_to_end(&mut unpacked)?;
        if unpacked.len() as u64 > MAX_BYTES {
            return Err(std::io::Error::other("it is too large"));
        }
        Ok(unpacked)
    }
    #[cfg(not(feature = "compress"))]
    Err(std::io::Error::other("it is in gzip, and this landfall was built without the feature \"compress\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_stand_in_urls() {
        let day = |text: &str| text.parse().unwrap();
        assert_eq!(urls("a-{year}-{month}.gz", day("2026-01-05")), ["a-2026-01.gz", "a-2025-12.gz"]);
        assert_eq!(urls("t_{monday}.json", day("2026-08-23")), ["t_20260817.json", "t_20260810.json"]);
        assert_eq!(urls("t_{monday}.json", day("2026-08-17")), ["t_20260817.json", "t_20260810.json"]);
        assert_eq!(urls("plain", day("2026-08-17")), ["plain", "plain"]);
    }
}

//! Records of a database that were read, by their place in the file: to read one costs as much as to find it.

use super::schema::Record;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::{OnceLock, PoisonError, RwLock};

/// Records that are kept in slots, which threads read without waiting for each other: a country file has some 250.
const SLOTS: usize = 1 << 10;
/// Slots that a record may take, beginning with its own.
const TRIES: usize = 4;
/// Records that are kept besides. Past that a record is read at each look-up.
const MAX_OTHERS: usize = 1 << 16;

/// A record and its place in the file.
type Kept = OnceLock<(usize, Record)>;

/// Records that were read.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// Made when the first record is kept: many a database that is opened is never asked.
    slots: OnceLock<Box<[Kept]>>,
    others: RwLock<HashMap<usize, Record, RandomState>>,
}

impl Records {
    /// The record at `offset`, which `read` reads if it is not there.
    pub(super) fn get<E>(
        &self,
        offset: usize,
        read: impl FnOnce() -> Result<Record, E>,
    ) -> Result<Record, E> {
        let all = self.slots.get_or_init(|| (0..SLOTS + TRIES).map(|_| OnceLock::new()).collect());
        let first = spread(offset);
        let slots = all.get(first..first + TRIES).unwrap_or_default();
        for slot in slots {
            match slot.get() {
                Some((known, record)) if *known == offset => return Ok(record.clone()),
                Some(_) => {}
                None => {
                    let record = read()?;
                    // Where another thread was faster the record is kept the next time.
                    let _ = slot.set((offset, record.clone()));
                    return Ok(record);
                }
            }
        }
        self.other(offset, read)
    }

    /// The record at `offset`, if it is there and needs no waiting for.
    pub(super) fn kept(&self, offset: usize) -> Option<&Record> {
        let first = spread(offset);
        let slots = self.slots.get()?.get(first..first + TRIES)?;
        let mut kept = slots.iter().map_while(OnceLock::get);
        kept.find(|(known, _)| *known == offset).map(|(_, record)| record)
    }

    fn other<E>(&self, offset: usize, read: impl FnOnce() -> Result<Record, E>) -> Result<Record, E> {
        if let Some(record) = self.others.read().unwrap_or_else(PoisonError::into_inner).get(&offset) {
            return Ok(record.clone());
        }
        let record = read()?;
        let mut others = self.others.write().unwrap_or_else(PoisonError::into_inner);
        if others.len() < MAX_OTHERS {
            others.insert(offset, record.clone());
        }
        Ok(record)
    }
}

/// A slot for `offset`. Records lie close together, so the low bits of their places differ (Fibonacci hashing).
const fn spread(offset: usize) -> usize {
    offset.wrapping_mul(0x9e37_79b9) >> 12 & (SLOTS - 1)
}

#[cfg(test)]
mod tests {
    use super::super::CountryCode;
    use super::*;
    use std::collections::HashSet;

    /// A record that differs from offset to offset.
    fn record(offset: usize) -> Record {
        let code = super::super::countries()[offset % 250].code;
        Record { country: Some(code), registered_country: CountryCode::parse("US"), operator: None }
    }

    #[test]
    fn every_record_is_read_once_and_given_as_it_was_read() {
        let records = Records::default();
        let mut read = HashSet::new();
        for _ in 0..2 {
            for offset in (0..SLOTS * 16).step_by(7) {
                let found = records.get(offset, || {
                    assert!(read.insert(offset), "{offset} is read twice");
                    Ok::<_, ()>(record(offset))
                });
                assert_eq!(found, Ok(record(offset)));
            }
        }
        assert!(!records.others.read().unwrap().is_empty());
        assert_eq!(records.kept(0), Some(&record(0)));
        assert_eq!(records.kept(1), None);
    }

    #[test]
    fn what_cannot_be_read_is_not_kept() {
        let records = Records::default();
        assert_eq!(records.get(5, || Err("damaged")), Err("damaged"));
        assert_eq!(records.get(5, || Ok::<_, ()>(record(5))), Ok(record(5)));
        assert_eq!(records.get(5, || Err("damaged")), Ok(record(5)));
    }

    #[test]
    fn threads_that_read_the_same_records_get_the_same() {
        let records = Records::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for offset in 0..SLOTS * 4 {
                        assert_eq!(records.get(offset, || Ok::<_, ()>(record(offset))), Ok(record(offset)));
                    }
                });
            }
        });
    }
}

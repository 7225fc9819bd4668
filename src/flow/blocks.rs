//! A row that grows without moving what is in it.

use std::iter::Flatten;

/// Values in one block: enough that blocks are few, and no more than a small capture fills.
const BLOCK: usize = 256;

/// Values in the order in which they were added, in blocks. To move a hundred thousand flows each time that a single
/// block becomes too small takes a fiftieth of the whole work.
#[derive(Clone, Debug)]
pub struct Blocks<T>(Vec<Vec<T>>);

impl<T> Blocks<T> {
    /// How many values there are.
    pub fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * BLOCK + last.len())
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value at `place`.
    #[inline]
    pub fn get(&self, place: usize) -> Option<&T> {
        self.0.get(place / BLOCK)?.get(place % BLOCK)
    }

    /// As [`Self::get`], to be changed.
    #[inline]
    pub fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.0.get_mut(place / BLOCK)?.get_mut(place % BLOCK)
    }

    /// Adds a value.
    pub fn push(&mut self, value: T) {
        match self.0.last_mut() {
            Some(last) if last.len() < BLOCK => last.push(value),
            // The first grows with what is in it, so that a few flows take little room.
            last => {
                let mut block = Vec::with_capacity(if last.is_some() { BLOCK } else { 1 });
                block.push(value);
                self.0.push(block);
            }
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> Flatten<std::slice::Iter<'_, Vec<T>>> {
        self.0.iter().flatten()
    }

    /// As [`Self::iter`], to be changed.
    pub fn iter_mut(&mut self) -> Flatten<std::slice::IterMut<'_, Vec<T>>> {
        self.0.iter_mut().flatten()
    }
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> IntoIterator for Blocks<T> {
    type Item = T;
    type IntoIter = Flatten<std::vec::IntoIter<Vec<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().flatten()
    }
}

impl<'a, T> IntoIterator for &'a Blocks<T> {
    type Item = &'a T;
    type IntoIter = Flatten<std::slice::Iter<'a, Vec<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut Blocks<T> {
    type Item = &'a mut T;
    type IntoIter = Flatten<std::slice::IterMut<'a, Vec<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_in_their_places() {
        let mut row = Blocks::default();
        assert_eq!((row.len(), row.is_empty(), row.get(0)), (0, true, None));
        let mut addresses = Vec::new();
        for value in 0..1000_usize {
            row.push(value);
            assert_eq!(row.len(), value + 1);
            addresses.push(std::ptr::from_ref(row.get(value).unwrap()));
        }
        assert!(row.iter().copied().eq(0..1000));
        assert!((BLOCK..1000).all(|place| std::ptr::from_ref(row.get(place).unwrap()) == addresses[place]));
        *row.get_mut(700).unwrap() = 7;
        row.iter_mut().for_each(|value| *value += 1);
        assert_eq!((row.get(700), row.get(999), row.get(1000)), (Some(&8), Some(&1000), None));
        assert_eq!(row.into_iter().count(), 1000);
    }
}

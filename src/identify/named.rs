//! Names of the server of a flow, as its packets and its client's look-ups tell them.

use super::names::{Via, is_address};
use crate::flow::PacketRef;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;

/// A name that packets give to the server of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// The name, lower case and without a final dot. It came off the wire: escape it for where it goes.
    pub name: &'a Arc<str>,
    /// How it was learnt.
    pub via: Via,
    /// The packet that has it.
    pub packet: PacketRef,
}

impl Name<'_> {
    /// Whether an address stands in the place of the name.
    pub fn is_address(&self) -> bool {
        is_address(self.name)
    }
}

/// Names of the server of a flow, in the order in which they were learnt.
///
/// Certificates have up to hundreds of them, and servers show the same ones again and again: all flows share one list,
/// and so do copies.
#[derive(Clone, Default)]
pub struct Names(Option<Arc<[Learnt]>>);

/// Names that were learnt at once.
#[derive(Clone)]
struct Learnt {
    names: List,
    via: Via,
    packet: PacketRef,
}

#[derive(Clone)]
enum List {
    One(Arc<str>),
    /// The first so many of a list.
    First(u32, Arc<[Arc<str>]>),
}

impl List {
    fn texts(&self) -> &[Arc<str>] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::First(count, names) => names.get(..*count as usize).unwrap_or(names),
        }
    }

    /// Where it lies, and how much of it counts.
    fn number(&self) -> (usize, u32) {
        match self {
            Self::One(name) => (Arc::as_ptr(name).addr(), 1),
            Self::First(count, names) => (Arc::as_ptr(names).addr(), *count),
        }
    }

    fn is_shared_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::One(name), Self::One(other)) => Arc::ptr_eq(name, other),
            (Self::First(count, names), Self::First(others, other)) => {
                count == others && Arc::ptr_eq(names, other)
            }
            _ => false,
        }
    }
}

impl Names {
    /// No names.
    pub const EMPTY: Self = Self(None);

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = Name<'_>> + Clone {
        self.learnt().iter().flat_map(|Learnt { names, via, packet }| {
            names.texts().iter().map(|name| Name { name, via: *via, packet: *packet })
        })
    }

    /// The names, each with the number of the occasion on which it was learnt.
    pub(super) fn by_occasion(&self) -> impl Iterator<Item = (usize, Name<'_>)> {
        self.learnt().iter().enumerate().flat_map(|(occasion, Learnt { names, via, packet })| {
            names.texts().iter().map(move |name| (occasion, Name { name, via: *via, packet: *packet }))
        })
    }

    /// The packet of an occasion.
    pub(super) fn packet(&self, occasion: usize) -> Option<PacketRef> {
        self.learnt().get(occasion).map(|learnt| learnt.packet)
    }

    /// A number that all have that share their names, as [`Self::is_shared_with`] says.
    pub(super) fn number(&self, hasher: &impl BuildHasher) -> u64 {
        let numbers = self.learnt().iter().map(|learnt| (learnt.via, learnt.names.number()));
        numbers.fold(0, |sum, (via, number)| hasher.hash_one((sum, via, number)))
    }

    /// The one that was learnt first.
    pub fn first(&self) -> Option<Name<'_>> {
        self.iter().next()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.learnt().iter().map(|learnt| learnt.names.texts().len()).sum()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Adds one.
    pub fn push(&mut self, name: Arc<str>, via: Via, packet: PacketRef) {
        self.learn(Learnt { names: List::One(name), via, packet });
    }

    /// Adds the first `count` of `names`.
    pub fn extend(&mut self, names: &Arc<[Arc<str>]>, count: usize, via: Via, packet: PacketRef) {
        let count = u32::try_from(count.min(names.len())).unwrap_or(u32::MAX);
        if count > 0 {
            self.learn(Learnt { names: List::First(count, Arc::clone(names)), via, packet });
        }
    }

    /// The names but for those that `fits` is false of.
    #[must_use]
    pub fn filtered(&self, fits: impl Fn(&Name<'_>) -> bool) -> Self {
        let mut kept = Self::default();
        for name in self.iter().filter(fits) {
            kept.push(Arc::clone(name.name), name.via, name.packet);
        }
        kept
    }

    /// Whether two lists have the same names, learnt in the same ways, and share them. Lists that were put together
    /// elsewhere may be the same and share nothing.
    pub fn is_shared_with(&self, other: &Self) -> bool {
        let (learnt, others) = (self.learnt(), other.learnt());
        let is_same = |(a, b): (&Learnt, &Learnt)| a.via == b.via && a.names.is_shared_with(&b.names);
        learnt.len() == others.len() && learnt.iter().zip(others).all(is_same)
    }

    /// Whether two lists have the same names, learnt in the same ways, wherever they were put together.
    pub fn has_same_texts(&self, other: &Self) -> bool {
        fn of(name: Name<'_>) -> (Via, &str) {
            (name.via, name.name)
        }
        self.iter().map(of).eq(other.iter().map(of))
    }

    fn learnt(&self) -> &[Learnt] {
        self.0.as_deref().unwrap_or_default()
    }

    fn learn(&mut self, new: Learnt) {
        self.0 = Some(match self.0.take() {
            None => Arc::new([new]),
            Some(known) => known.iter().cloned().chain([new]).collect(),
        });
    }
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Names {}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: PacketRef = PacketRef::new(0, 1);

    fn texts(names: &Names) -> Vec<&str> {
        names.iter().map(|name| &**name.name).collect()
    }

    #[test]
    fn names_stay_in_the_order_in_which_they_were_learnt() {
        let mut names = Names::default();
        assert!(names.is_empty() && names.first().is_none());
        let listed: Arc<[Arc<str>]> = ["b.example", "c.example", "d.example"].map(Arc::from).into();
        names.push("a.example".into(), Via::Tls, PACKET);
        names.extend(&listed, 2, Via::Certificate, PACKET);
        names.extend(&listed, 0, Via::Certificate, PACKET);
        names.push("e.example".into(), Via::Http, PACKET);
        assert_eq!(texts(&names), ["a.example", "b.example", "c.example", "e.example"]);
        assert_eq!((names.len(), names.first().map(|name| name.via)), (4, Some(Via::Tls)));
        let kept = names.filtered(|name| name.via != Via::Tls);
        assert_eq!(texts(&kept), ["b.example", "c.example", "e.example"]);
    }

    #[test]
    fn lists_that_share_their_names_have_the_same_ones() {
        let listed: Arc<[Arc<str>]> = ["b.example", "c.example"].map(Arc::from).into();
        let of = |count, via, packet| {
            let mut names = Names::default();
            names.push(Arc::clone(&listed[0]), Via::Tls, PACKET);
            names.extend(&listed, count, via, packet);
            names
        };
        let names = of(2, Via::Certificate, PACKET);
        let later = of(2, Via::Certificate, PacketRef::new(0, 7));
        assert!(names.is_shared_with(&later) && names.is_shared_with(&names.clone()));
        let hasher = foldhash::fast::FixedState::default();
        assert_eq!(names.number(&hasher), later.number(&hasher));
        assert_ne!(names, later, "other packets show them");
        assert!(!names.is_shared_with(&of(1, Via::Certificate, PACKET)));
        assert!(!names.is_shared_with(&of(2, Via::Dns, PACKET)));
        let mut copied = Names::default();
        names.iter().for_each(|name| copied.push(Arc::clone(name.name), name.via, name.packet));
        assert_eq!(names, copied);
        assert!(names.has_same_texts(&copied) && names.has_same_texts(&later));
        assert!(!names.has_same_texts(&of(1, Via::Certificate, PACKET)));
        assert!(!names.has_same_texts(&of(2, Via::Dns, PACKET)));
        assert!(!names.is_shared_with(&copied), "put together elsewhere");
    }
}

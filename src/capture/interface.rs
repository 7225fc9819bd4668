//! Interfaces of a pcapng section: what their packets are and how their clocks count.

use super::blocks::options;
use super::bytes::Order;
use super::{LinkType, Precision, Timestamp};

/// Option `if_name` of an interface description block.
const IF_NAME: u16 = 2;
/// Option `if_tsresol` of an interface description block.
const IF_TSRESOL: u16 = 9;
/// Option `if_tsoffset` of an interface description block.
const IF_TSOFFSET: u16 = 14;

/// One interface of a section.
#[derive(Debug)]
pub(super) struct Interface {
    pub(super) link_type: LinkType,
    /// Most bytes kept of a packet; 0 means no limit.
    pub(super) snap_length: u32,
    pub(super) clock: Clock,
    /// Whether a packet of it has been seen.
    pub(super) used: bool,
    /// Packets lost, as the last statistics block says.
    pub(super) dropped: Option<u64>,
    /// Its name, until the account of the input has it.
    pub(super) name: String,
    /// Place among the interfaces of the input, those of earlier sections included.
    pub(super) place: u16,
}

/// How an interface counts time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    unit: Unit,
    /// Seconds to add.
    offset: i64,
}

/// What one tick of a clock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// So many nanoseconds.
    Nanoseconds(u64),
    /// A nanosecond divided by so many.
    NanosecondOver(i128),
    /// A second halved so many times.
    SecondHalved(u8),
}

/// Nanoseconds of a second.
const SECOND: i128 = 1_000_000_000;

impl Interface {
    /// Reads the body of an interface description block; `None` if it is too short.
    pub(super) fn parse(order: Order, body: &[u8]) -> Option<Self> {
        let link_type = LinkType(order.u16(body, 0)?);
        let snap_length = order.u32(body, 4)?;
        let mut resolution = 6;
        let mut offset = 0;
        let mut name = String::new();
        for (code, value) in options(order, body.get(8..).unwrap_or_default()) {
            match (code, value) {
                (IF_NAME, text) => name = String::from_utf8_lossy(text).into_owned(),
                (IF_TSRESOL, [exponent]) => resolution = *exponent,
                (IF_TSOFFSET, value) => offset = order.u64(value).map_or(offset, u64::cast_signed),
                _ => {}
            }
        }
        let clock = Clock { unit: Unit::of(resolution), offset };
        Some(Self { link_type, snap_length, clock, used: false, dropped: None, name, place: 0 })
    }
}

impl Clock {
    /// The time after so many ticks, and whether it can be represented; else the nearest that can.
    #[inline]
    pub(super) fn time(self, ticks: u64) -> (Timestamp, bool) {
        if let (Unit::Nanoseconds(unit), 0) = (self.unit, self.offset)
            && let Some(nanoseconds) = ticks.checked_mul(unit)
            && let Ok(nanoseconds) = i64::try_from(nanoseconds)
        {
            return (Timestamp::from_nanoseconds(nanoseconds), true);
        }
        self.time_of_any_clock(ticks)
    }

    #[cold]
    fn time_of_any_clock(self, ticks: u64) -> (Timestamp, bool) {
        let ticks = i128::from(ticks);
        let nanoseconds = match self.unit {
            Unit::Nanoseconds(unit) => ticks * i128::from(unit),
            Unit::NanosecondOver(parts) => ticks / parts,
            Unit::SecondHalved(times) => (ticks * SECOND) >> times,
        };
        let sum = nanoseconds + i128::from(self.offset) * SECOND;
        let nearest = if sum < 0 { i64::MIN } else { i64::MAX };
        let time = i64::try_from(sum);
        (Timestamp::from_nanoseconds(time.unwrap_or(nearest)), time.is_ok())
    }

    /// Decimal places of the clock.
    pub(super) fn precision(self) -> Precision {
        match self.unit {
            Unit::Nanoseconds(unit) => Precision::new(9 - u8::try_from(unit.ilog10()).unwrap_or(0)),
            Unit::NanosecondOver(_) => Precision::NANOSECONDS,
            // A number of n bits has about 0.3 n decimal places.
            Unit::SecondHalved(times) => Precision::new(times.saturating_mul(3).div_ceil(10)),
        }
    }
}

impl Unit {
    /// The unit that `if_tsresol` means: a power of ten, or with the top bit set a power of two.
    fn of(resolution: u8) -> Self {
        let exponent = resolution & 0x7f;
        if resolution & 0x80 != 0 {
            return Self::SecondHalved(exponent);
        }
        match exponent.checked_sub(9) {
            None => Self::Nanoseconds(10_u64.pow(9 - u32::from(exponent))),
            // 64 bits of ticks are less than a nanosecond long before the power overflows.
            Some(places) => Self::NanosecondOver(10_i128.checked_pow(u32::from(places)).unwrap_or(i128::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(resolution: u8, offset: i64) -> Clock {
        Clock { unit: Unit::of(resolution), offset }
    }

    fn nanoseconds(resolution: u8, offset: i64, ticks: u64) -> i64 {
        clock(resolution, offset).time(ticks).0.nanoseconds()
    }

    #[test]
    fn ticks_are_powers_of_ten_or_of_two() {
        assert_eq!(nanoseconds(6, 0, 1_500_000), 1_500_000_000);
        assert_eq!(nanoseconds(0, 0, 3), 3_000_000_000);
        assert_eq!(nanoseconds(9, 0, 7), 7);
        assert_eq!(nanoseconds(12, 0, 7_999), 7);
        assert_eq!(nanoseconds(0x8a, 0, 1536), 1_500_000_000);
        assert_eq!(nanoseconds(0x80, 0, 2), 2_000_000_000);
        assert_eq!(nanoseconds(127, 0, u64::MAX), 0);
        assert_eq!(nanoseconds(0xff, 0, u64::MAX), 0);
    }

    #[test]
    fn the_offset_is_in_seconds_and_signed() {
        assert_eq!(nanoseconds(6, 10, 1), 10_000_001_000);
        assert_eq!(nanoseconds(6, -1, 1), -999_999_000);
    }

    #[test]
    fn a_time_out_of_range_becomes_the_nearest_and_says_so() {
        assert_eq!(clock(0, 0).time(u64::MAX), (Timestamp::from_nanoseconds(i64::MAX), false));
        assert_eq!(clock(6, i64::MIN).time(0), (Timestamp::from_nanoseconds(i64::MIN), false));
        let latest = u64::try_from(i64::MAX).unwrap();
        assert_eq!(clock(9, 0).time(latest), (Timestamp::from_nanoseconds(i64::MAX), true));
        assert!(!clock(9, 0).time(latest + 1).1);
    }

    #[test]
    fn the_precision_is_the_decimal_places_of_a_tick() {
        let places = |resolution| clock(resolution, 0).precision().places();
        assert_eq!([0, 3, 6, 9, 12, 127].map(places), [0, 3, 6, 9, 9, 9]);
        assert_eq!([0x80, 0x8a, 0x94, 0xa0, 0xff].map(places), [0, 3, 6, 9, 9]);
    }
}

//! The values of one column that wait to be written, with their levels.
//!
//! The levels are those of Dremel: the definition level says how much of the way to a value exists, the repetition
//! level whether it begins a row or goes on with the list of the one before.

use crate::report::model::Time;
use crate::report::tables::{Kind, Value};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};

/// Definition levels of an optional list of optional elements: it has none, an unknown one, a known one.
const NO_ELEMENT: i16 = 1;
const UNKNOWN_ELEMENT: i16 = 2;
const ELEMENT: i16 = 3;

/// Values of one column.
pub(super) struct Buffer {
    values: Values,
    definition: Vec<i16>,
    /// Empty where the column has no lists.
    repetition: Vec<i16>,
    bytes: usize,
}

enum Values {
    Texts(Vec<ByteArray>),
    Numbers(Vec<i64>),
    Reals(Vec<f64>),
    Flags(Vec<bool>),
}

impl Buffer {
    /// Room for values of `kind`.
    pub(super) const fn new(kind: Kind) -> Self {
        let values = match kind {
            Kind::Text | Kind::Texts => Values::Texts(Vec::new()),
            Kind::Count | Kind::Counts | Kind::Time => Values::Numbers(Vec::new()),
            Kind::Real => Values::Reals(Vec::new()),
            Kind::Flag => Values::Flags(Vec::new()),
        };
        Self { values, definition: Vec::new(), repetition: Vec::new(), bytes: 0 }
    }

    /// Bytes that wait, about.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds the value of a row. One of another kind than the column's is not known.
    pub(super) fn push(&mut self, value: &Value<'_>) {
        match value {
            Value::Text(text) => self.scalar(text.as_ref(), |values, text| values.text(text)),
            Value::Count(count) => self.scalar(*count, Values::count),
            Value::Real(real) => self.scalar(*real, Values::real),
            Value::Flag(flag) => self.scalar(*flag, Values::flag),
            Value::Time(time) => self.scalar(*time, Values::time),
            Value::Texts(texts) => self.list(texts, |values, text| values.text(text)),
            Value::Counts(counts) => self.list(counts, |values, count| values.count(*count)),
        }
    }

    fn scalar<T>(&mut self, value: Option<T>, add: impl FnOnce(&mut Values, T) -> Option<usize>) {
        let size = value.and_then(|value| add(&mut self.values, value));
        self.definition.push(i16::from(size.is_some()));
        self.bytes += size.unwrap_or(1);
    }

    fn list<T>(&mut self, list: &[Option<T>], add: impl Fn(&mut Values, &T) -> Option<usize>) {
        if list.is_empty() {
            self.repetition.push(0);
            self.definition.push(NO_ELEMENT);
        }
        for (value, place) in list.iter().zip(0_usize..) {
            let size = value.as_ref().and_then(|value| add(&mut self.values, value));
            self.repetition.push(i16::from(place > 0));
            self.definition.push(if size.is_some() { ELEMENT } else { UNKNOWN_ELEMENT });
            self.bytes += size.unwrap_or(1);
        }
    }

    /// Writes all values.
    pub(super) fn write(&self, column: &mut ColumnWriter<'_>) -> Result<()> {
        let definition = Some(self.definition.as_slice());
        let repetition = (!self.repetition.is_empty()).then_some(self.repetition.as_slice());
        match (&self.values, column) {
            (Values::Texts(texts), ColumnWriter::ByteArrayColumnWriter(column)) => {
                column.write_batch(texts, definition, repetition)
            }
            (Values::Numbers(numbers), ColumnWriter::Int64ColumnWriter(column)) => {
                column.write_batch(numbers, definition, repetition)
            }
            (Values::Reals(reals), ColumnWriter::DoubleColumnWriter(column)) => {
                column.write_batch(reals, definition, repetition)
            }
            (Values::Flags(flags), ColumnWriter::BoolColumnWriter(column)) => {
                column.write_batch(flags, definition, repetition)
            }
            _ => Err(ParquetError::General("a column has values of another type".to_owned())),
        }?;
        Ok(())
    }

    /// Forgets all values, but keeps the room.
    pub(super) fn clear(&mut self) {
        match &mut self.values {
            Values::Texts(texts) => texts.clear(),
            Values::Numbers(numbers) => numbers.clear(),
            Values::Reals(reals) => reals.clear(),
            Values::Flags(flags) => flags.clear(),
        }
        self.definition.clear();
        self.repetition.clear();
        self.bytes = 0;
    }
}

impl Values {
    /// Bytes that were added; `None` where the column holds no texts.
    fn text(&mut self, text: &str) -> Option<usize> {
        let Self::Texts(texts) = self else { return None };
        texts.push(ByteArray::from(text.as_bytes().to_vec()));
        Some(text.len() + size_of::<ByteArray>())
    }

    /// No count in a capture reaches 2^63: one that does is not known, rather than negative.
    fn count(&mut self, count: u64) -> Option<usize> {
        self.number(i64::try_from(count).ok()?)
    }

    fn time(&mut self, time: Time) -> Option<usize> {
        const NANOSECONDS: i64 = 1000;
        self.number(time.at.nanoseconds().div_euclid(NANOSECONDS))
    }

    fn number(&mut self, number: i64) -> Option<usize> {
        let Self::Numbers(numbers) = self else { return None };
        numbers.push(number);
        Some(size_of::<i64>())
    }

    fn real(&mut self, real: f64) -> Option<usize> {
        let Self::Reals(reals) = self else { return None };
        reals.push(real);
        Some(size_of::<f64>())
    }

    fn flag(&mut self, flag: bool) -> Option<usize> {
        let Self::Flags(flags) = self else { return None };
        flags.push(flag);
        Some(1)
    }
}

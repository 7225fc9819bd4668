//! DNS, RFC 1035, over UDP and TCP; multicast DNS (RFC 6762) and LLMNR (RFC 4795), which share its format.
//!
//! What matters is which name led to which address. A message that is cut by the capture or malformed
//! gives every record before the fault.

mod name;
mod record;

pub use name::Name;

use record::{Data, Reader, Record};
use std::net::IpAddr;

use super::Probe;
use super::wire::be16;

/// Bytes of the header, RFC 1035 section 4.1.1.
const HEADER_LENGTH: usize = 12;
/// The shortest question: the root, type and class.
const SHORTEST_QUESTION: usize = 5;
/// The shortest record: the root, type, class, time to live and length.
const SHORTEST_RECORD: usize = 11;
/// Addresses kept from one message. The largest answers seen hold some twenty.
const MOST_ANSWERS: usize = 512;
/// Aliases kept from one message: they are searched for each name that the answers have, and a real chain has ten.
const MOST_ALIASES: usize = 64;
/// QR in the third byte, RFC 1035 section 4.1.1.
const RESPONSE_BIT: u8 = 0x80;
/// TC in the third byte.
const TRUNCATED: u8 = 0x02;

/// One DNS message.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Pairs a question with its response.
    pub id: u16,
    /// Whether it is a response.
    pub is_response: bool,
    /// RCODE, RFC 1035 section 4.1.1: 0 no error, 2 server failure, 3 no such name.
    pub response_code: u8,
    /// What is asked, or was: the first of several.
    pub question: Option<Question<'a>>,
    /// The addresses of a response, in order; none of a query.
    pub answers: Vec<Answer<'a>>,
    /// The aliases of a response (CNAME), in order. Their targets often carry a provider's region.
    pub aliases: Vec<Alias<'a>>,
    /// Whether every record was read.
    pub complete: bool,
}

/// One question.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The name.
    pub name: Name<'a>,
    /// The type: 1 is A, 28 is AAAA, 65 is HTTPS.
    pub kind: u16,
}

/// A name and an address that it has.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The name that was asked for, if the record belongs to the question, through aliases or directly; else the
    /// record's own.
    pub name: Name<'a>,
    /// The address.
    pub address: IpAddr,
    /// Seconds for which it may be used.
    pub ttl: u32,
    /// The kind of record.
    pub kind: AnswerKind,
}

/// What record gave an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnswerKind {
    /// A or AAAA.
    Address,
    /// A hint in HTTPS or SVCB (RFC 9460): a client may use it without asking for the address.
    Hint,
}

/// A name that stands for another.
#[derive(Clone, Copy, Debug)]
pub struct Alias<'a> {
    /// The name.
    pub name: Name<'a>,
    /// What it stands for.
    pub target: Name<'a>,
    /// Whether the question leads to it, directly or through aliases before it.
    is_asked_for: bool,
}

/// Whether bytes on a port of DNS look like a message.
pub fn probe(message: &[u8]) -> Probe {
    if message.len() < HEADER_LENGTH {
        return Probe::NeedMore;
    }
    let opcode = message.get(2).map_or(0, |flags| (flags >> 3) & 0x0F);
    let counts = counts(message).unwrap_or_default();
    let is_plausible = opcode <= 6 && counts != [0; 4] && fits(counts, message.len());
    if is_plausible { Probe::Match } else { Probe::NoMatch }
}

/// Whether bytes on any port are a whole question: nothing may speak against it, since no port speaks for it.
pub fn is_question(message: &[u8]) -> bool {
    let Some([_, _, flags, more, 0, 1, 0, 0, 0, 0, 0, additional @ 0..=2, ..]) = message.get(..HEADER_LENGTH)
    else {
        return false;
    };
    // Nothing but "recursion desired", "authentic data" and "checking disabled" (RFC 1035, RFC 4035) may be set.
    flags & !1 == 0 && more & !0x30 == 0 && is_whole(message, u32::from(*additional))
}

/// Whether bytes on any port are a whole answer to one question.
pub fn is_answer(message: &[u8]) -> bool {
    let Some([1, records @ ..]) = counts(message) else { return false };
    let flags = message.get(2).copied().unwrap_or_default();
    // An answer to an ordinary question (RFC 1035 section 4.1.1); one that is cut for UDP has what fits.
    flags & 0xF8 == RESPONSE_BIT
        && (flags & TRUNCATED != 0 || is_whole(message, records.into_iter().map(u32::from).sum()))
}

/// Whether a message is one question that asks for something known, and so many records, and ends with them.
fn is_whole(message: &[u8], records: u32) -> bool {
    let mut reader = Reader::new(message, HEADER_LENGTH);
    reader.asks_the_internet() && reader.ends_after(records)
}

/// Whether bytes on a port of DNS are a message that has records, such as those with addresses; `None` if they are
/// no message.
pub fn may_have_answers(message: &[u8]) -> Option<bool> {
    let [_, records @ ..] = counts(message)?;
    let is_response = message.get(2).is_some_and(|flags| flags & RESPONSE_BIT != 0);
    Some(is_response && records != [0; 3])
}

/// Reads one message.
pub fn parse(message: &[u8]) -> Option<Message<'_>> {
    let [questions, records @ ..] = counts(message)?;
    let mut read = Message {
        id: be16(message, 0)?,
        is_response: message.get(2)? & RESPONSE_BIT != 0,
        response_code: message.get(3)? & 0x0F,
        question: None,
        answers: Vec::new(),
        aliases: Vec::new(),
        complete: false,
    };
    let mut reader = Reader::new(message, HEADER_LENGTH);
    let mut asked = None;
    for number in 0..questions {
        let Some((name, kind)) = reader.question() else { return Some(read) };
        if number == 0 {
            read.question = Some(Question { name, kind });
            asked = Some(name).filter(|_| questions == 1);
        }
    }
    let records = records.into_iter().map(u32::from).sum();
    if read.is_response {
        read_records(&mut read, asked, reader, records);
    } else {
        read.complete = reader.records(records).count() == records as usize;
    }
    Some(read)
}

/// The messages of a TCP stream, each after its length in two bytes (RFC 1035 section 4.2.2). The last may be cut.
pub fn tcp_messages(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = stream;
    std::iter::from_fn(move || {
        let length = usize::from(be16(rest, 0)?);
        let message = rest.get(2..)?;
        let (message, after) = message.split_at_checked(length).unwrap_or((message, &[]));
        rest = after;
        Some(message)
    })
}

/// How many questions, answers, authorities and additional records the header announces.
fn counts(message: &[u8]) -> Option<[u16; 4]> {
    Some([be16(message, 4)?, be16(message, 6)?, be16(message, 8)?, be16(message, 10)?])
}

/// Whether a message of `length` bytes can hold that much.
fn fits([questions, records @ ..]: [u16; 4], length: usize) -> bool {
    let records: usize = records.into_iter().map(usize::from).sum();
    usize::from(questions) * SHORTEST_QUESTION + records * SHORTEST_RECORD + HEADER_LENGTH <= length
}

/// Reads the aliases and then the addresses among `announced` records.
fn read_records<'a>(message: &mut Message<'a>, asked: Option<Name<'a>>, reader: Reader<'a>, announced: u32) {
    let (mut records, mut left_out) = (0, false);
    for record in reader.records(announced) {
        records += 1;
        let Data::Alias(target) = record.data else { continue };
        if message.aliases.len() == MOST_ALIASES {
            left_out = true;
            continue;
        }
        // Aliases come in order (RFC 1034 section 4.3.2).
        let is_asked_for = message.asks_for(asked, record.name);
        message.aliases.push(Alias { name: record.name, target, is_asked_for });
    }
    message.complete = records == announced && !left_out;
    for record in reader.records(announced) {
        answers(message, asked, &record);
    }
}

/// Adds the addresses in `record`.
fn answers<'a>(message: &mut Message<'a>, asked: Option<Name<'a>>, record: &Record<'a>) {
    let mut own_name = None;
    for (address, kind) in record.data.addresses() {
        if message.answers.len() == MOST_ANSWERS {
            message.complete = false;
            return;
        }
        let name = *own_name.get_or_insert_with(|| match &message.question {
            Some(question) if message.asks_for(asked, record.name) => question.name,
            _ => record.name,
        });
        message.answers.push(Answer { name, address, ttl: record.ttl, kind });
    }
}

impl Message<'_> {
    /// Whether `name` is the one that is `asked` for, or one that this leads to.
    fn asks_for(&self, asked: Option<Name<'_>>, name: Name<'_>) -> bool {
        let leads_to = |alias: &Alias<'_>| alias.is_asked_for && alias.target.is_same(name);
        asked.is_some_and(|asked| asked.is_same(name) || self.aliases.iter().any(leads_to))
    }
}

/// The type number of A.
pub const TYPE_A: u16 = 1;
/// The type number of AAAA.
pub const TYPE_AAAA: u16 = 28;

#[cfg(test)]
mod tests;

//! What the control bits of a TCP connection tell (RFC 9293).

use super::{Outcome, Side};
use crate::capture::Timestamp;
use crate::decode::{Control, TcpFlags};
use std::time::Duration;

/// Facts of one TCP connection. They lie in the flow itself, so times have no room of their own for "not seen".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpFacts {
    /// Time of the first SYN; of use where `opener` is known.
    first_syn: Timestamp,
    /// Time of the first SYN/ACK; of use where `answered` says so.
    first_syn_ack: Timestamp,
    syn_sequence: u32,
    syns: u16,
    /// Who sent the first SYN.
    opener: Option<Side>,
    answered: bool,
    data: [bool; 2],
    acknowledged: bool,
    fin: [bool; 2],
    reset: Option<Side>,
    refused: bool,
}

impl Default for TcpFacts {
    fn default() -> Self {
        let unknown = Timestamp::from_nanoseconds(0);
        Self {
            first_syn: unknown,
            first_syn_ack: unknown,
            syn_sequence: 0,
            syns: 0,
            opener: None,
            answered: false,
            data: [false; 2],
            acknowledged: false,
            fin: [false; 2],
            reset: None,
            refused: false,
        }
    }
}

impl TcpFacts {
    /// Takes the control bits of a segment from `side`.
    #[inline]
    pub(super) fn segment(&mut self, control: Control, has_payload: bool, side: Side, time: Timestamp) {
        let flags = control.flags;
        *slot(&mut self.data, side) |= has_payload && !flags.has(TcpFlags::SYN);
        if flags.0 & (TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST) == 0 {
            self.acknowledged |= flags.has(TcpFlags::ACK);
        } else {
            self.turning_point(control, side, time);
        }
    }

    /// A segment that opens the connection, or ends it.
    fn turning_point(&mut self, control: Control, side: Side, time: Timestamp) {
        let flags = control.flags;
        if flags.has(TcpFlags::SYN) {
            self.synchronize(control, side, time);
        }
        let plain = flags.0 & (TcpFlags::SYN | TcpFlags::RST) == 0;
        self.acknowledged |= plain && flags.has(TcpFlags::ACK);
        if flags.has(TcpFlags::FIN) {
            *slot(&mut self.fin, side) = true;
        }
        if flags.has(TcpFlags::RST) && self.reset.is_none() {
            self.reset = Some(side);
            let answers_syn = self.opener.is_some_and(|opener| opener != side);
            self.refused = answers_syn && !self.answered && self.data == [false; 2];
        }
    }

    fn synchronize(&mut self, control: Control, side: Side, time: Timestamp) {
        if control.flags.has(TcpFlags::ACK) {
            let opened_here = self.opener.is_none_or(|opener| opener != side);
            if opened_here && !self.answered {
                self.answered = true;
                self.first_syn_ack = time;
            }
            return;
        }
        if self.opener.is_none() {
            self.opener = Some(side);
            self.first_syn = time;
            self.syn_sequence = control.sequence;
        }
        self.syns = self.syns.saturating_add(1);
    }

    /// Whether a SYN with this sequence number opens a connection anew on the same five-tuple: the one before
    /// has ended, or got as far as an answer and this SYN is not its repetition.
    pub(super) fn is_reopened_by(&self, control: Control) -> bool {
        let ended = self.reset.is_some() || self.fin == [true; 2];
        let answered = self.answered || self.opener.is_none();
        let repeated = self.opener.is_some() && self.syn_sequence == control.sequence;
        (ended || answered) && !repeated
    }

    /// Whether no SYN was seen and nothing says that the connection is over: one may still come, overtaken on its way.
    pub(super) fn awaits_syn(&self) -> bool {
        self.opener.is_none() && self.reset.is_none() && self.fin != [true; 2]
    }

    /// SYNs of the opener, repetitions included.
    pub const fn syns(&self) -> u16 {
        self.syns
    }

    /// Whether the three-way handshake was completed, or the connection is seen after it.
    pub const fn is_established(&self) -> bool {
        self.acknowledged && (self.opener.is_none() || self.answered)
    }

    /// Whether a SYN was answered with SYN/ACK.
    pub const fn is_accepted(&self) -> bool {
        self.answered
    }

    /// Whether payload went both ways.
    pub const fn has_data_both_ways(&self) -> bool {
        matches!(self.data, [true, true])
    }

    /// First SYN to first SYN/ACK. Repeated SYNs make it longer, never shorter.
    pub fn handshake_time(&self) -> Option<Duration> {
        let known = self.opener.is_some() && self.answered && self.first_syn_ack >= self.first_syn;
        known.then(|| self.first_syn_ack.since(self.first_syn))
    }

    pub(super) const fn outcome(&self, server_only: bool) -> Outcome {
        if self.refused {
            return Outcome::Refused;
        }
        if let [true, true] = self.fin {
            return Outcome::Closed;
        }
        if self.reset.is_some() {
            return if self.fin_seen() { Outcome::Closed } else { Outcome::Reset };
        }
        if server_only { Outcome::ServerOnly } else { Outcome::Open }
    }

    const fn fin_seen(&self) -> bool {
        let [low, high] = self.fin;
        low || high
    }
}

const fn slot(pair: &mut [bool; 2], side: Side) -> &mut bool {
    let [low, high] = pair;
    match side {
        Side::Low => low,
        Side::High => high,
    }
}

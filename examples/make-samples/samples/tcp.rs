//! TCP as a capture on the client's machine sees it.

use super::tls::Flight;
use super::trace::{Trace, ip_on};
use super::{MILLISECOND, Micros, Path, SECOND};
use etherparse::TcpOptionElement::{MaximumSegmentSize, SelectiveAcknowledgementPermitted, WindowScale};

const SEGMENT: usize = 1400;
const WINDOW: u16 = 64_240;

/// How long the client's machine takes to acknowledge, and the gap between two frames of one burst.
const REACTION: Micros = 40;

/// An open connection.
pub(crate) struct Tcp<'a> {
    trace: &'a mut Trace,
    path: Path,
    /// When the next thing happens.
    pub(crate) now: Micros,
    client_next: u32,
    server_next: u32,
}

/// The control bits that the samples need.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Syn,
    SynAck,
    Data,
    Ack,
    Fin,
    Reset,
}

/// A SYN that nothing answers.
pub(crate) fn unanswered(trace: &mut Trace, time: Micros, path: Path) {
    Tcp::start(trace, time, path).segment(true, Kind::Syn, &[]);
}

/// A SYN that the server answers with RST.
pub(crate) fn refused(trace: &mut Trace, time: Micros, path: Path) {
    let mut tcp = Tcp::start(trace, time, path);
    tcp.segment(true, Kind::Syn, &[]);
    tcp.now += path.round_trip;
    tcp.server_next = 0;
    tcp.segment(false, Kind::Reset, &[]);
}

impl<'a> Tcp<'a> {
    fn start(trace: &'a mut Trace, now: Micros, path: Path) -> Self {
        let client_next = 0x1000_0000 | u32::from(path.client.port()) << 8;
        let server_next = 0x2000_0000 | u32::from(path.client.port()) << 9;
        Self { trace, path, now, client_next, server_next }
    }

    /// The three-way handshake.
    pub(crate) fn open(trace: &'a mut Trace, time: Micros, path: Path) -> Self {
        let mut tcp = Self::start(trace, time, path);
        tcp.segment(true, Kind::Syn, &[]);
        tcp.now += path.round_trip;
        tcp.segment(false, Kind::SynAck, &[]);
        tcp.now += REACTION;
        tcp.segment(true, Kind::Ack, &[]);
        tcp
    }

    /// Plays a conversation, with a pause before each thing the client says.
    pub(crate) fn play(&mut self, flights: &[Flight], pause: Micros) {
        for flight in flights {
            if flight.from_client {
                self.now += pause;
            }
            for part in flight.bytes.chunks(SEGMENT) {
                self.now += REACTION;
                self.segment(flight.from_client, Kind::Data, part);
            }
            // What the server hears it acknowledges a round trip later, which is when its answer comes too.
            self.now += if flight.from_client { self.path.round_trip } else { REACTION };
            self.segment(!flight.from_client, Kind::Ack, &[]);
        }
    }

    /// Both sides say that they are done.
    pub(crate) fn close(mut self) {
        self.now += MILLISECOND;
        self.segment(true, Kind::Fin, &[]);
        self.now += self.path.round_trip;
        self.segment(false, Kind::Fin, &[]);
        self.now += REACTION;
        self.segment(true, Kind::Ack, &[]);
    }

    /// The client has no more use for the connection and says so at once.
    pub(crate) fn reset(mut self) {
        self.now += REACTION;
        self.segment(true, Kind::Reset, &[]);
    }

    fn segment(&mut self, outgoing: bool, kind: Kind, payload: &[u8]) {
        let (client, server) = (self.path.client.port(), self.path.server.port());
        let (from, to, sequence, acknowledged) = if outgoing {
            (client, server, self.client_next, self.server_next)
        } else {
            (server, client, self.server_next, self.client_next)
        };
        let mut builder = ip_on(self.path, outgoing).tcp(from, to, sequence, WINDOW);
        if kind != Kind::Syn {
            builder = builder.ack(acknowledged);
        }
        let options = [MaximumSegmentSize(1460), SelectiveAcknowledgementPermitted, WindowScale(8)];
        builder = match kind {
            Kind::Syn | Kind::SynAck => builder.syn().options(&options).expect("options that fit"),
            Kind::Data => builder.psh(),
            Kind::Ack => builder,
            Kind::Fin => builder.fin(),
            Kind::Reset => builder.rst(),
        };
        let mut packet = Vec::with_capacity(builder.size(payload.len()));
        builder.write(&mut packet, payload).expect("a packet of a length that fits");
        self.trace.add(self.now, outgoing, &packet);

        let counted = payload.len() as u32 + u32::from(matches!(kind, Kind::Syn | Kind::SynAck | Kind::Fin));
        let next = if outgoing { &mut self.client_next } else { &mut self.server_next };
        *next = next.wrapping_add(counted);
    }
}

/// How long a client waits before it takes a connection that nothing answers for failed.
pub(crate) const PATIENCE: Micros = 3 * SECOND;

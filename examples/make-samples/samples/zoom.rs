//! Zoom's own formats on UDP: connect, echo and data with RTP inside, and its STUN dialect.

use super::random::Random;
use super::rtp::Stream;
use super::trace::Trace;
use super::{MILLISECOND, Micros, Path, SECOND};

/// How data packets begin.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Generation {
    /// One byte of outer header (clients of 2019).
    Short,
    /// Eight bytes of outer header: type, number, connection, direction (clients since 2021).
    Long,
    /// No outer header: between two participants.
    Direct,
}

impl Generation {
    const fn version(self) -> u8 {
        match self {
            Self::Short => 2,
            Self::Long | Self::Direct => 3,
        }
    }
}

/// What a media flow carries.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Audio,
    Video,
}

const CONNECT_REQUEST: u8 = 0x01;
const CONNECT_REPLY: u8 = 0x02;
const ECHO_REQUEST: u8 = 0x03;
const ECHO_REPLY: u8 = 0x04;
const DATA: u8 = 0x05;
const CLOSE: u8 = 0x07;

/// One media flow: connect, echoes, `length` of packets both ways, and the end.
pub(crate) struct MediaFlow {
    pub(crate) path: Path,
    pub(crate) generation: Generation,
    pub(crate) kind: Kind,
    pub(crate) connection: u32,
}

impl MediaFlow {
    pub(crate) fn play(&self, trace: &mut Trace, start: Micros, length: Micros) {
        let random = Random::new(u64::from(self.connection));
        self.connect(trace, start, &random);
        for (number, time) in
            (start + self.path.round_trip..start + length).step_by(SECOND as usize).enumerate()
        {
            let echo = self.echo(number as u32 + 1, time);
            trace.answer(time, self.path, &[&[ECHO_REQUEST], &echo[..]].concat());
            trace.ask(time + 200, self.path, &[&[ECHO_REPLY], &echo[..]].concat());
        }
        let first = start + 2 * self.path.round_trip;
        self.stream(trace, &random, first, start + length, true);
        self.stream(trace, &random, first + 11 * MILLISECOND, start + length, false);
        let mut close = vec![CLOSE, 0, 0, 0, 0];
        close.extend_from_slice(&self.connection.to_be_bytes());
        trace.ask(start + length, self.path, &close);
    }

    /// Between two participants: each says where it believes the other to be, then the media.
    pub(crate) fn play_direct(&self, trace: &mut Trace, start: Micros, length: Micros) {
        let random = Random::new(u64::from(self.connection));
        let (near, far) = (self.path.client.ip().to_string(), self.path.server.ip().to_string());
        trace.ask(start, self.path, &peer_connect(&random, &far));
        trace.answer(start + self.path.round_trip, self.path, &peer_connect(&random, &near));
        let first = start + 2 * self.path.round_trip;
        self.stream(trace, &random, first, start + length, true);
        self.stream(trace, &random, first + 11 * MILLISECOND, start + length, false);
    }

    /// Request and reply; the reply repeats the request's token and clock.
    fn connect(&self, trace: &mut Trace, time: Micros, random: &Random) {
        let version = [0, self.generation.version()];
        let token = random.bytes(16);
        let clock = clock(time);
        let mut request = [&[CONNECT_REQUEST], &version[..], &token].concat();
        request.extend_from_slice(&[0; 7]);
        request.push(2);
        request.extend_from_slice(&clock);
        request.extend_from_slice(&clock);
        request.extend_from_slice(&64u32.to_be_bytes());
        request.extend_from_slice(&random.bytes(68));
        trace.ask(time, self.path, &request);

        let mut reply = [&[CONNECT_REPLY], &version[..], &token].concat();
        reply.extend_from_slice(&self.connection.to_be_bytes());
        reply.extend_from_slice(&clock);
        reply.extend_from_slice(&[0; 8]);
        trace.answer(time + self.path.round_trip, self.path, &reply);
    }

    fn echo(&self, counter: u32, time: Micros) -> Vec<u8> {
        [&counter.to_be_bytes()[..], &clock(time), &self.connection.to_be_bytes(), &[0]].concat()
    }

    fn stream(&self, trace: &mut Trace, random: &Random, first: Micros, end: Micros, outgoing: bool) {
        let participant = if outgoing { 0x0400 } else { 0x0c00 };
        let (payload_type, medium, pace, step) = match self.kind {
            Kind::Audio => (112, 2, 40 * MILLISECOND, 640),
            Kind::Video => (98, 1, 200 * MILLISECOND, 18_000),
        };
        let ssrc = 0x0100_0000 | participant | medium;
        let mut rtp = Stream { payload_type, ssrc, sequence: 100, timestamp: 0x1000, step };
        for (number, time) in (first..end).step_by(pace as usize).enumerate() {
            let payload = match self.kind {
                Kind::Audio => random.between(60, 110),
                Kind::Video => random.between(400, 700),
            };
            let packet = rtp.packet(random, payload as usize);
            let data = self.data(outgoing, number as u16, time, &packet);
            if outgoing {
                trace.ask(time, self.path, &data);
            } else {
                trace.answer(time, self.path, &data);
            }
        }
    }

    /// The outer header, the media encapsulation of 19 (audio) or 24 (video) bytes, and the RTP packet.
    fn data(&self, outgoing: bool, number: u16, time: Micros, rtp: &[u8]) -> Vec<u8> {
        const AUDIO: u8 = 0x0f;
        const VIDEO: u8 = 0x10;
        let mut data = match self.generation {
            Generation::Direct => Vec::new(),
            Generation::Short | Generation::Long => vec![DATA],
        };
        if self.generation == Generation::Long {
            data.extend_from_slice(&number.to_be_bytes());
            data.extend_from_slice(&self.connection.to_be_bytes());
            data.push(if outgoing { 0 } else { 4 });
        }
        data.push(match self.kind {
            Kind::Audio => AUDIO,
            Kind::Video => VIDEO,
        });
        data.extend_from_slice(&[0x01, 0x00, 0xfb, 0x90, 0x14, 0x11, 0x04]);
        data.push(if outgoing { 0x00 } else { 0x06 });
        data.extend_from_slice(&number.to_be_bytes());
        data.extend_from_slice(&clock(time));
        match self.kind {
            Kind::Audio => {
                data.extend_from_slice(&[0, 1]);
                data.extend_from_slice(&(rtp.len() as u16).to_be_bytes());
            }
            Kind::Video => {
                data.extend_from_slice(&[0, 0, 0, 0, 0, 2]);
                data.extend_from_slice(&number.to_be_bytes());
                data.push(1);
            }
        }
        data.extend_from_slice(rtp);
        data
    }
}

/// A header of 24 bytes, then an address and a UUID, each as text after its length.
fn peer_connect(random: &Random, address: &str) -> Vec<u8> {
    let mut packet = vec![0x1f, 0x02, 0x01];
    packet.extend_from_slice(&random.bytes(21));
    let identifier = format!(
        "{:08X}-{:04X}-4000-8000-{:012X}",
        random.between(0, 1 << 32),
        random.between(0, 1 << 16),
        random.between(0, 1 << 48)
    );
    for text in [address, &identifier] {
        packet.extend_from_slice(&(text.len() as u32).to_be_bytes());
        packet.extend_from_slice(text.as_bytes());
    }
    packet.extend_from_slice(&[0; 4]);
    packet
}

/// Milliseconds of the sender's clock.
fn clock(time: Micros) -> [u8; 4] {
    ((time / MILLISECOND) as u32).to_be_bytes()
}

/// The NAT test with a zone controller: STUN without cookie, attribute 0x0101 asks and 0x0103 answers.
pub(crate) fn nat_test(trace: &mut Trace, time: Micros, path: Path, seed: u64) {
    let random = Random::new(seed);
    for copy in 0..3 {
        let sent = time + copy * 10 * MILLISECOND;
        let transaction = random.bytes(16);
        let mut request = vec![0, 1, 0, 24];
        request.extend_from_slice(&transaction);
        request.extend_from_slice(&[1, 1, 0, 20]);
        request.extend_from_slice(b"1234567890123456789\0");
        trace.ask(sent, path, &request);

        let mut reply = vec![0, 2, 0, 12];
        reply.extend_from_slice(&transaction);
        reply.extend_from_slice(&[1, 3, 0, 8, 0, 1]);
        reply.extend_from_slice(&path.client.port().to_be_bytes());
        if let std::net::IpAddr::V4(address) = path.client.ip() {
            reply.extend_from_slice(&address.octets());
        }
        trace.answer(sent + path.round_trip, path, &reply);
    }
}

//! Captures built by hand for the tests.

use std::io::{Cursor, Read};

use super::bytes::Order;
use super::stream::{Account, Recognised, Stream};
use super::{Batch, Frame, LinkType, Timestamp};

/// A frame taken out of its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owned {
    pub(super) number: u64,
    pub(super) time: Timestamp,
    pub(super) link_type: LinkType,
    pub(super) wire_length: u32,
    pub(super) bytes: Vec<u8>,
}

/// Writes numbers in a byte order.
pub(super) struct Writer {
    pub(super) order: Order,
    pub(super) bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn new(order: Order) -> Self {
        Self { order, bytes: Vec::new() }
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        let bytes = if self.order == Order::Big { value.to_be_bytes() } else { value.to_le_bytes() };
        self.raw(&bytes)
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        let bytes = if self.order == Order::Big { value.to_be_bytes() } else { value.to_le_bytes() };
        self.raw(&bytes)
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        let bytes = if self.order == Order::Big { value.to_be_bytes() } else { value.to_le_bytes() };
        self.raw(&bytes)
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend(bytes);
        self
    }

    /// The file header of a classic capture.
    pub(super) fn pcap_header(&mut self, magic: u32, version: (u16, u16), link_type: u32) -> &mut Self {
        self.u32(magic).u16(version.0).u16(version.1).u32(0).u32(0).u32(262_144).u32(link_type)
    }

    /// A record of a classic capture; `extra` stands between header and data.
    pub(super) fn pcap_record(
        &mut self,
        time: (u32, u32),
        lengths: (u32, u32),
        extra: &[u8],
        data: &[u8],
    ) -> &mut Self {
        self.u32(time.0).u32(time.1).u32(lengths.0).u32(lengths.1).raw(extra).raw(data)
    }

    /// A block of a pcapng file.
    pub(super) fn block(&mut self, kind: u32, body: impl FnOnce(&mut Self)) -> &mut Self {
        let mut inner = Self::new(self.order);
        body(&mut inner);
        inner.pad();
        let length = u32::try_from(inner.bytes.len() + 12).unwrap();
        self.u32(kind).u32(length).raw(&inner.bytes).u32(length)
    }

    pub(super) fn pad(&mut self) -> &mut Self {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    pub(super) fn option(&mut self, code: u16, value: &[u8]) -> &mut Self {
        self.u16(code).u16(u16::try_from(value.len()).unwrap()).raw(value).pad()
    }

    pub(super) fn section(&mut self) -> &mut Self {
        self.block(0x0a0d_0d0a, |w| {
            w.u32(0x1a2b_3c4d).u16(1).u16(0).u64(u64::MAX);
        })
    }

    pub(super) fn interface(
        &mut self,
        link_type: u16,
        snap_length: u32,
        options: impl FnOnce(&mut Self),
    ) -> &mut Self {
        self.block(1, |w| options(w.u16(link_type).u16(0).u32(snap_length)))
    }

    pub(super) fn enhanced(
        &mut self,
        interface: u32,
        ticks: u64,
        wire_length: u32,
        data: &[u8],
    ) -> &mut Self {
        let captured = u32::try_from(data.len()).unwrap();
        let (high, low) = (u32::try_from(ticks >> 32).unwrap(), u32::try_from(ticks & 0xffff_ffff).unwrap());
        self.block(6, |w| {
            w.u32(interface).u32(high).u32(low).u32(captured).u32(wire_length).raw(data);
        })
    }
}

/// Gives a few bytes at a time, as a pipe may.
pub(super) struct Trickle<R>(pub(super) R, pub(super) usize);

impl<R: Read> Read for Trickle<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let end = buffer.len().min(self.1);
        self.0.read(&mut buffer[..end])
    }
}

/// The frame with bytes of its own.
pub(super) fn owned(frame: Frame<'_>) -> Owned {
    Owned {
        number: frame.number,
        time: frame.time,
        link_type: frame.link_type,
        wire_length: frame.wire_length,
        bytes: frame.bytes.to_vec(),
    }
}

/// All frames of a capture and its account; the batch is recycled, reading `size` bytes at a time.
pub(super) fn read_sized(bytes: &[u8], size: usize, live: bool) -> (Vec<Owned>, Account) {
    let source: Box<dyn Read + Send> = if live {
        Box::new(Trickle(Cursor::new(bytes.to_vec()), size))
    } else {
        Box::new(Cursor::new(bytes.to_vec()))
    };
    let Recognised::Capture(mut stream) = Stream::recognise(source, live) else {
        panic!("not recognised as a capture");
    };
    let mut batch = Batch::default();
    let mut frames = Vec::new();
    while stream.fill(&mut batch, size) {
        frames.extend(batch.frames().map(owned));
    }
    assert!(stream.ended());
    (frames, stream.into_account())
}

/// All frames of a capture and its account.
pub(super) fn read(bytes: &[u8]) -> (Vec<Owned>, Account) {
    read_sized(bytes, 64 << 10, false)
}

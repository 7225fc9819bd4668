//! Writing frames as pcapng, in one file or in a row of them within a bound.
//!
//! <https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/>, sections 4.1 to 4.6. Little-endian, times in
//! nanoseconds.

use super::live::{Drops, TapOptions};
use super::{Batch, Input, Timestamp};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Block types.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// Options.
const COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const IF_FILTER: u16 = 11;
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;

/// `if_tsresol`: ten to the power of minus nine seconds.
const NANOSECONDS: u8 = 9;

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 1 << 18;

/// Frames could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot write '{}'", path.display())]
pub struct WriteError {
    path: PathBuf,
    source: io::Error,
}

/// An interface that frames are of.
#[derive(Clone, Debug, Default)]
pub struct Interface {
    /// Its name; none is written where it is empty.
    pub name: String,
    /// What the first byte of its frames belongs to: a `LINKTYPE_` number.
    pub link_type: u16,
    /// Most bytes kept of a frame; 0 means no limit.
    pub snap_length: u32,
    /// The filter that chose its frames.
    pub filter: Option<String>,
}

/// Writes one pcapng section.
#[derive(Debug)]
pub struct PcapngWriter<W> {
    out: W,
    block: Vec<u8>,
    written: u64,
}

impl<W: Write> PcapngWriter<W> {
    /// Begins a section with `interfaces`, whose places in the list are their numbers.
    pub fn new(out: W, interfaces: &[Interface], comment: Option<&str>) -> io::Result<Self> {
        let mut writer = Self { out, block: Vec::new(), written: 0 };
        writer.begin(SECTION_HEADER);
        writer.block.extend(0x1a2b_3c4d_u32.to_le_bytes());
        writer.block.extend([1, 0, 0, 0]);
        writer.block.extend(u64::MAX.to_le_bytes());
        writer.option(COMMENT, comment.unwrap_or_default().as_bytes());
        writer.option(SHB_USERAPPL, concat!("landfall ", env!("CARGO_PKG_VERSION")).as_bytes());
        writer.end()?;
        for interface in interfaces {
            writer.interface(interface)?;
        }
        Ok(writer)
    }

    /// Adds an interface.
    pub fn interface(&mut self, interface: &Interface) -> io::Result<()> {
        self.begin(INTERFACE_DESCRIPTION);
        self.block.extend(interface.link_type.to_le_bytes());
        self.block.extend([0, 0]);
        self.block.extend(interface.snap_length.to_le_bytes());
        self.option(IF_NAME, interface.name.as_bytes());
        self.option(IF_TSRESOL, &[NANOSECONDS]);
        if let Some(filter) = &interface.filter {
            // The first byte says that it is text in the language of libpcap.
            let text: Vec<u8> = [0].into_iter().chain(filter.bytes()).collect();
            self.option(IF_FILTER, &text);
        }
        self.end()
    }

    /// Adds a frame of the interface with this number.
    pub fn packet(
        &mut self,
        interface: u32,
        time: Timestamp,
        wire_length: u32,
        bytes: &[u8],
        comment: Option<&str>,
    ) -> io::Result<()> {
        self.begin(ENHANCED_PACKET);
        self.block.extend(interface.to_le_bytes());
        self.time(time);
        self.block.extend(length(bytes).to_le_bytes());
        self.block.extend(wire_length.to_le_bytes());
        self.block.extend(bytes);
        self.pad();
        if let Some(comment) = comment {
            self.option(COMMENT, comment.as_bytes());
        }
        self.end()
    }

    /// Adds how many frames of an interface never came.
    pub fn statistics(&mut self, interface: u32, time: Timestamp, drops: Drops) -> io::Result<()> {
        self.begin(INTERFACE_STATISTICS);
        self.block.extend(interface.to_le_bytes());
        self.time(time);
        self.option(ISB_IFDROP, &drops.interface.to_le_bytes());
        self.option(ISB_OSDROP, &drops.kernel.to_le_bytes());
        self.end()
    }

    /// Bytes so far.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Where it was written.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn begin(&mut self, kind: u32) {
        self.block.clear();
        self.block.extend(kind.to_le_bytes());
        self.block.extend([0; 4]);
    }

    /// The upper and then the lower half of a 64-bit count.
    fn time(&mut self, time: Timestamp) {
        let count = u64::try_from(time.nanoseconds()).unwrap_or(0);
        for half in [count >> 32, count & u64::from(u32::MAX)] {
            self.block.extend(u32::try_from(half).unwrap_or(u32::MAX).to_le_bytes());
        }
    }

    /// An option, unless it is empty. What is too long for its length field is cut.
    fn option(&mut self, code: u16, value: &[u8]) {
        let value = value.get(..value.len().min(usize::from(u16::MAX))).unwrap_or_default();
        if value.is_empty() {
            return;
        }
        self.block.extend(code.to_le_bytes());
        self.block.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
        self.block.extend(value);
        self.pad();
    }

    fn pad(&mut self) {
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    /// Writes the block. Options end with the block, as section 3.5 allows.
    fn end(&mut self) -> io::Result<()> {
        let total = length(&self.block).saturating_add(4).to_le_bytes();
        if let Some(place) = self.block.get_mut(4..8) {
            place.copy_from_slice(&total);
        }
        self.block.extend(total);
        self.out.write_all(&self.block)?;
        self.written = self.written.saturating_add(self.block.len() as u64);
        Ok(())
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// Where frames are kept, and how many of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// The file; with rotation, a number is added to its name.
    pub path: PathBuf,
    /// Bytes after which another file is begun.
    pub size: Option<u64>,
    /// Time after which another file is begun.
    pub span: Option<Duration>,
    /// Files that are kept; older ones are removed.
    pub keep: Option<usize>,
}

impl Rotation {
    /// The file with this number, from 1: `call-00001.pcapng`.
    pub fn file(&self, number: u32) -> PathBuf {
        if self.size.is_none() && self.span.is_none() {
            return self.path.clone();
        }
        let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let (stem, extension) = (text(self.path.file_stem()), text(self.path.extension()));
        let dot = if extension.is_empty() { "" } else { "." };
        self.path.with_file_name(format!("{stem}-{number:05}{dot}{extension}"))
    }
}

/// Frames in a row of files.
#[derive(Debug)]
pub struct Rotating {
    rotation: Rotation,
    interfaces: Vec<Interface>,
    writer: PcapngWriter<BufWriter<File>>,
    /// The file that is written, and when its first frame was captured.
    path: PathBuf,
    number: u32,
    begun: Option<Timestamp>,
    last: Timestamp,
    /// Frames that never came, now and when the file was begun.
    drops: Vec<(Drops, Drops)>,
    files: VecDeque<PathBuf>,
}

impl Rotating {
    /// Creates the first file, so that a bad path fails before the work and not after it.
    pub fn create(rotation: Rotation, inputs: &[Input], options: &TapOptions) -> Result<Self, WriteError> {
        let interfaces: Vec<Interface> = inputs
            .iter()
            .map(|input| Interface {
                name: input.path.clone(),
                link_type: input.link_types.first().map_or(0, |link_type| link_type.0),
                snap_length: options.snap_length,
                filter: options.filter.clone(),
            })
            .collect();
        let path = rotation.file(1);
        let writer = create(&path, &interfaces)?;
        Ok(Self {
            files: VecDeque::from([path.clone()]),
            drops: vec![Default::default(); interfaces.len()],
            rotation,
            interfaces,
            writer,
            path,
            number: 1,
            begun: None,
            last: Timestamp::from_nanoseconds(0),
        })
    }

    /// The folder that files are made in.
    pub fn folder(&self) -> PathBuf {
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.unwrap_or_else(|| Path::new(".")).to_owned()
    }

    /// Adds the frames of a batch.
    pub fn batch(&mut self, batch: &Batch) -> Result<(), WriteError> {
        for frame in batch.frames() {
            if self.is_full(frame.time) {
                self.rotate()?;
            }
            self.begun.get_or_insert(frame.time);
            self.last = frame.time;
            let result =
                self.writer.packet(u32::from(frame.input), frame.time, frame.wire_length, frame.bytes, None);
            result.map_err(|source| WriteError { path: self.path.clone(), source })?;
        }
        Ok(())
    }

    /// Notes how many frames of an interface never came, since the capture began.
    pub fn drops(&mut self, interface: usize, drops: Drops) {
        if let Some((now, _)) = self.drops.get_mut(interface) {
            *now = drops;
        }
    }

    /// Ends the last file.
    pub fn finish(&mut self) -> Result<(), WriteError> {
        let fail = |source| WriteError { path: self.path.clone(), source };
        for ((now, before), number) in self.drops.iter().zip(0..) {
            let since = Drops {
                kernel: now.kernel.saturating_sub(before.kernel),
                interface: now.interface.saturating_sub(before.interface),
            };
            self.writer.statistics(number, self.last, since).map_err(fail)?;
        }
        self.writer.out.flush().map_err(fail)
    }

    fn is_full(&self, time: Timestamp) -> bool {
        let Some(begun) = self.begun else { return false };
        self.rotation.size.is_some_and(|size| self.writer.written() >= size)
            || self.rotation.span.is_some_and(|span| time.since(begun) >= span)
    }

    fn rotate(&mut self) -> Result<(), WriteError> {
        self.finish()?;
        self.number = self.number.saturating_add(1);
        self.path = self.rotation.file(self.number);
        self.writer = create(&self.path, &self.interfaces)?;
        self.begun = None;
        for (now, before) in &mut self.drops {
            *before = *now;
        }
        self.files.push_back(self.path.clone());
        while self.rotation.keep.is_some_and(|keep| self.files.len() > keep.max(1)) {
            let Some(oldest) = self.files.pop_front() else { break };
            std::fs::remove_file(&oldest).map_err(|source| WriteError { path: oldest, source })?;
        }
        Ok(())
    }
}

fn create(path: &Path, interfaces: &[Interface]) -> Result<PcapngWriter<BufWriter<File>>, WriteError> {
    let open = || {
        let out = BufWriter::with_capacity(BUFFER_BYTES, File::create(path)?);
        PcapngWriter::new(out, interfaces, None)
    };
    open().map_err(|source| WriteError { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::super::{LinkType, Options, Reader, Record};
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    /// A batch of one frame.
    fn frame(seconds: i64, bytes: &[u8]) -> Batch {
        let record = Record {
            time: Timestamp::from_nanoseconds(1_700_000_000 * SECOND + seconds * SECOND + 7),
            offset: 0,
            captured: u32::try_from(bytes.len()).unwrap(),
            wire_length: 1500,
            link_type: LinkType(1),
            interface: 0,
        };
        Batch { input: 0, first_number: 1, buffer: bytes.to_vec(), records: vec![record] }
    }

    fn interfaces() -> [Interface; 2] {
        let ethernet =
            Interface { name: "eth0".to_owned(), link_type: 1, snap_length: 96, filter: Some("udp".into()) };
        [ethernet, Interface { link_type: 113, ..Interface::default() }]
    }

    #[test]
    fn what_is_written_is_read_back_as_it_was() {
        let mut writer = PcapngWriter::new(Vec::new(), &interfaces(), Some("a capture")).unwrap();
        let time = Timestamp::from_nanoseconds(1_585_922_531_000_000_123);
        writer.packet(1, time, 60, &[1, 2, 3], None).unwrap();
        writer.packet(0, time, 5, &[4; 5], Some("odd")).unwrap();
        writer.statistics(0, time, Drops { kernel: 3, interface: 4 }).unwrap();
        assert_eq!(writer.written(), writer.out.len() as u64);
        let source = Box::new(io::Cursor::new(writer.into_inner()));
        let mut reader = Reader::from_source("it", source, Options::default()).unwrap();
        let mut batch = Batch::default();
        assert!(reader.next_batch(&mut batch).unwrap());
        let frames: Vec<_> = batch
            .frames()
            .map(|frame| (frame.time, frame.link_type.0, frame.wire_length, frame.bytes.to_vec()))
            .collect();
        assert_eq!(frames, [(time, 113, 60, vec![1, 2, 3]), (time, 1, 5, vec![4; 5])]);
        assert!(!reader.next_batch(&mut batch).unwrap());
        let input = reader.into_inputs().remove(0);
        assert_eq!((input.damage, input.dropped_packets), (None, Some(7)));
        assert_eq!(input.precision, super::super::Precision::NANOSECONDS);
    }

    #[test]
    fn other_programs_read_what_is_written() {
        use pcap_parser::traits::PcapReaderIterator as _;
        let mut writer = PcapngWriter::new(Vec::new(), &interfaces(), Some("a capture")).unwrap();
        writer.packet(1, Timestamp::from_nanoseconds(SECOND), 3, &[1, 2, 3], Some("odd")).unwrap();
        writer.statistics(1, Timestamp::from_nanoseconds(SECOND), Drops::default()).unwrap();
        let bytes = writer.into_inner();
        let mut reader = pcap_parser::PcapNGReader::new(4096, &*bytes).unwrap();
        let mut kinds = Vec::new();
        while let Ok((used, block)) = reader.next() {
            if let pcap_parser::PcapBlockOwned::NG(block) = &block {
                kinds.push(block.magic());
            }
            reader.consume(used);
        }
        let expected = [
            SECTION_HEADER,
            INTERFACE_DESCRIPTION,
            INTERFACE_DESCRIPTION,
            ENHANCED_PACKET,
            INTERFACE_STATISTICS,
        ];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn files_follow_each_other_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("call.pcapng");
        let rotation = Rotation { path, size: None, span: Some(Duration::from_secs(10)), keep: Some(2) };
        let mut files = Rotating::create(rotation, &[blank()], &TapOptions::default()).unwrap();
        for seconds in 0..35 {
            files.drops(0, Drops { kernel: u64::try_from(seconds).unwrap(), interface: 0 });
            files.batch(&frame(seconds, &[0; 20])).unwrap();
        }
        files.finish().unwrap();
        let mut names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["call-00003.pcapng", "call-00004.pcapng"]);
        let mut reader = Reader::open(&[folder.path().to_owned()], Options::default()).unwrap();
        let mut batch = Batch::default();
        let mut frames = 0;
        while reader.next_batch(&mut batch).unwrap() {
            frames += batch.records.len();
        }
        assert_eq!(frames, 15);
        // Each file has the drops of its own time.
        let dropped: Vec<_> = reader.into_inputs().iter().map(|input| input.dropped_packets).collect();
        assert_eq!(dropped, [Some(10), Some(4)]);
    }

    #[test]
    fn a_file_is_begun_anew_by_size_too() {
        let folder = tempfile::tempdir().unwrap();
        let rotation = Rotation { path: folder.path().join("call"), size: Some(1000), ..Rotation::default() };
        let mut files = Rotating::create(rotation, &[blank()], &TapOptions::default()).unwrap();
        for seconds in 0..10 {
            files.batch(&frame(seconds, &[0; 400])).unwrap();
        }
        files.finish().unwrap();
        let sizes: Vec<u64> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .collect();
        assert!(sizes.len() > 3 && sizes.iter().all(|size| *size < 1600), "{sizes:?}");
        assert!(folder.path().join("call-00001").exists());
    }

    /// An input of which nothing is known.
    fn blank() -> Input {
        Input {
            path: String::new(),
            sha256: None,
            size: None,
            format: super::super::Format::Live,
            compression: None,
            link_types: vec![LinkType(1)],
            interfaces: Vec::new(),
            packets: 0,
            bytes: 0,
            first_packet: None,
            last_packet: None,
            precision: super::super::Precision::NANOSECONDS,
            truncated_packets: 0,
            dropped_packets: None,
            anomalies: std::collections::BTreeMap::new(),
            recorded_names: Vec::new(),
            damage: None,
        }
    }
}

//! All inputs as one stream of batches.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::hash::{Files, Sum};
use super::inputs::{self, Candidate, Note};
use super::piece::{Claims, Piece};
use super::source::{self, Opened};
use super::stream::Account;
use super::{Batch, CaptureError, Input, Precision};

/// Bytes read at a time. What is known of flows goes from one processor's cache to another's with every batch, so
/// they are large: of 256 KiB, which would fit a core's second-level cache, the whole takes a sixth longer on two cores.
const BATCH: usize = 4 << 20;

/// Inputs that [`Frame::input`](super::Frame::input) can tell apart.
pub(super) const MAX_INPUTS: usize = u16::MAX as usize + 1;

/// How captures are read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether the SHA-256 of each input is wanted.
    pub hash: bool,
    /// Is told how far reading has come.
    pub progress: Option<Arc<Progress>>,
    /// Whether what cannot be opened is left out with a note even where it is named, as it is where a folder has it.
    pub leave_out: bool,
}

/// How far reading has come; another thread may look at any time.
#[derive(Debug, Default)]
pub struct Progress {
    read: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// Bytes read, as they lie on disk.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Bytes of all files, as they lie on disk; standard input and other pipes add nothing, for their size is not known.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    pub(super) fn advance(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Hashes of inputs that are still being worked out.
pub struct Hashes {
    files: Option<Files>,
    /// Which hash belongs to which input.
    owners: Vec<usize>,
}

impl Hashes {
    /// Waits for them, and adds each to its input.
    pub fn wait(self, inputs: &mut [Input]) {
        let Some(files) = self.files else { return };
        for (index, sum) in self.owners.iter().zip(files.finish(self.owners.len())) {
            if let Some(input) = inputs.get_mut(*index) {
                input.sha256 = sum;
            }
        }
    }
}

/// Reads captures, one after the other, in the order of their first packets.
pub struct Reader {
    options: Options,
    notes: Vec<Note>,
    pending: VecDeque<Candidate>,
    current: Option<Opened>,
    /// Where pieces of the current input are claimed.
    claims: Arc<Turnstile>,
    /// First frames of the current input, if they were read to find its place in the order.
    first: Option<Batch>,
    inputs: Vec<Input>,
    hashes: Option<Files>,
    /// Which hash of [`Self::hashes`] belongs to which input.
    hash_owners: Vec<usize>,
}

/// Where threads claim pieces of the input at hand.
#[derive(Debug, Default)]
pub(crate) struct Turnstile(Mutex<Option<Arc<Claims>>>);

/// A piece of an input that was claimed, or the right to read on when it is its turn.
#[derive(Debug)]
pub(crate) struct Claim(Option<Piece>);

impl Turnstile {
    /// Claims the next piece.
    pub(crate) fn next(&self) -> Claim {
        let claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Claim(claims.as_ref().map(|claims| claims.next(BATCH)))
    }

    fn go_on_in(&self, claims: Option<&Arc<Claims>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = claims.cloned();
    }
}

impl Claim {
    /// Reads what can be read before its turn into `batch`.
    pub(crate) fn read(&mut self, batch: &mut Batch) {
        if let Some(piece) = &mut self.0 {
            piece.read(batch);
        }
    }
}

impl Reader {
    /// Opens captures: files, folders with captures in them however deep, or `-` for standard input.
    ///
    /// A file that is named and cannot be read is an error; one found in a folder is left out, see [`Self::notes`].
    pub fn open(paths: &[PathBuf], options: Options) -> Result<Self, CaptureError> {
        let mut notes = Vec::new();
        let pending = VecDeque::from(inputs::find(paths, &options, &mut notes)?);
        if let Some(progress) = &options.progress {
            let sizes = pending.iter().filter_map(|candidate| candidate.path.metadata().ok());
            let files = sizes.filter(std::fs::Metadata::is_file);
            progress.total.store(files.map(|data| data.len()).sum(), Ordering::Relaxed);
        }
        Ok(Self::new(options, pending, notes))
    }

    /// Reads one capture from `source`, as it comes; the account calls it `name`.
    pub fn from_source(
        name: &str,
        source: Box<dyn Read + Send>,
        options: Options,
    ) -> Result<Self, CaptureError> {
        let mut reader = Self::new(options, VecDeque::new(), Vec::new());
        reader.current = Some(source::adopt(Path::new(name), source, &reader.options)?);
        Ok(reader)
    }

    /// What a person should know about the choice of inputs.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Fills `batch` with the next frames, all of one input. False if there are none left; the batch is then empty.
    ///
    /// Fails if a file has gone since it was first looked at.
    pub fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, CaptureError> {
        loop {
            let mut claim = self.claims.next();
            claim.read(batch);
            if !self.take(claim, batch)? {
                return Ok(false);
            }
            if !batch.records.is_empty() {
                return Ok(true);
            }
        }
    }

    /// Where threads claim what they read before it is their turn.
    pub(crate) fn claims(&self) -> Arc<Turnstile> {
        Arc::clone(&self.claims)
    }

    /// Fills `batch`, into which `claim` was read, with the frames that come next; there may be none. False if there
    /// are none left. Claims are to be taken in the order in which they were made.
    ///
    /// Fails if a file has gone since it was first looked at.
    pub(crate) fn take(&mut self, claim: Claim, batch: &mut Batch) -> Result<bool, CaptureError> {
        if let Some(current) = &mut self.current {
            let claims = current.stream.claims();
            match claim.0 {
                Some(piece) if piece.is_of(claims) => current.stream.take_piece(piece, batch),
                None if claims.is_none() => {
                    current.stream.fill(batch, BATCH);
                }
                // It was made before the input before this one had come to its end.
                _ => {
                    batch.clear();
                    return Ok(true);
                }
            }
            if current.stream.ended() && batch.records.is_empty() {
                self.close();
            }
        } else {
            batch.clear();
        }
        if self.current.is_none() {
            if !self.open_next()? {
                return Ok(false);
            }
            if let Some(first) = self.first.take() {
                *batch = first;
            }
        }
        batch.input = u16::try_from(self.inputs.len()).unwrap_or(u16::MAX);
        Ok(true)
    }

    /// What is known of each input, in the order in which they were read. If not all has been read, the last one is
    /// the one that was being read, without hash; those after it are left out.
    pub fn into_inputs(self) -> Vec<Input> {
        let (mut inputs, hashes) = self.into_inputs_and_hashes();
        hashes.wait(&mut inputs);
        inputs
    }

    /// As [`Self::into_inputs`], without the hashes that are still being worked out.
    pub fn into_inputs_and_hashes(mut self) -> (Vec<Input>, Hashes) {
        let partly = self.current.as_ref().is_some_and(|opened| !opened.stream.ended());
        self.close();
        let whole = self.inputs.len() - usize::from(partly);
        self.hash_owners.retain(|index| *index < whole);
        (self.inputs, Hashes { files: self.hashes, owners: self.hash_owners })
    }

    fn new(options: Options, pending: VecDeque<Candidate>, notes: Vec<Note>) -> Self {
        let hashes = if options.hash { Files::start().ok() } else { None };
        Self {
            options,
            notes,
            pending,
            current: None,
            claims: Arc::default(),
            first: None,
            inputs: Vec::new(),
            hashes,
            hash_owners: Vec::new(),
        }
    }

    /// Opens the next input; false if there is none.
    fn open_next(&mut self) -> Result<bool, CaptureError> {
        let Some(Candidate { path, opened, .. }) = self.pending.pop_front() else { return Ok(false) };
        let (opened, first) = match opened {
            Some(opened) => opened,
            None => (source::open(&path, &self.options, true)?, None),
        };
        if let (Some(hashes), false) = (&self.hashes, opened.is_pipe())
            && let Ok(file) = File::open(&path)
        {
            hashes.add(file);
            self.hash_owners.push(self.inputs.len());
        }
        self.claims.go_on_in(opened.stream.claims());
        self.current = Some(opened);
        self.first = first;
        Ok(true)
    }

    /// Closes the account of the current input.
    fn close(&mut self) {
        let Some(opened) = self.current.take() else { return };
        let whole = opened.stream.ended();
        let sum = if whole { opened.finish_pipe() } else { None };
        let known = whole && (!opened.is_pipe() || opened.stream.exhausted() || sum.is_some());
        let size = if known { opened.size() } else { None };
        self.inputs.push(input(opened, size, sum));
    }
}

fn input(opened: Opened, size: Option<u64>, sha256: Option<Sum>) -> Input {
    let Account { format, tally, damage } = opened.stream.into_account();
    Input {
        path: opened.path.to_string_lossy().into_owned(),
        sha256,
        size,
        format,
        compression: opened.compression,
        link_types: tally.link_types,
        packets: tally.frames.packets,
        bytes: tally.frames.bytes,
        first_packet: tally.frames.first(),
        last_packet: tally.frames.last(),
        precision: tally.precision.unwrap_or(Precision::MICROSECONDS),
        truncated_packets: tally.frames.truncated,
        dropped_packets: tally.dropped,
        anomalies: tally.anomalies,
        recorded_names: tally.names.into_iter().collect(),
        interfaces: tally.interfaces,
        damage,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use sha2::{Digest, Sha256};

    use super::super::testing::Writer;
    use super::super::{Format, bytes::Order};
    use super::*;

    /// A classic capture with one packet a second, from `start` on, whose data are one byte each.
    fn capture(start: u32, data: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new(Order::Little);
        writer.pcap_header(0xa1b2_c3d4, (2, 4), 1);
        for (seconds, byte) in (start..).zip(data) {
            writer.pcap_record((seconds, 0), (1, 1), &[], &[*byte]);
        }
        writer.bytes
    }

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, contents) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, contents).unwrap();
        }
        folder
    }

    /// The data of all frames in their order, and the inputs, without the path of the folder.
    fn read(folder: &Path, names: &[&str]) -> (Vec<u8>, Vec<Input>, Vec<String>) {
        let paths: Vec<_> = names.iter().map(|name| folder.join(name)).collect();
        let mut reader = Reader::open(&paths, Options { hash: true, ..Options::default() }).unwrap();
        let prefix = format!("{}/", folder.display());
        let notes = reader.notes().iter().map(|note| note.to_string().replace(&prefix, "")).collect();
        let mut batch = Batch::default();
        let mut data = Vec::new();
        let mut numbers = Vec::new();
        while reader.next_batch(&mut batch).unwrap() {
            data.extend(batch.frames().flat_map(|frame| frame.bytes).copied());
            numbers.extend(batch.frames().map(|frame| (frame.input, frame.number)));
        }
        assert!(batch.records.is_empty());
        let mut inputs = reader.into_inputs();
        let counts =
            (0..).zip(&inputs).flat_map(|(index, input)| (1..=input.packets).map(move |n| (index, n)));
        assert_eq!(numbers, counts.collect::<Vec<_>>());
        for input in &mut inputs {
            input.path = input.path.replace(&prefix, "");
        }
        (data, inputs, notes)
    }

    fn error(folder: &Path, names: &[&str]) -> CaptureError {
        let paths: Vec<_> = names.iter().map(|name| folder.join(name)).collect();
        Reader::open(&paths, Options::default()).err().unwrap()
    }

    fn names(inputs: &[Input]) -> Vec<&str> {
        inputs.iter().map(|input| &*input.path).collect()
    }

    #[test]
    fn several_files_are_read_in_the_order_of_their_first_packets() {
        let files: [(&str, &[u8]); 3] =
            [("a", &capture(9, b"ijk")), ("b", &capture(0, b"")), ("c", &capture(5, b"efgh"))];
        let folder = folder(&files);
        let (data, inputs, notes) = read(folder.path(), &["b", "a", "c"]);
        assert_eq!(data, b"efghijk");
        assert_eq!(names(&inputs), ["c", "a", "b"]);
        assert_eq!(notes, [] as [String; 0]);
        assert_eq!(inputs[2].first_packet, None);
        assert_eq!(inputs[0].size, Some(24 + 4 * 17));
        assert_eq!(inputs[0].format, Format::Pcap);
        let seconds = |time: Option<super::super::Timestamp>| time.unwrap().nanoseconds() / 1_000_000_000;
        assert_eq!((seconds(inputs[0].first_packet), seconds(inputs[0].last_packet)), (5, 8));
    }

    #[test]
    fn a_folder_is_read_however_deep_and_says_what_it_leaves_out() {
        let files: [(&str, &[u8]); 6] = [
            ("d/z.pcap", &capture(1, b"a")),
            ("d/sub/deep/y", &capture(2, b"b")),
            ("d/README", b"Read me.\n"),
            ("d/empty.pcap", b""),
            ("d/old.snoop", b"snoop\0\0\0\0\0\0\x02"),
            ("x", &capture(3, b"c")),
        ];
        let folder = folder(&files);
        let (data, inputs, notes) = read(folder.path(), &["x", "d"]);
        assert_eq!(data, b"abc");
        assert_eq!(names(&inputs), ["d/z.pcap", "d/sub/deep/y", "x"]);
        assert_eq!(notes.len(), 3, "{notes:?}");
        assert_eq!(notes[0], "left out: 'd/README' is text, not a capture");
        assert!(notes[1].contains("'d/empty.pcap' is empty") && notes[2].contains("snoop"), "{notes:?}");
    }

    #[test]
    fn a_file_given_twice_is_read_once() {
        let folder = folder(&[("d/a", &capture(1, b"a"))]);
        let (data, inputs, notes) = read(folder.path(), &["d/a", "d", "d/../d/a"]);
        assert_eq!((&*data, inputs.len()), (&b"a"[..], 1));
        assert_eq!(notes, ["'d/a' is given twice and read once", "'d/../d/a' is given twice and read once"]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let twice = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\x04\0\xfb\xff\x1f\x8b\x08\0";
        let folder = folder(&[
            ("empty", b""),
            ("zip", b"PK\x03\x04abc"),
            ("three", b"\xd4\xc3\xb2"),
            ("twice", twice),
        ]);
        let message = |name: &str| error(folder.path(), &[name]).to_string();
        assert!(message("empty").contains("empty' is empty"));
        assert!(message("zip").contains("zip' is a ZIP archive: unpack it first"));
        assert!(message("three").contains("not a pcap"));
        assert!(message("none").contains("cannot open"));
        if cfg!(feature = "compress") {
            assert!(message("twice").contains("compressed twice"), "{}", message("twice"));
        }
        std::fs::create_dir(folder.path().join("void")).unwrap();
        assert!(matches!(error(folder.path(), &["void"]), CaptureError::NoCapture { .. }));
    }

    #[test]
    fn damage_ends_one_input_and_reading_goes_on_with_the_next() {
        let mut cut = capture(1, b"abcd");
        cut.truncate(24 + 2 * 17 + 5);
        let folder = folder(&[("cut", &cut), ("whole", &capture(5, b"efgh")), ("header", &cut[..20])]);
        let (data, inputs, _) = read(folder.path(), &["cut", "header", "whole"]);
        assert_eq!(data, b"abefgh");
        assert_eq!(names(&inputs), ["cut", "whole", "header"]);
        assert_eq!(inputs[0].damage.as_ref().unwrap().offset, 24 + 2 * 17);
        assert_eq!(inputs[1].damage, None);
        assert_eq!(inputs[2].damage.as_ref().unwrap().offset, 0);
        assert!(inputs.iter().all(|input| input.sha256.is_some()));
        assert_ne!(inputs[0].sha256, inputs[1].sha256);
    }

    #[test]
    fn records_that_lie_in_several_pieces_are_whole() {
        // Longer than the room before a piece, and (D-Bus messages may be so long) than a piece.
        for (link_type, length) in [(1, 250_000), (231, 5_000_000)] {
            let mut writer = Writer::new(Order::Little);
            writer.pcap_header(0xa1b2_c3d4, (2, 4), link_type);
            let data: Vec<Vec<u8>> =
                (0..12_u8).map(|number| vec![number; length + usize::from(number)]).collect();
            for (data, second) in data.iter().zip(1..) {
                let length = u32::try_from(data.len()).unwrap();
                writer.pcap_record((second, 0), (length, length), &[], data);
            }
            let folder = folder(&[("a", &writer.bytes)]);
            let mut reader = Reader::open(&[folder.path().join("a")], Options::default()).unwrap();
            let (mut batch, mut found) = (Batch::default(), 0);
            while reader.next_batch(&mut batch).unwrap() {
                for frame in batch.frames() {
                    assert!(frame.bytes == data[found], "frame {}", frame.number);
                    found += 1;
                }
            }
            assert_eq!((found, reader.into_inputs()[0].damage.clone()), (12, None));
        }
    }

    #[test]
    fn an_account_can_be_had_before_the_end() {
        let folder = folder(&[("a", &capture(1, &vec![7; BATCH])), ("b", &capture(300_000, b"c"))]);
        let paths = [folder.path().join("a"), folder.path().join("b")];
        let mut reader = Reader::open(&paths, Options { hash: true, ..Options::default() }).unwrap();
        assert!(reader.next_batch(&mut Batch::default()).unwrap());
        let inputs = reader.into_inputs();
        assert_eq!((inputs.len(), inputs[0].size, inputs[0].sha256), (1, None, None));
        assert!((1..BATCH as u64).contains(&inputs[0].packets));
    }

    #[test]
    fn progress_reaches_its_total() {
        let folder = folder(&[("a", &capture(1, b"ab")), ("b", &capture(3, b"c"))]);
        let progress = Arc::new(Progress::default());
        let options = Options { progress: Some(Arc::clone(&progress)), ..Options::default() };
        let mut reader = Reader::open(&[folder.path().to_owned()], options).unwrap();
        assert_eq!((progress.read(), progress.total()), (0, 58 + 41));
        while reader.next_batch(&mut Batch::default()).unwrap() {}
        assert_eq!(progress.read(), progress.total());
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_read_in_its_place_among_files_and_hashed() {
        let folder = folder(&[("a", &capture(5, b"ef")), ("same", &capture(1, b"abcd"))]);
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if !made.is_ok_and(|status| status.success()) {
            println!("skipped: there is no mkfifo");
            return;
        }
        let writer = std::thread::spawn(move || std::fs::write(pipe, capture(1, b"abcd")).unwrap());
        let (data, inputs, _) = read(folder.path(), &["a", "pipe"]);
        writer.join().unwrap();
        assert_eq!(data, b"abcdef");
        assert_eq!(names(&inputs), ["pipe", "a"]);
        assert_eq!(inputs[0].size, Some(24 + 4 * 17));
        let (_, same, _) = read(folder.path(), &["same"]);
        assert_eq!(inputs[0].sha256, same[0].sha256);
    }

    #[test]
    fn a_source_in_memory_is_read_and_hashed_past_its_damage() {
        let mut bytes = capture(1, b"ab");
        bytes.resize(1_000_000, 0xff);
        let options = Options { hash: true, ..Options::default() };
        let mut reader =
            Reader::from_source("memory", Box::new(Cursor::new(bytes.clone())), options).unwrap();
        let mut batch = Batch::default();
        assert!(reader.next_batch(&mut batch).unwrap());
        assert_eq!(batch.records.len(), 2);
        assert!(!reader.next_batch(&mut batch).unwrap());
        let input = &reader.into_inputs()[0];
        assert_eq!((&*input.path, input.size), ("memory", Some(bytes.len() as u64)));
        assert_eq!(input.sha256, Some(Sha256::digest(&bytes).into()));
        assert_eq!(input.damage.as_ref().unwrap().offset, 24 + 2 * 17);
    }

    #[test]
    fn a_reader_may_go_to_another_thread() {
        fn check<T: Send>() {}
        check::<Reader>();
    }
}

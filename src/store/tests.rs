//! Tests of the store, with a server of their own on this machine.

use super::*;
use std::collections::HashMap;
#[cfg(feature = "update")]
use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
};

const TODAY: &str = "2026-08-23";
const RANGES: &str = r#"{"createDate": "2026-08-22-15-17-05", "prefixes": [{"ip_prefix": "52.80.0.0/16",
    "region": "cn-north-1", "service": "AMAZON", "network_border_group": "cn-north-1"}]}"#;

fn today() -> Today {
    TODAY.parse().unwrap()
}

fn source(name: &str, kind: Kind, url: &str) -> Source {
    let (name, url) = (name.to_owned(), url.to_owned());
    Source { name, kind, url, licence: Some("CC0-1.0".to_owned()), attribution: None }
}

/// Names in the folder, hidden ones too.
fn names(store: &Store) -> Vec<String> {
    let Ok(entries) = fs::read_dir(store.folder()) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().join("landfall"));
    (folder, store)
}

/// Gives what a table says.
struct Table(HashMap<String, Vec<u8>>);

impl Table {
    fn new(entries: &[(&str, &[u8])]) -> Self {
        Self(entries.iter().map(|(url, bytes)| ((*url).to_owned(), bytes.to_vec())).collect())
    }
}

impl Fetch for Table {
    fn fetch(&self, url: &str, _limit: u64) -> Result<Vec<u8>, StoreError> {
        self.0.get(url).cloned().ok_or_else(|| StoreError::Refused { url: url.to_owned(), status: 404 })
    }
}

/// A database of one network.
fn database() -> Vec<u8> {
    locate::testing::small()
}

#[test]
fn every_source_that_the_program_knows_is_read() {
    let sources = sources(None).unwrap();
    assert!(sources.len() >= 6);
    assert!(sources.iter().all(|source| source.url.starts_with("https://")));
    assert!(matches!(super::sources(Some(Path::new("no/such.toml"))), Err(StoreError::Read { .. })));
}

#[test]
fn what_is_fetched_is_kept_with_its_date() {
    let (_folder, store) = store();
    let fetch = Table::new(&[
        ("https://a/ranges.json", RANGES.as_bytes()),
        ("https://a/db-2026-07.mmdb", &database()),
    ]);
    let ranges = source("aws", Kind::Ranges, "https://a/ranges.json");
    let Updated::New(item) = store.update(&ranges, today(), &fetch).unwrap() else { panic!("not new") };
    assert_eq!((item.name.as_str(), item.licence.as_deref()), ("aws-2026-08-22", Some("CC0-1.0")));
    // The file of this month is not there yet.
    let monthly = source("db", Kind::Database, "https://a/db-{year}-{month}.mmdb");
    let Updated::New(item) = store.update(&monthly, today(), &fetch).unwrap() else { panic!("not new") };
    assert_eq!(
        (item.name.as_str(), item.url.as_deref()),
        ("db-2020-09-13", Some("https://a/db-2026-07.mmdb"))
    );
    assert!(matches!(store.update(&ranges, today(), &fetch).unwrap(), Updated::Same(_)));
    assert_eq!(names(&store), [".index.json", "aws-2026-08-22.json", "db-2020-09-13.mmdb"]);
    assert!(store.verify().unwrap().iter().all(|item| item.problem.is_none()));
    let found = resolve(&[PathBuf::from("aws"), PathBuf::from("d")], &[store.folder().to_owned()]);
    assert_eq!(found, [store.folder().join("aws-2026-08-22.json"), PathBuf::from("d")]);
}

#[cfg(feature = "compress")]
#[test]
fn what_comes_in_gzip_is_unpacked() {
    let (_folder, store) = store();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&database()).unwrap();
    let fetch = Table::new(&[("https://a/db.gz", &packer.finish().unwrap())]);
    store.update(&source("db", Kind::Database, "https://a/db.gz"), today(), &fetch).unwrap();
    assert_eq!(names(&store), [".index.json", "db-2020-09-13.mmdb"]);
}

#[test]
fn what_is_no_use_replaces_nothing_and_leaves_nothing() {
    let (_folder, store) = store();
    let list = source("aws", Kind::Ranges, "https://a/r");
    let whole = database();
    for (kind, bytes) in [
        (Kind::Ranges, &b"<html>Sign in to the hotel's network</html>"[..]),
        (Kind::Ranges, b""),
        (Kind::Ranges, &RANGES.as_bytes()[..RANGES.len() - 9]),
        (Kind::Database, b"<html>"),
        (Kind::Database, &whole[..whole.len() / 2]),
        (Kind::Database, b"\x1f\x8b\x08\0broken"),
    ] {
        let fetch = Table::new(&[("https://a/r", bytes)]);
        let error = store.update(&Source { kind, ..list.clone() }, today(), &fetch).unwrap_err();
        assert!(matches!(error, StoreError::Bad { .. }), "{error}");
        assert_eq!(names(&store), [""; 0], "{error}");
    }
}

#[test]
fn what_is_much_smaller_than_before_is_refused() {
    let (_folder, store) = store();
    let list = source("feed", Kind::Ranges, "https://a/r");
    let rows = |count: u8| (0..count).map(|n| format!("192.0.{n}.0/24,DE")).collect::<Vec<_>>().join("\n");
    let update = |day: &str, rows: &str| {
        let fetch = Table::new(&[("https://a/r", rows.as_bytes())]);
        store.update(&list, day.parse().unwrap(), &fetch)
    };
    assert!(matches!(update("2026-08-21", &rows(100)), Ok(Updated::New(_))));
    // A part of it, of the same day and of the next.
    for day in ["2026-08-21", "2026-08-22"] {
        let error = update(day, &rows(40)).unwrap_err();
        assert!(
            matches!(&error, StoreError::Shrunk { path, .. } if path.ends_with("feed-2026-08-21.csv")),
            "{error}"
        );
        assert_eq!(names(&store), [".index.json", "feed-2026-08-21.csv"]);
    }
    assert!(matches!(update("2026-08-22", &rows(80)), Ok(Updated::New(_))));
    assert_eq!(names(&store), [".index.json", "feed-2026-08-21.csv", "feed-2026-08-22.csv"]);
}

#[test]
fn files_are_added_listed_and_verified() {
    let (folder, store) = store();
    assert_eq!(store.list(&[]).unwrap().len(), 0);
    let geoip = folder.path().join("GeoIP");
    fs::create_dir(&geoip).unwrap();
    fs::write(geoip.join("GeoLite2-Country.mmdb"), database()).unwrap();
    fs::write(geoip.join("notes.txt"), "x").unwrap();
    let mine = folder.path().join("mine.mmdb");
    fs::write(&mine, database()).unwrap();
    assert_eq!(store.add(&mine).unwrap().name, "mine");
    let list = folder.path().join("list.csv");
    fs::write(&list, "prefix,country\n192.0.2.0/24,DE\n").unwrap();
    store.add(&list).unwrap();
    fs::write(folder.path().join("bad.csv"), "hello").unwrap();
    assert!(matches!(store.add(&folder.path().join("bad.csv")), Err(StoreError::Locate(_))));
    let items = store.list(&[geoip]).unwrap();
    let shown: Vec<_> = items.iter().map(|item| (item.name.as_str(), item.problem.as_deref())).collect();
    assert_eq!(shown, [("list", None), ("mine", None), ("GeoLite2-Country", None)]);
    // Somebody changes a file.
    fs::write(store.folder().join("list.csv"), "192.0.2.0/24,FR\n").unwrap();
    let problems: Vec<_> = store.verify().unwrap().into_iter().map(|item| item.problem).collect();
    assert_eq!(problems, [Some("it is not what it was when it came".to_owned()), None]);
}

/// A server on this machine that answers each path with what `answers` says.
#[cfg(feature = "update")]
struct Server {
    url: String,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[cfg(feature = "update")]
impl Server {
    fn start(answers: Vec<(&'static str, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let request = lines.next().unwrap_or_default();
                while lines.next().is_some_and(|line| !line.is_empty()) {}
                let path = request.split(' ').nth(1).unwrap_or_default();
                let missing =
                    b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec();
                let answer = answers
                    .iter()
                    .find(|(known, _)| *known == path)
                    .map_or(missing, |(_, bytes)| bytes.clone());
                let _ = stream.write_all(&answer);
            }
        });
        Self { url, stop, thread: Some(thread) }
    }
}

#[cfg(feature = "update")]
impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = std::net::TcpStream::connect(self.url.trim_start_matches("http://"));
        let _ = self.thread.take().unwrap().join();
    }
}

#[cfg(feature = "update")]
fn ok(body: &[u8], announced: usize) -> Vec<u8> {
    let mut answer =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {announced}\r\nconnection: close\r\n\r\n").into_bytes();
    answer.extend(body);
    answer
}

#[cfg(feature = "update")]
#[test]
fn a_server_is_asked_over_the_network() {
    let (_folder, store) = store();
    let half = &RANGES.as_bytes()[..40];
    let moved =
        b"HTTP/1.1 302 Found\r\nlocation: /whole\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec();
    let server = Server::start(vec![
        ("/whole", ok(RANGES.as_bytes(), RANGES.len())),
        ("/half", ok(half, RANGES.len())),
        ("/moved", moved),
    ]);
    let network = fetch::Network::new();
    let at = |path: &str| source("aws", Kind::Ranges, &format!("{}{path}", server.url));
    // The connection breaks off in the middle.
    let error = store.update(&at("/half"), today(), &network).unwrap_err();
    assert!(matches!(error, StoreError::BrokeOff { .. }), "{error}");
    assert_eq!(names(&store), [""; 0]);
    let error = store.update(&at("/none"), today(), &network).unwrap_err();
    assert_eq!(error.to_string(), format!("'{}/none' is answered with HTTP status 404", server.url));
    assert!(matches!(store.update(&at("/moved"), today(), &network).unwrap(), Updated::New(_)));
    assert!(matches!(store.update(&at("/whole"), today(), &network).unwrap(), Updated::Same(_)));
    assert_eq!(names(&store), [".index.json", "aws-2026-08-22.json"]);
}

#[cfg(feature = "update")]
#[test]
fn without_a_network_the_message_says_so() {
    let (_folder, store) = store();
    // A port that nobody listens at.
    let url = format!("http://{}/x", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let error =
        store.update(&source("aws", Kind::Ranges, &url), today(), &fetch::Network::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot reach '{url}': is there a network? Behind a proxy, set HTTPS_PROXY")
    );
    for insecure in ["http://example.com/x", "ftp://example.com/x", "file:///etc/passwd", "x"] {
        let error = fetch::Network::new().fetch(insecure, 10).unwrap_err();
        assert!(matches!(error, StoreError::NotSecure { .. }), "{error}");
    }
}

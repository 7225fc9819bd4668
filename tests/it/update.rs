//! `landfall db update` against servers on this machine: over TLS, through a proxy, and when things go wrong.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A name that no name server is asked for: the proxy knows where it leads to.
const NAME: &str = "ranges.test";
/// A name that is no name, so that it is refused before any server is asked: a part has 63 letters at most.
const NO_NAME: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.test";
const RANGES: &str = r#"{"createDate": "2026-08-22-15-17-05", "prefixes": [{"ip_prefix": "52.80.0.0/16",
    "region": "cn-north-1", "service": "AMAZON", "network_border_group": "cn-north-1"}]}"#;
/// Nothing here takes long, and nothing waits forever.
const PATIENCE: Duration = Duration::from_secs(20);

/// Something that listens on this machine until it is dropped.
struct Listener {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    fn start(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, answer) = (Arc::clone(&stop), Arc::new(answer));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let stream = stream.unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_write_timeout(Some(PATIENCE)).unwrap();
                let answer = Arc::clone(&answer);
                std::thread::spawn(move || answer(stream));
            }
        });
        Self { address, stop, thread: Some(thread) }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().unwrap().join();
    }
}

/// The first line of a request; what comes with it is read.
fn request(stream: &mut impl Read) -> String {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    while lines.next().is_some_and(|line| !line.is_empty()) {}
    first
}

/// An authority, and what it takes to be a server that it vouches for.
struct Authority {
    certificate: String,
    server: Arc<ServerConfig>,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), NAME.to_owned()];
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let chain = vec![CertificateDer::from(leaf.der().to_vec())];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let server = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    Authority { certificate, server: Arc::new(server) }
}

/// A server that answers each path with what `answers` says, then closes.
fn server(config: Arc<ServerConfig>, answers: Vec<(&'static str, Vec<u8>)>) -> Listener {
    Listener::start(move |stream| {
        let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
        let line = request(&mut tls);
        let path = line.split(' ').nth(1).unwrap_or_default();
        let found = answers.iter().find(|(known, _)| *known == path);
        let missing = head("404 Not Found", "content-length: 0");
        let _ = tls.write_all(found.map_or(&missing, |(_, answer)| answer));
        tls.conn.send_close_notify();
        let _ = tls.flush();
    })
}

fn head(status: &str, fields: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{fields}\r\nconnection: close\r\n\r\n").into_bytes()
}

fn ok(body: &[u8]) -> Vec<u8> {
    [head("200 OK", &format!("content-length: {}", body.len())), body.to_vec()].concat()
}

/// A proxy that leads every name to `target`, and notes what it was asked for.
fn proxy(target: SocketAddr) -> (Listener, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&asked);
    let listener = Listener::start(move |mut client| {
        // Byte by byte: what comes after the request is not the proxy's.
        let mut text = Vec::new();
        let mut byte = [0];
        while !text.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|count| count == 1) {
            text.push(byte[0]);
        }
        let line = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned();
        notes.lock().unwrap().push(line);
        let mut server = TcpStream::connect(target).unwrap();
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
        let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let upward = std::thread::spawn(move || {
            let _ = std::io::copy(&mut from_client, &mut to_server);
            let _ = to_server.shutdown(Shutdown::Write);
        });
        let _ = std::io::copy(&mut server, &mut client);
        let _ = client.shutdown(Shutdown::Both);
        let _ = upward.join();
    });
    (listener, asked)
}

/// A user with a store of their own.
struct User(tempfile::TempDir);

impl User {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs `landfall db update` on one source; gives the status and what was said on standard error.
    fn update(&self, kind: &str, url: &str, environment: &[(&str, &str)]) -> (i32, String) {
        let text = format!("[[source]]\nname = \"aws\"\nkind = \"{kind}\"\nurl = \"{url}\"\n");
        let list = self.file("sources.toml", &text);
        let mut command = Command::new(env!("CARGO_BIN_EXE_landfall"));
        for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
            command.env_remove(name).env_remove(name.to_ascii_lowercase());
        }
        let output = command
            .args(["db", "update", "--sources"])
            .arg(list)
            .env("XDG_DATA_HOME", self.0.path())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// Names in the store, hidden ones too.
    fn names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.0.path().join("landfall")) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_server_with_a_certificate_of_a_private_authority_is_asked_where_that_is_trusted() {
    let (trusted, other) = (authority(), authority());
    let server = server(trusted.server, vec![("/r", ok(RANGES.as_bytes()))]);
    let url = format!("https://localhost:{}/r", server.address.port());
    let user = User::new();
    let (mine, theirs) =
        (user.file("mine.pem", &trusted.certificate), user.file("theirs.pem", &other.certificate));
    for environment in [&[][..], &[("SSL_CERT_FILE", theirs.to_str().unwrap())]] {
        let (status, said) = user.update("ranges", &url, environment);
        assert_eq!(status, 2, "{said}");
        assert!(said.contains("is not trusted; if a proxy opens TLS here, set SSL_CERT_FILE"), "{said}");
        assert_eq!(user.names(), [""; 0]);
    }
    let (status, said) = user.update("ranges", &url, &[("SSL_CERT_FILE", mine.to_str().unwrap())]);
    assert_eq!((status, said.as_str()), (0, ""));
    assert_eq!(user.names(), [".index.json", "aws-2026-08-22.json"]);
}

#[test]
fn a_proxy_is_used_where_the_environment_names_one() {
    let authority = authority();
    let server = server(authority.server, vec![("/r", ok(RANGES.as_bytes()))]);
    let (proxy, asked) = proxy(server.address);
    let proxy_url = format!("http://{}", proxy.address);
    let user = User::new();
    let trusted = user.file("ca.pem", &authority.certificate);
    let trust = ("SSL_CERT_FILE", trusted.to_str().unwrap());
    let url = format!("https://{NAME}/r");
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let (status, said) = user.update("ranges", &url, &[trust, (name, &proxy_url)]);
        assert_eq!((status, said.as_str()), (0, ""), "{name}");
        assert_eq!(std::mem::take(&mut *asked.lock().unwrap()), [format!("CONNECT {NAME}:443 HTTP/1.1")]);
    }
    assert_eq!(user.names(), [".index.json", "aws-2026-08-22.json"]);
    // What NO_PROXY names, and this machine, are asked directly.
    let url = format!("https://{NO_NAME}/r");
    let (status, said) =
        user.update("ranges", &url, &[trust, ("HTTPS_PROXY", &proxy_url), ("NO_PROXY", "example.com,.test")]);
    assert_eq!(status, 2, "{said}");
    let local = format!("https://localhost:{}/r", server.address.port());
    let (status, said) = user.update("ranges", &local, &[trust, ("HTTPS_PROXY", &proxy_url)]);
    assert_eq!((status, said.as_str()), (0, ""));
    assert_eq!(*asked.lock().unwrap(), [""; 0]);
}

#[test]
fn without_a_network_it_says_so() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = format!("http://{nobody}");
    let user = User::new();
    for (url, environment, why) in [
        (format!("https://{nobody}/r"), &[][..], "Connection refused"),
        (format!("https://{NO_NAME}/r"), &[], "lookup"),
        (format!("https://{NAME}/r"), &[("HTTPS_PROXY", proxy.as_str())], "Connection refused"),
    ] {
        let (status, said) = user.update("ranges", &url, environment);
        let expected = format!(
            "landfall: aws: cannot reach '{url}': is there a network? Behind a proxy, set HTTPS_PROXY: "
        );
        assert_eq!(status, 2, "{said}");
        assert!(said.starts_with(&expected) && said.contains(why), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert_eq!(user.names(), [""; 0]);
    }
}

#[test]
fn what_is_no_use_leaves_what_is_there() {
    let feed = (0..100).map(|n| format!("192.0.{n}.0/24,DE")).collect::<Vec<_>>().join("\n");
    let page = b"<!doctype html><title>Sign in</title><p>Welcome to the hotel's network";
    let whole = ok(feed.as_bytes());
    let (chunked, open) =
        (head("200 OK", "transfer-encoding: chunked"), head("200 OK", "content-type: text/csv"));
    let authority = authority();
    let answers = vec![
        ("/whole", whole.clone()),
        ("/half", whole[..whole.len() / 2].to_vec()),
        ("/half-chunk", [&chunked[..], b"20\r\n192.0.2.0/24,DE\n"].concat()),
        // Without a length of its own a list that is cut looks like a list.
        ("/cut", [&open[..], &feed.as_bytes()[..feed.len() / 4]].concat()),
        ("/page", ok(page)),
        ("/nothing", ok(b"")),
        ("/moved", head("302 Found", "location: /page\r\ncontent-length: 0")),
        (
            "/plain",
            head("301 Moved Permanently", &format!("location: http://{NAME}/whole\r\ncontent-length: 0")),
        ),
        ("/circle", head("302 Found", "location: /circle\r\ncontent-length: 0")),
    ];
    let server = server(authority.server, answers);
    let user = User::new();
    let trusted = user.file("ca.pem", &authority.certificate);
    let trust = [("SSL_CERT_FILE", trusted.to_str().unwrap())];
    let update = |kind: &str, path: &str| {
        user.update(kind, &format!("https://localhost:{}{path}", server.address.port()), &trust)
    };
    assert_eq!(update("ranges", "/whole"), (0, String::new()));
    let before = user.names();
    assert!(before.len() == 2 && before[1].starts_with("aws-"), "{before:?}");
    for (kind, path, why) in [
        ("ranges", "/half", "broke off; what was there before is kept"),
        ("ranges", "/half-chunk", "broke off; what was there before is kept"),
        ("ranges", "/cut", "less than half of the"),
        ("ranges", "/page", "is no use; what was there before is kept"),
        ("ranges", "/nothing", "is no use; what was there before is kept"),
        ("ranges", "/moved", "is no use; what was there before is kept"),
        ("ranges", "/none", "is answered with HTTP status 404"),
        ("ranges", "/plain", "is no https URL"),
        ("ranges", "/circle", "too many redirects"),
        ("database", "/whole", "is no use; what was there before is kept"),
        ("database", "/page", "is no use; what was there before is kept"),
    ] {
        let (status, said) = update(kind, path);
        assert_eq!(status, 2, "{path}: {said}");
        assert!(said.contains(why), "{path}: {said}");
        assert_eq!(user.names(), before, "{path}");
    }
}

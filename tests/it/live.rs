//! `landfall live` in network namespaces that the tests make, from which nothing can leave.

use crate::program::{command, root, samples};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime};

/// Set within a namespace.
const INSIDE: &str = "LANDFALL_TEST_NAMESPACE";

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the test `name`, with its module, again in a namespace of its own. True if this is that run; false if it is over, or if there can
/// be none or `tools` are missing, which is said.
pub fn inside(name: &str, tools: &[&str]) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        sh("ip link set lo up");
        return true;
    }
    let has = |tool: &&&str| {
        !Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().unwrap().status.success()
    };
    let missing: Vec<&&str> = ["unshare", "ip"].iter().chain(tools).filter(has).collect();
    if !missing.is_empty() {
        eprintln!("left out: {name}: not installed: {missing:?} (ci/setup test installs them)");
        return false;
    }
    let allowed = Command::new("unshare").args(["-Urn", "ip", "link", "set", "lo", "up"]).output().unwrap();
    if !allowed.status.success() || cfg!(not(feature = "live")) {
        eprintln!("left out: {name}: network namespaces are not allowed here, or the program cannot capture");
        return false;
    }
    let inner = Command::new("unshare")
        .arg("-Urn")
        .arg(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(inner.status.success(), "{}{}", text(&inner.stdout), text(&inner.stderr));
    assert!(text(&inner.stdout).contains("1 passed"), "{}", text(&inner.stdout));
    false
}

pub fn sh(line: &str) {
    let output = Command::new("sh").args(["-ec", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A pair of interfaces: what is sent on `v0` comes out of `v1`.
pub fn wire() {
    sh("ip link add v0 type veth peer name v1
        for i in v0 v1; do ip link set $i addrgenmode none arp off mtu 9000 up; done");
}

/// Addresses of this machine, as seen by programs that turn to `server`: `client` is theirs.
fn host(client: &str, server: &str) {
    sh(&format!(
        "for a in {client} {server}; do ip addr replace $a/32 dev lo; done
         ip route replace local {server} dev lo src {client} table local"
    ));
}

/// A running program that ends with this value.
pub struct Running(pub Child);

impl Running {
    pub fn start(program: &str, arguments: &[&str]) -> Self {
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `landfall live` and what it tells.
pub struct Live {
    child: Child,
    told: Receiver<(SystemTime, Value)>,
    seen: Vec<(SystemTime, Value)>,
}

impl Live {
    /// Starts it, and waits until it captures.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = command(&std::env::temp_dir(), &[&["live"], arguments].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, told) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines() {
                let record = serde_json::from_str(&line.unwrap()).unwrap();
                let _ = tell.send((SystemTime::now(), record));
            }
        });
        let mut live = Self { child, told, seen: Vec::new() };
        live.until("the capture starts", |told| told["type"] == "capture-started");
        live
    }

    /// Waits for a record that is `wanted`.
    pub fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> (SystemTime, Value) {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.told.recv_timeout(left) {
                Ok(told) => {
                    self.seen.push(told.clone());
                    if wanted(&told.1) {
                        return told;
                    }
                }
                Err(error) => panic!("never told: {what} ({error}); told: {:#?}", self.kinds()),
            }
        }
    }

    fn kinds(&self) -> Vec<String> {
        self.seen.iter().map(|(_, told)| told.to_string().chars().take(200).collect()).collect()
    }

    /// Ends it as Ctrl-C does. Gives the exit status, the report and what it said.
    pub fn end(mut self) -> (i32, Value, String) {
        sh(&format!("kill -INT {}", self.child.id()));
        let (_, mut told) = self.until("the report", |told| told["type"] == "report");
        let status = self.child.wait().unwrap().code().unwrap();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (status, told["report"].take(), said)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn inspect(path: &Path) -> Value {
    let output =
        command(&root(), &["inspect", "--deny", "CN", "--format", "json"]).arg(path).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Calls, their far ends, and findings, without times.
fn essence(report: &Value) -> BTreeSet<String> {
    let list = |value: &Value, name: &str| value[name].as_array().unwrap().clone();
    let mut all = BTreeSet::new();
    for session in list(report, "sessions") {
        let call = format!("{} {} {}", session["service"], session["client"], session["verdict"]);
        for far in list(&session, "endpoints") {
            let counts =
                [&far["packets_sent"], &far["bytes_sent"], &far["packets_received"], &far["bytes_received"]];
            let what = [
                &far["address"],
                &far["ports"],
                &far["roles"],
                &far["contact"],
                &far["country"],
                &far["verdict"],
            ];
            all.insert(format!("{call}: {what:?} {counts:?}"));
        }
        all.insert(call);
    }
    for finding in list(report, "findings") {
        let what = ["rule", "verdict", "endpoint", "country", "role", "contact", "packets"]
            .map(|name| &finding[name]);
        all.insert(format!("finding {what:?}"));
    }
    all
}

#[test]
fn a_replayed_capture_is_told_of_as_its_file_is() {
    if !inside("live::a_replayed_capture_is_told_of_as_its_file_is", &["tcpreplay"]) {
        return;
    }
    wire();
    let folder = tempfile::tempdir().unwrap();
    for name in
        ["zoom-beijing-keys.pcapng", "teams-region.pcapng", "zoom-peer-denied.pcapng", "ipv6-call.pcap"]
    {
        let (file, kept) = (samples().join(name), folder.path().join(name));
        let mut live = Live::start(&["-i", "v1", "--deny", "CN", "--write", kept.to_str().unwrap()]);
        sh(&format!("tcpreplay -q -K -i v0 --pps=300 {}", file.display()));
        let whole = inspect(&file);
        if whole["verdict"] == "deny" {
            let (heard, told) = live.until("the finding", |told| told["type"] == "finding");
            let seen: jiff::Timestamp = told["first_packet"]["time"].as_str().unwrap().parse().unwrap();
            let late = heard.duration_since(SystemTime::from(seen)).unwrap();
            eprintln!("{name}: told {late:?} after the first packet");
            assert!(late < Duration::from_secs(4), "{name}: {late:?}");
        }
        let packets = whole["coverage"]["packets"].as_u64().unwrap();
        std::thread::sleep(Duration::from_millis(700));
        let (status, report, said) = live.end();
        assert_eq!(report["coverage"]["packets"], packets, "{name}: {said}");
        assert_eq!(report["inputs"][0]["format"], "live");
        assert_eq!(report["inputs"][0]["dropped_packets"], 0);
        assert_eq!(essence(&report), essence(&whole), "{name}");
        assert_eq!(essence(&inspect(&kept)), essence(&whole), "{name}");
        assert_eq!(status, i32::from(whole["verdict"] == "deny"), "{name}: {said}");
    }
}

/// A name server that knows one name, until the test ends.
fn name_server(at: &str, name: &'static str, address: [u8; 4]) {
    let socket = UdpSocket::bind((at, 53)).unwrap();
    std::thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut query) {
            let question = &query[12..length];
            let known = question.starts_with(&wire_name(name));
            let mut answer =
                [&query[..2], &[0x81, 0x80, 0, 1, 0, u8::from(known), 0, 0, 0, 0], question].concat();
            if known {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
                answer.extend(address);
            }
            let _ = socket.send_to(&answer, client);
        }
    });
}

/// A name as DNS writes it (RFC 1035 section 3.1).
fn wire_name(name: &str) -> Vec<u8> {
    let labels = name.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat());
    labels.chain([0]).collect()
}

/// Asks a name server for the address of `name`, from `client`.
fn look_up(client: &str, server: &str, name: &str) {
    let socket = UdpSocket::bind((client, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let query = [&[0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], &wire_name(name)[..], &[0, 1, 0, 1]].concat();
    socket.send_to(&query, (server, 53)).unwrap();
    socket.recv_from(&mut [0; 512]).unwrap();
}

/// Converses over TLS with a server at `server`, as `name`; both are of openssl.
fn converse(folder: &Path, server: &str, name: &str) {
    let (key, certificate) = (folder.join("key.pem"), folder.join("certificate.pem"));
    let (key, certificate) = (key.display(), certificate.display());
    sh(&format!(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=zoom.us \
         -keyout {key} -out {certificate}"
    ));
    let accept = format!("{server}:443");
    let arguments =
        ["s_server", "-accept", &accept, "-key", &key.to_string(), "-cert", &certificate.to_string(), "-www"];
    let _server = Running::start("openssl", &arguments);
    let end = Instant::now() + PATIENCE;
    while TcpStream::connect((server, 443)).is_err() {
        assert!(Instant::now() < end, "the TLS server does not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut client =
        Running::start("openssl", &["s_client", "-connect", &accept, "-servername", name, "-quiet"]);
    let input = client.0.stdin.as_mut().unwrap();
    // The program is looked for while it has the socket.
    std::thread::sleep(Duration::from_millis(800));
    input.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(800));
}

#[test]
fn a_tls_server_is_seen_with_its_name_its_country_and_the_program_that_turned_to_it() {
    let test = "live::a_tls_server_is_seen_with_its_name_its_country_and_the_program_that_turned_to_it";
    if !inside(test, &["openssl"]) {
        return;
    }
    host("192.0.2.10", "52.81.151.250");
    host("192.0.2.10", "192.0.2.53");
    let folder = tempfile::tempdir().unwrap();
    let findings = folder.path().join("findings");
    let name = "zoombj12mmr.zoom.us";
    name_server("192.0.2.53", name, [52, 81, 151, 250]);
    let command = format!("cat >> {}; echo noise", findings.display());
    let mut live =
        Live::start(&["-i", "lo", "--deny", "CN", "--flows", "--on-finding", &command, "--metrics", "9184"]);
    look_up("192.0.2.10", "192.0.2.53", name);
    converse(folder.path(), "52.81.151.250", name);
    let (_, finding) =
        live.until("the finding", |told| told["type"] == "finding" && told["contact"] == "control");
    assert_eq!((&finding["endpoint"], &finding["country"]), (&"52.81.151.250".into(), &"CN".into()));
    let metrics = metrics();
    assert!(metrics.contains("landfall_findings_total{rule=\"deny-1\",verdict=\"deny\"} 1"), "{metrics}");
    assert!(
        metrics.contains("landfall_call_bytes_total{country=\"CN\",role=\"signaling\",direction=\"sent\"}"),
        "{metrics}"
    );
    assert!(metrics.contains("landfall_dropped_packets_total{interface=\"lo\"} 0"), "{metrics}");
    let (status, report, said) = live.end();
    assert_eq!(status, 1, "{said}");
    let session = &report["sessions"][0];
    assert_eq!((&session["service"], &session["client"]), (&"zoom".into(), &"192.0.2.10".into()));
    assert_eq!(session["processes"][0]["name"], "openssl", "{session:#}");
    let far = &session["endpoints"][0];
    let vias: Vec<&Value> = far["names"].as_array().unwrap().iter().map(|name| &name["via"]).collect();
    assert!(vias.contains(&&"tls".into()), "{far:#}");
    let flows = report["flows"].as_array().unwrap();
    let dns = flows.iter().find(|flow| flow["protocols"][0] == "dns").unwrap();
    assert_eq!(dns["outcome"], "answered");
    let alerts = std::fs::read_to_string(findings).unwrap();
    let alerts: Vec<Value> = alerts.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    assert_eq!(alerts[0]["endpoint"], "52.81.151.250");
}

fn metrics() -> String {
    let mut connection = TcpStream::connect(("127.0.0.1", 9184)).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_turn_server_is_seen_as_a_relay() {
    if !inside("live::a_turn_server_is_seen_as_a_relay", &["turnserver", "turnutils_uclient"]) {
        return;
    }
    host("192.0.2.10", "198.51.100.30");
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("turndb").display().to_string();
    let log = folder.path().join("log").display().to_string();
    let pid = folder.path().join("pid").display().to_string();
    let _server = Running::start(
        "turnserver",
        &[
            "-n",
            "--listening-ip",
            "198.51.100.30",
            "--relay-ip",
            "198.51.100.30",
            "--lt-cred-mech",
            "--user",
            "caller:secret",
            "--realm",
            "example.org",
            "--no-tls",
            "--no-dtls",
            "--no-cli",
            "--userdb",
            &database,
            "--log-file",
            &log,
            "--pidfile",
            &pid,
            "--allow-loopback-peers",
        ],
    );
    let mut live = Live::start(&["-i", "lo", "--flows"]);
    let end = Instant::now() + PATIENCE;
    let call = "turnutils_uclient -y -u caller -w secret -n 20 -m 1 -c 198.51.100.30";
    while !Command::new("sh").args(["-c", call]).output().unwrap().status.success() {
        assert!(Instant::now() < end, "the TURN server does not start");
        std::thread::sleep(Duration::from_millis(200));
    }
    live.until("something", |told| told["type"] == "status");
    std::thread::sleep(Duration::from_millis(700));
    let (_, report, said) = live.end();
    let flows = report["flows"].as_array().unwrap();
    let relays: Vec<&Value> = flows.iter().filter(|flow| flow["role"] == "relay").collect();
    assert!(!relays.is_empty(), "{said}{flows:#?}");
    assert!(relays.iter().all(|flow| flow["server"]["address"] == "198.51.100.30"), "{relays:#?}");
    let programs: BTreeSet<&str> =
        relays.iter().filter_map(|flow| flow["process"]["name"].as_str()).collect();
    assert!(programs.iter().all(|name| "turnutils_uclient".starts_with(name)), "{programs:?}");
}

/// What was tried in the sandbox, and how it went.
fn tries(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("prove "));
    lines
        .map(|line| line.rsplit_once(": ").unwrap())
        .map(|(what, how)| (what.to_owned(), how.to_owned()))
        .collect()
}

#[test]
fn what_looks_into_packets_can_open_neither_files_nor_sockets() {
    let file = std::env::current_exe().unwrap();
    let arguments = ["inspect", "--threads", "1", "zoom-home-region.pcapng"];
    if cfg!(all(feature = "sandbox", target_os = "linux", debug_assertions)) {
        let prove = |arguments: &[&str]| {
            command(&samples(), arguments).env("LANDFALL_PROVE_SANDBOX", &file).output().unwrap()
        };
        let (with, without) = (prove(&arguments), prove(&[&arguments[..], &["--no-sandbox"]].concat()));
        assert_eq!(with.stdout, without.stdout);
        let text = String::from_utf8_lossy(&with.stderr).into_owned();
        if text.contains("this kernel") {
            eprintln!("left out: the sandbox, which this kernel does not have: {text}");
            return;
        }
        let all = tries(&text);
        assert_eq!(all.len(), 6, "{text}");
        assert!(all.iter().all(|(_, how)| how == "PermissionDenied"), "{text}");
        let without = tries(&String::from_utf8_lossy(&without.stderr));
        assert!(without.iter().any(|(what, how)| what == "main: file" && how == "done"), "{without:?}");
    }
    if !inside("live::what_looks_into_packets_can_open_neither_files_nor_sockets", &[]) {
        return;
    }
    let live = |more: &[&str]| {
        let live = command(&samples(), &[&["live", "-i", "lo", "--duration", "1"], more].concat())
            .env("LANDFALL_PROVE_SANDBOX", &file)
            .output()
            .unwrap();
        String::from_utf8_lossy(&live.stderr).into_owned()
    };
    let text = live(&[]);
    assert_eq!(tries(&text).len(), 13, "{text}");
    assert!(text.contains("capture: frame: "), "{text}");
    assert!(tries(&text).iter().all(|(_, how)| how == "PermissionDenied"), "{text}");
    let without = live(&["--no-sandbox"]);
    assert!(without.contains("capture: frame: done"), "{without}");
}

/// Commands that read captures, reports and databases of others.
#[test]
fn whoever_reads_what_others_made_can_open_nothing_else() {
    if cfg!(not(all(feature = "sandbox", feature = "parquet", target_os = "linux", debug_assertions))) {
        eprintln!("left out: the sandbox of commands: this build cannot prove it");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name).display().to_string();
    let prove = |arguments: &[&str], input: &str| {
        let mut child = command(&samples(), arguments)
            .env("LANDFALL_PROVE_SANDBOX", std::env::current_exe().unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (call, bundle, report) = ("zoom-beijing-keys.pcapng", out("bundle"), out("report.json"));
    prove(
        &["inspect", call, "--deny", "CN", "--evidence", &bundle, "--format", "json", "--output", &report],
        "",
    );
    let (_, listed, _) = prove(&["corpus", "list", call_list(folder.path()).as_str()], "");
    for (arguments, input, status) in [
        (&["corpus", "run", ".", "--out", &out("results"), "--jobs", "2"][..], "", 2), // one is damaged
        (&["corpus", "rows"], listed.lines().next().unwrap(), 0),
        (&["evidence", "verify", &bundle, "--capture", call], "", 0),
        (&["lookup", "192.0.2.1"], "", 0),
        (&["diff", &report, &report], "", 0),
        (&["policy", "check", "@no-mainland-china"], "", 0),
    ] {
        let (code, told, said) = prove(arguments, input);
        if said.contains("this kernel") {
            eprintln!("left out: the sandbox, which this kernel does not have: {said}");
            return;
        }
        assert_eq!(code, Some(status), "{arguments:?}: {told}{said}");
        assert!(!tries(&said).is_empty(), "{arguments:?}: {said}");
        assert!(tries(&said).iter().all(|(_, how)| how == "PermissionDenied"), "{arguments:?}: {said}");
    }
}

/// A corpus of one call.
fn call_list(folder: &Path) -> String {
    let list = folder.join("list.txt");
    std::fs::write(&list, samples().join("zoom-beijing-keys.pcapng").display().to_string()).unwrap();
    list.display().to_string()
}

/// Each thread compiles the filter in the sandbox.
#[test]
fn a_filter_may_name_ports_in_the_sandbox() {
    if cfg!(not(feature = "bpf")) || !Path::new("/etc/services").exists() {
        eprintln!("left out: filters with names of ports: no libpcap, or no /etc/services");
        return;
    }
    let with = |filter: &str| {
        let arguments = ["inspect", "--format", "json", "--filter", filter, "zoom-beijing-keys.pcapng"];
        let output = command(&samples(), &arguments).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["coverage"]["packets"].clone()
    };
    assert!(with("port domain").as_u64() > Some(0));
    assert_eq!(with("port domain or port https"), with("port 53 or port 443"));
}

#[test]
fn a_capture_ends_by_itself_keeps_no_more_than_it_may_and_reports_in_any_format() {
    if !inside(
        "live::a_capture_ends_by_itself_keeps_no_more_than_it_may_and_reports_in_any_format",
        &["tcpreplay"],
    ) {
        return;
    }
    wire();
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept.pcapng");
    let arguments = [
        "live",
        "-i",
        "v1",
        "--policy",
        "@no-mainland-china",
        "--packets",
        "700",
        "--format",
        "table",
        "--rotate-size",
        "1",
    ];
    let arguments = [&arguments[..], &["--keep", "2", "--write", kept.to_str().unwrap()]].concat();
    let live =
        command(folder.path(), &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(800));
    sh(&format!("tcpreplay -q -K -i v0 --pps=2000 {}", samples().join("zoom-beijing-keys.pcapng").display()));
    let output = live.wait_with_output().unwrap();
    let (table, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(table.starts_with("v1   700 packets"), "{table}");
    assert!(table.contains("DENY: 1 call, 1 denied"), "{table}");
    assert!(said.contains("watching v1") && said.contains("DENY"), "{said}");
    let files: BTreeSet<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, BTreeSet::from(["kept-00001.pcapng".to_owned()]));
    let missing = command(folder.path(), &["live", "-i", "nothing0"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
    let said = String::from_utf8_lossy(&missing.stderr);
    assert!(said.starts_with("landfall: cannot capture from 'nothing0': "), "{said}");
    assert!(!said.contains("setcap"), "{said}");
}

#[test]
fn interfaces_are_listed() {
    if !inside("live::interfaces_are_listed", &[]) {
        return;
    }
    wire();
    let output = command(&root(), &["interfaces", "--format", "json"]).output().unwrap();
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: BTreeSet<&str> =
        list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert!(names.is_superset(&BTreeSet::from(["any", "lo", "v0", "v1"])), "{names:?}");
    let table = command(&root(), &["interfaces"]).output().unwrap();
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(
        table.lines().any(|line| line.starts_with("lo ") && line.ends_with("127.0.0.1, ::1, loopback")),
        "{table}"
    );
}

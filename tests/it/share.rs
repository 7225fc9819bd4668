//! Output that can be shared. What may not be in it is worked out from the captures with tshark, not with the program.
//! `LANDFALL_ALL_CAPTURES=1` takes all of the real captures.

use crate::evidence::tool;
use crate::golden::compare;
use crate::program::{root, run, run_in, sample_names, samples};
use crate::real_captures;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

const KEY: &str = "6b1f0c0a8e5d4c3b2a19087f6e5d4c3b2a1908f7e6d5c4b3a291807f6e5d4c3b\n";

/// Every `nth` of the real captures is taken unless all are asked for.
const STEP: usize = 9;

/// Rules under which every server is a finding, so that packets of all flows are in the bundle.
const ALL: [&str; 7] = ["--allow", "AQ", "--scope", "all", "--flows", "--format", "json"];

/// What an output says of verdicts, without addresses.
fn verdicts(report: &Value) -> Value {
    let pick =
        |value: &Value, names: &[&str]| names.iter().map(|name| value[*name].clone()).collect::<Value>();
    let each = |list: &str, names: &[&str]| {
        report[list].as_array().unwrap().iter().map(|value| pick(value, names)).collect::<Value>()
    };
    serde_json::json!([
        report["verdict"],
        report["policy"],
        report["coverage"],
        each("sessions", &["id", "service", "start", "end", "countries", "verdict"]),
        each(
            "findings",
            &["rule", "verdict", "session", "country", "confidence", "role", "contact", "packets"]
        ),
    ])
}

/// Words of the given fields of all packets that pass the filter.
fn fields(capture: &Path, filter: &str, names: &[&str]) -> Option<BTreeSet<String>> {
    let mut arguments = vec![
        "-n",
        "-r",
        capture.to_str().unwrap(),
        "-T",
        "fields",
        "-E",
        "occurrence=a",
        "-E",
        "aggregator= ",
    ];
    arguments.extend(names.iter().flat_map(|name| ["-e", name]));
    if !filter.is_empty() {
        arguments.extend(["-Y", filter]);
    }
    // A capture that is cut short makes tshark fail after what it could read.
    let output = std::process::Command::new("tshark").args(arguments).output();
    let Ok(output) = output else {
        eprintln!(
            "left out: tshark is not installed, and without it there is no telling what must not be left"
        );
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(text.split_whitespace().map(str::to_owned).collect())
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_link_local() || a == 100 && b & 0xc0 == 64
        }
        IpAddr::V6(v6) => v6.segments()[0] & 0xffc0 == 0xfe80 || v6.segments()[0] & 0xfe00 == 0xfc00,
    }
}

fn is_local_host(address: IpAddr) -> bool {
    address.is_loopback() || address.is_unspecified()
}

/// What must not be left: private addresses, clients of calls, participants, whoever opens a connection; MACs.
struct Originals {
    addresses: BTreeSet<IpAddr>,
    macs: BTreeSet<String>,
}

fn originals(capture: &Path, report: &Value) -> Option<Originals> {
    let seen = fields(
        capture,
        "",
        &[
            "ip.src",
            "ip.dst",
            "ipv6.src",
            "ipv6.dst",
            "arp.src.proto_ipv4",
            "eth.src",
            "eth.dst",
            "sll.src.eth",
            "wlan.addr",
        ],
    )?;
    let mut addresses: BTreeSet<IpAddr> = seen.iter().filter_map(|word| word.parse().ok()).collect();
    addresses.retain(|address| is_private(*address));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let has = |endpoint: &Value, list: &str, word: &str| {
        endpoint[list].as_array().unwrap().iter().any(|value| value == word)
    };
    let mut servers = BTreeSet::new();
    for endpoint in report["endpoints"].as_array().unwrap() {
        let address: IpAddr = text(&endpoint["address"]).parse().unwrap();
        let generic = ["webrtc", "sip", "h323", "unknown-media"];
        if has(endpoint, "roles", "peer") {
            addresses.insert(address);
        } else if endpoint["services"]
            .as_array()
            .unwrap()
            .iter()
            .any(|service| !generic.contains(&service.as_str().unwrap()))
        {
            servers.insert(address);
        }
    }
    let openers =
        fields(capture, "tcp.flags.syn==1 && tcp.flags.ack==0 && !icmp && !icmpv6", &["ip.src", "ipv6.src"])?;
    let openers = openers.iter().filter_map(|word| word.parse::<IpAddr>().ok());
    // The IPv4 address in one of 6to4 is tshark's reading of it, and that of the router.
    addresses.extend(openers.filter(|address| !servers.contains(address) && !is_six_to_four(*address)));
    let calls = report["sessions"].as_array().unwrap().iter();
    addresses.extend(calls.map(|call| text(&call["client"]).parse::<IpAddr>().unwrap()));
    addresses.retain(|address| !is_local_host(*address));
    let macs = seen.into_iter().filter(|word| word.len() == 17 && word.matches(':').count() == 5);
    let macs = macs.filter(|mac| mac != "ff:ff:ff:ff:ff:ff" && mac != "00:00:00:00:00:00").collect();
    Some(Originals { addresses, macs })
}

fn is_six_to_four(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.segments()[0] == 0x2002)
}

/// Every address that stands in `text` in some form.
fn addresses_in(text: &str) -> BTreeSet<IpAddr> {
    let mut found = BTreeSet::new();
    for word in text.split(|letter: char| !letter.is_ascii_hexdigit() && letter != '.' && letter != ':') {
        let trimmed = word.trim_matches('.');
        let without_port = trimmed.rsplit_once(':').map_or(trimmed, |(before, _)| before);
        for form in [word, trimmed, trimmed.trim_end_matches(':'), without_port] {
            found.extend(form.parse::<IpAddr>());
            if let Some(v4) = form.parse::<Ipv6Addr>().ok().and_then(|v6| v6.to_ipv4_mapped()) {
                found.insert(v4.into());
            }
        }
    }
    found
}

impl Originals {
    fn check(&self, what: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).to_lowercase();
        for address in addresses_in(&text) {
            assert!(!self.addresses.contains(&address), "{what} has {address}");
        }
        for mac in &self.macs {
            for form in [mac.clone(), mac.replace(':', "-"), mac.replace(':', "")] {
                assert!(!text.contains(&form), "{what} has {mac}");
            }
        }
    }

    /// Binary forms that do not come about by chance.
    fn check_binary(&self, what: &str, bytes: &[u8]) {
        let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        for address in &self.addresses {
            if let IpAddr::V6(v6) = address {
                assert!(!has(&v6.octets()), "{what} has {address}");
            }
        }
        for mac in &self.macs {
            let mac: Vec<u8> = mac.split(':').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
            let is_chance = mac.iter().collect::<BTreeSet<_>>().len() < 4;
            assert!(is_chance || !has(&mac), "{what} has {mac:02x?}");
        }
    }

    /// What tshark reads in the packets: every address of every layer, and its whole text.
    fn check_packets(&self, capture: &Path) {
        let names =
            ["ip.addr", "ipv6.addr", "eth.addr", "stun.att.ipv4", "stun.att.ipv6", "dns.a", "dns.aaaa"];
        let words = fields(capture, "", &names).unwrap();
        for word in &words {
            assert!(!self.macs.contains(word), "a packet has {word}");
            if let Ok(address) = word.parse::<IpAddr>() {
                assert!(!self.addresses.contains(&address), "a packet has {address}");
            }
        }
        let text = tool("tshark", &["-n", "-r", capture.to_str().unwrap(), "-V"], &root()).unwrap();
        self.check("the text of the packets", text.as_bytes());
        self.check_binary("packets.pcapng", &fs::read(capture).unwrap());
    }
}

fn share_safely(capture: &Path, key: &Path) {
    let plain = run_in(&root(), &[&["inspect"], &ALL[..], &[capture.to_str().unwrap()]].concat());
    if plain.stdout.is_empty() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle");
    let more = ["--pseudonymize", "--key-file", key.to_str().unwrap()];
    let evidence = ["--evidence", bundle.to_str().unwrap(), capture.to_str().unwrap()];
    let safe = run_in(&root(), &[&["inspect"], &ALL[..], &more, &evidence].concat());
    let name = capture.display();
    assert_eq!(safe.status, plain.status, "{name}: {}", safe.stderr);
    assert_eq!(verdicts(&plain.json()), verdicts(&safe.json()), "{name}");
    assert_eq!(run_in(&root(), &["evidence", "verify", bundle.to_str().unwrap()]).status, 0, "{name}");
    let table = run_in(&root(), &[&["inspect"], &ALL[..5], &more, &[capture.to_str().unwrap()]].concat());
    assert!(table.text().contains("are pseudonyms"), "{name}");
    let Some(originals) = originals(capture, &plain.json()) else { return };
    originals.check(&format!("{name}: standard output"), &safe.stdout);
    originals.check(&format!("{name}: the table"), &table.stdout);
    for entry in fs::read_dir(&bundle).unwrap() {
        let path = entry.unwrap().path();
        originals.check(&format!("{name}: {}", path.display()), &fs::read(&path).unwrap());
    }
    originals.check_packets(&bundle.join("packets.pcapng"));
}

fn key_in(folder: &Path) -> PathBuf {
    let path = folder.join("key");
    fs::write(&path, KEY).unwrap();
    path
}

#[test]
fn no_original_is_left_of_samples_and_verdicts_stay() {
    let folder = tempfile::tempdir().unwrap();
    let key = key_in(folder.path());
    for name in sample_names() {
        share_safely(&samples().join(name), &key);
    }
}

#[test]
fn no_original_is_left_of_real_captures_and_verdicts_stay() {
    let folder = tempfile::tempdir().unwrap();
    let key = key_in(folder.path());
    let step = if real_captures::all() { 1 } else { STEP };
    for capture in real_captures::captures().iter().step_by(step) {
        share_safely(capture, &key);
    }
}

/// A participant in China, reached directly: his address is replaced, his country stays.
#[test]
fn the_report_on_a_participant_is_as_kept() {
    let folder = tempfile::tempdir().unwrap();
    let key = key_in(folder.path());
    let name = "zoom-peer-denied.pcapng";
    let arguments = ["inspect", "--deny", "CN", "--pseudonymize", "--key-file", key.to_str().unwrap(), name];
    compare(&format!("{name}.shared.txt"), &run(&arguments).stdout);
}

#[test]
fn a_filter_that_names_a_client_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle");
    let path = path.to_str().unwrap();
    let arguments = [
        "inspect",
        "--pseudonymize",
        "--evidence",
        path,
        "--filter",
        "host 192.0.2.10",
        "zoom-beijing-keys.pcapng",
    ];
    let refused = run(&arguments);
    if cfg!(feature = "bpf") {
        assert!(refused.status == 2 && refused.stderr.contains("the filter names"), "{}", refused.stderr);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_name_of_a_file_that_is_an_address_is_refused_and_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("192.0.2.10.pcapng");
    fs::copy(samples().join("zoom-beijing-keys.pcapng"), &path).unwrap();
    let refused = run(&["inspect", "--pseudonymize", "--format", "json", path.to_str().unwrap()]);
    assert!(refused.status == 2 && refused.stdout.is_empty());
    assert!(
        refused.stderr.contains("is left in the report") && !refused.stderr.contains("192.0.2.10"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_key_makes_pseudonyms_agree_and_chance_makes_them_differ() {
    let folder = tempfile::tempdir().unwrap();
    let key = key_in(folder.path());
    let with = |more: &[&str]| {
        run(&[&["inspect", "--deny", "CN", "--pseudonymize", "zoom-beijing-keys.pcapng"], more].concat())
    };
    let given = ["--key-file", key.to_str().unwrap()];
    assert_eq!(with(&given).text(), with(&given).text());
    assert_ne!(with(&[]).text(), with(&[]).text());
    let text = with(&[]).text();
    assert!(text.contains("52.81.151.250") && !text.contains("192.0.2.10"), "{text}");
}

#[test]
fn a_bundle_with_pseudonyms_is_checked_as_far_as_its_key_allows() {
    let folder = tempfile::tempdir().unwrap();
    let key = key_in(folder.path());
    let key = key.to_str().unwrap();
    let capture = "zoom-beijing-keys.pcapng";
    let make = |name: &str, more: &[&str]| {
        let path = folder.path().join(name).to_str().unwrap().to_owned();
        let made =
            run(&[&["inspect", "--deny", "CN", "--pseudonymize", "--evidence", &path, capture], more]
                .concat());
        assert_eq!(made.status, 1, "{}", made.stderr);
        path
    };
    let verify = |path: &str, more: &[&str]| {
        run(&[&["evidence", "verify", path, "--capture", capture], more].concat())
    };
    let given = make("given", &["--key-file", key]);
    let found = verify(&given, &["--key-file", key]);
    assert!(found.status == 0 && found.text().contains("the same bytes"), "{}", found.text());
    let found = verify(&given, &[]);
    assert!(found.status == 2 && found.text().contains("name the key"), "{}", found.text());
    let other = folder.path().join("other");
    fs::write(&other, KEY.replace('6', "7")).unwrap();
    assert_eq!(verify(&given, &["--key-file", other.to_str().unwrap()]).status, 1);
    let random = make("random", &[]);
    let found = verify(&random, &[]);
    assert!(found.status == 0 && found.text().contains("the same verdicts"), "{}", found.text());
    let text = fs::read_to_string(Path::new(&random).join("manifest.json")).unwrap();
    assert!(!text.contains(KEY.trim()));
}

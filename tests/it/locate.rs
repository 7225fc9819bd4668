//! Where addresses are: on the command line, against what providers publish, and on real captures.

use crate::program::shared;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// What the program prints, as JSON.
fn json(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_landfall")).args(arguments).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{arguments:?}: {complaint}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

fn endpoint<'a>(report: &'a Value, address: &str) -> &'a Value {
    let endpoints = report["endpoints"].as_array().unwrap();
    endpoints.iter().find(|endpoint| endpoint["address"] == address).unwrap_or_else(|| panic!("no {address}"))
}

/// What the round-trip time makes of each claim: country and verdict.
fn verdicts(report: &Value, address: &str) -> Vec<(String, String)> {
    let claims = endpoint(report, address)["location"]["claims"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    claims.iter().map(|claim| (text(&claim["country"]), text(&claim["latency"]["verdict"]))).collect()
}

#[test]
fn the_server_in_beijing_is_confirmed_by_the_data_of_its_day() {
    let Some(shared) = shared() else { return };
    let ranges = path(&shared, "geo/ranges/aws-ip-ranges-20200403.json");
    let database = path(&shared, "geo/databases/GeoLite2-Country-20191224-ccbysa.mmdb");
    let arguments =
        ["--format", "json", "--at", "2020-04-03", "--ranges", &ranges, "--db", &database, "--no-default-db"];
    let report = json(&[&["lookup", "52.81.151.250"][..], &arguments].concat());
    let location = &endpoint(&report, "52.81.151.250")["location"];
    assert_eq!((&location["country"], &location["confidence"]), (&"CN".into(), &"confirmed".into()));
    let claims: Vec<_> = location["claims"]
        .as_array()
        .unwrap()
        .iter()
        .map(|claim| {
            (
                claim["kind"].as_str().unwrap(),
                claim["built"].as_str().unwrap(),
                claim["far_in_time"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        claims,
        [("database", "2019-12-24T17:40:14Z", false), ("provider", "2020-04-02T21:13:11Z", false)]
    );
}

#[test]
fn what_is_embedded_agrees_with_what_providers_say() {
    let Some(shared) = shared() else { return };
    let table = std::fs::read_to_string(shared.join("geo/ranges/cloud_overlay.csv")).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let addresses: Vec<&str> = rows.iter().map(|row| row[0].split('/').next().unwrap()).collect();
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("addresses");
    std::fs::write(&input, addresses.join("\n")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_landfall"))
        .args(["lookup", "--format", "json"])
        .stdin(std::fs::File::open(&input).unwrap())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let endpoints = report["endpoints"].as_array().unwrap();
    assert_eq!(endpoints.len(), rows.len());
    let is_right = |(row, endpoint): &(&Vec<&str>, &Value)| endpoint["location"]["country"] == row[3];
    let wrong: Vec<_> = rows.iter().zip(endpoints).filter(|both| !is_right(both)).collect();
    println!("{} of {} prefixes are wrong", wrong.len(), rows.len());
    assert!(wrong.len() * 100 < rows.len() * 8);
    // A prefix may hold a narrower one of another country: its first address is not its own then.
    assert!(wrong.iter().all(|(row, _)| !row[1].ends_with("-cn")), "{wrong:?}");
}

#[test]
fn round_trip_times_refute_what_is_too_far_away() {
    let Some(shared) = shared() else { return };
    let captures = shared.join("captures/ndpi");
    let inspect = |name: &str, more: &[&str]| {
        let path = path(&captures, name);
        json(&[&["inspect", "--format", "json", "--scope", "all", &path][..], more].concat())
    };
    let refuted = [("US".to_owned(), "impossible".to_owned())];
    for vantage in ["IT", "45.07,7.69"] {
        let meet = inspect("stun_google_meet.pcapng", &["--vantage", vantage]);
        assert_eq!(verdicts(&meet, "142.250.82.76"), refuted);
        let location = &endpoint(&meet, "142.250.82.76")["location"];
        assert_eq!((&location["country"], &location["reason"]), (&Value::Null, &"refuted".into()));
        let whatsapp = inspect("wa_video.pcap", &["--vantage", vantage]);
        assert_eq!(verdicts(&whatsapp, "157.240.193.48"), refuted);
    }
    let database = path(&shared, "geo/databases/GeoLite2-Country-20191224-ccbysa.mmdb");
    let of_the_time = ["--no-default-db", "--db", &database, "--vantage", "50.11,8.68", "--deny", "US"];
    let discord = inspect("discord.pcap", &of_the_time);
    assert_eq!(verdicts(&discord, "66.22.237.11"), [("US".to_owned(), "unlikely".to_owned())]);
    assert_eq!(endpoint(&discord, "66.22.237.11")["location"]["confidence"], "disputed");
    assert_eq!(verdicts(&discord, "66.22.241.5"), [("US".to_owned(), "possible".to_owned())]);
    // Something near answers every TCP handshake there: those times say nothing.
    let webex = inspect("webex.pcap", &["--vantage", "IT"]);
    for endpoint in webex["endpoints"].as_array().unwrap() {
        assert_ne!(endpoint["location"]["latency"]["via"], "tcp", "{}", endpoint["address"]);
        let claims = endpoint["location"]["claims"].as_array().unwrap();
        let verdicts = claims.iter().map(|claim| claim["latency"]["verdict"].as_str().unwrap_or("possible"));
        assert!(verdicts.into_iter().all(|verdict| verdict == "possible"), "{}", endpoint["address"]);
    }
}

#[test]
fn the_verdict_changes_with_the_evidence() {
    let Some(shared) = shared() else { return };
    let capture = path(&shared, "captures/ndpi/stun_google_meet.pcapng");
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        path(folder.path(), name)
    };
    let agree = file("agree.csv", "142.250.82.76,US\n");
    let differ = file("differ.csv", "142.250.82.76,DE\n");
    let silent = file("silent.csv", "192.0.2.1,DE\n");
    let anycast = file("anycast.txt", "142.250.82.0/24\n");
    // Options, the policy on it, and what is concluded: country, confidence, verdict.
    let table: [(&[&str], &str, &str, &str, &str); 9] = [
        (&[], "US", "US", "likely", "deny"),
        (&["--ranges", &agree], "US", "US", "confirmed", "deny"),
        (&["--ranges", &differ], "US", "DE", "disputed", "indeterminate"),
        (&["--ranges", &differ], "DE", "DE", "disputed", "indeterminate"),
        (&["--ranges", &differ], "CN", "DE", "likely", "allow"),
        (&["--vantage", "IT"], "US", "-", "unknown", "indeterminate"),
        (&["--vantage", "IT", "--ranges", &differ], "DE", "DE", "likely", "deny"),
        (&["--anycast", &anycast], "US", "-", "unknown", "indeterminate"),
        (&["--no-default-db", "--ranges", &silent], "US", "-", "unknown", "indeterminate"),
    ];
    for (options, denied, country, confidence, verdict) in table {
        let arguments =
            ["inspect", "--format", "json", "--filter", "host 142.250.82.76", "--deny", denied, &capture];
        let report = json(&[&arguments[..], options].concat());
        let location = &endpoint(&report, "142.250.82.76")["location"];
        let found = location["country"].as_str().unwrap_or("-");
        assert_eq!(
            (found, location["confidence"].as_str().unwrap()),
            (country, confidence),
            "{options:?} {denied}"
        );
        assert_eq!(report["verdict"], verdict, "{options:?} {denied}");
    }
}

#[test]
fn the_build_of_the_packets_time_is_asked() {
    let Some(shared) = shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    for name in ["aws-ip-ranges-20200403.json", "aws-ip-ranges-20260822.json"] {
        std::fs::copy(shared.join("geo/ranges").join(name), folder.path().join(name)).unwrap();
    }
    let [old, new] =
        ["aws-ip-ranges-20200403.json", "aws-ip-ranges-20260822.json"].map(|name| path(folder.path(), name));
    for (at, source) in [("2020-05-01", "aws-ip-ranges-20200403"), ("2026-01-01", "aws-ip-ranges-20260822")] {
        let arguments = [
            "lookup",
            "52.81.151.250",
            "--format",
            "json",
            "--at",
            at,
            "--all-dates",
            "--ranges",
            &old,
            "--ranges",
            &new,
        ];
        let report = json(&arguments);
        let location = &endpoint(&report, "52.81.151.250")["location"];
        let sources = |claims: &Value| -> Vec<String> {
            claims
                .as_array()
                .unwrap()
                .iter()
                .map(|claim| claim["source"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(sources(&location["claims"]), ["dbip-country-lite", source]);
        assert_eq!(sources(&location["history"]), ["aws-ip-ranges-20200403", "aws-ip-ranges-20260822"]);
    }
}

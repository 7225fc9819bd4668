//! What no report may say: captures made to mislead, and what is to be made of them.

use crate::program::{Run, run};
use crate::scenes::{
    Client, Scene, Server, Side, client_hello, dns, finished, hidden, rtp, server_hello, stun, tls,
};
use serde_json::Value;

const CLIENT: &str = "192.0.2.10:50000";
/// Amazon's region in Beijing: the address of April 2020.
const BEIJING: &str = "52.81.151.250";
const BEIJING_TLS: &str = "52.81.151.250:443";
/// Zoom's, in the United States.
const ZOOM_TLS: &str = "144.195.27.24:443";
const ZOOM_NAME: &str = "zoomsjcbb24mmr.sjc.zoom.us";

/// Runs on a scene, with more arguments.
fn inspect(scene: &Scene, more: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scene.pcap");
    scene.write(&file);
    run(&[&["inspect", "--deny", "CN", file.to_str().unwrap()], more].concat())
}

fn report(scene: &Scene) -> Value {
    inspect(scene, &["--format", "json", "--flows"]).json()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a Vec<Value> {
    value[key].as_array().unwrap_or_else(|| panic!("{key} of {value}"))
}

fn endpoint<'a>(report: &'a Value, address: &str) -> &'a Value {
    list(report, "endpoints").iter().find(|endpoint| endpoint["address"] == address).unwrap()
}

/// A connection to Zoom's control, with a certificate.
fn control(scene: &mut Scene, server: &str, name: &str, certificate: &str) {
    let (hello, answer, end) = (client_hello(name), server_hello(&[certificate]), finished());
    scene.tcp(CLIENT, server, &tls(&hello, &answer, &end));
}

/// The same through a proxy, after what is said to it.
fn through(scene: &mut Scene, proxy: &str, greeting: &[(Side, &[u8])]) {
    let (hello, answer, end) =
        (client_hello(ZOOM_NAME), server_hello(&["*.zoom.us", "*.sjc.zoom.us"]), finished());
    scene.tcp(CLIENT, proxy, &[greeting, &tls(&hello, &answer, &end)].concat());
}

const CONNECT: [(Side, &[u8]); 2] = [
    (Client, b"CONNECT 52.81.151.250:443 HTTP/1.1\r\n\r\n"),
    (Server, b"HTTP/1.1 200 Connection established\r\n\r\n"),
];
const SOCKS: [(Side, &[u8]); 4] = [
    (Client, b"\x05\x01\x00"),
    (Server, b"\x05\x00"),
    (Client, b"\x05\x01\x00\x01\x34\x51\x97\xfa\x01\xbb"),
    (Server, b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"),
];

#[test]
fn a_server_behind_a_proxy_is_not_touched_and_the_call_is_not_clean() {
    for (proxy, greeting) in [("9.9.9.9:3128", &CONNECT[..]), ("10.0.0.5:1080", &SOCKS)] {
        let mut scene = Scene::default();
        through(&mut scene, proxy, greeting);
        let report = report(&scene);
        let address = proxy.split(':').next().unwrap();
        let behind = endpoint(&report, BEIJING);
        assert_eq!((&behind["contact"], &behind["packets"]), (&"mentioned".into(), &0.into()));
        assert_eq!(behind["mentioned"][0]["by"], "proxy-target", "{behind}");
        assert_eq!(list(endpoint(&report, address), "names").len(), 0, "the names are not the proxy's");
        let flow = &list(&report, "flows")[0];
        assert_eq!((&flow["service"], &flow["proxy"]["host"]), (&"zoom".into(), &BEIJING.into()));
        assert!(list(flow, "names").iter().any(|name| name["name"] == ZOOM_NAME));
        assert_eq!(report["verdict"], "indeterminate", "{proxy}");
        let reason = list(&report, "findings")[0]["reason"].as_str().unwrap();
        assert!(reason.contains("what lies behind it is not in the capture"), "{reason}");
        let table = String::from_utf8(inspect(&scene, &[]).stdout).unwrap();
        assert!(table.contains("a proxy, asked for 52.81.151.250"), "{table}");
    }
}

#[test]
fn what_else_goes_to_a_proxy_is_not_the_calls() {
    let mut scene = Scene::default();
    through(&mut scene, "9.9.9.9:443", &CONNECT);
    scene.tcp("192.0.2.10:50001", "9.9.9.9:443", &[(Client, b"\x99\x01"), (Server, b"\x98")]);
    assert_eq!(list(&report(&scene), "flows")[1]["service"], Value::Null);
}

#[test]
fn a_proxy_without_rules_is_no_doubt() {
    let mut scene = Scene::default();
    through(&mut scene, "9.9.9.9:3128", &CONNECT);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scene.pcap");
    scene.write(&file);
    let report = run(&["inspect", "--format", "json", file.to_str().unwrap()]).json();
    assert_eq!(report["verdict"], "allow");
}

#[test]
fn a_name_that_the_certificate_denies_is_not_the_servers() {
    let mut scene = Scene::default();
    control(&mut scene, BEIJING_TLS, ZOOM_NAME, "*.elsewhere.example");
    let report = report(&scene);
    let flow = &list(&report, "flows")[0];
    assert_eq!(flow["service"], Value::Null, "{flow}");
    assert!(list(flow, "names").iter().any(|name| name["name"] == ZOOM_NAME), "what was said is told");
    assert!(list(&report, "sessions").is_empty());
    let location = &endpoint(&report, BEIJING)["location"];
    assert_eq!((&location["country"], &location["confidence"]), (&"CN".into(), &"confirmed".into()));
    // The certificate that is for the name leaves it.
    let mut honest = Scene::default();
    control(&mut honest, ZOOM_TLS, ZOOM_NAME, "*.sjc.zoom.us");
    assert_eq!(list(&self::report(&honest), "flows")[0]["service"], "zoom");
}

#[test]
fn half_a_connection_is_not_silence() {
    let mut whole = Scene::default();
    control(&mut whole, BEIJING_TLS, ZOOM_NAME, "*.sjc.zoom.us");
    let report = report(&whole.only("192.0.2.10"));
    let session = &list(&report, "sessions")[0];
    assert_eq!((&session["one_direction"], &session["verdict"]), (&true.into(), &"indeterminate".into()));
    // A SYN that nothing answers is.
    let mut silent = Scene::default();
    silent.resolved("192.0.2.10:5353", ZOOM_NAME, BEIJING).syn(CLIENT, BEIJING_TLS);
    let report = self::report(&silent);
    assert_eq!(
        (&report["verdict"], &endpoint(&report, BEIJING)["contact"]),
        (&"allow".into(), &"attempted".into())
    );
}

#[test]
fn nothing_is_said_to_reach_an_address_to_which_nothing_went() {
    let packets: Vec<Vec<u8>> = (0..50).map(|number| rtp(7, number)).collect();
    let sent: Vec<(Side, &[u8])> = packets.iter().map(|packet| (Server, packet.as_slice())).collect();
    let mut scene = Scene::default();
    scene.udp(CLIENT, "52.81.151.250:8801", &sent);
    let found = inspect(&scene, &["--format", "json", "--scope", "all"]).json();
    let reason = list(&found, "findings")[0]["reason"].as_str().unwrap();
    assert!(reason.contains("came from 52.81.151.250") && reason.contains("media came from it"), "{reason}");
    assert!(!reason.contains("reached") && !reason.contains("exchanged"), "{reason}");
}

#[test]
fn addresses_that_are_only_named_are_not_touched() {
    let mut scene = Scene::default();
    scene.resolved("192.0.2.10:5353", "zoombj12mmr.zoom.us", BEIJING);
    let relayed = [(0x16, hidden("52.80.0.1:50000")), (0x20, hidden("52.80.0.2:4000"))];
    let (ask, tell) = (stun(3, 1, &[(0x19, vec![17, 0, 0, 0])]), stun(0x0103, 1, &relayed));
    let (permit, permitted) = (stun(8, 2, &[(0x12, hidden("52.80.0.3:4000"))]), stun(0x0108, 2, &[]));
    let turn = [(Client, &ask[..]), (Server, &tell), (Client, &permit), (Server, &permitted)];
    scene.udp(CLIENT, "144.195.27.24:3478", &turn);
    let report = report(&scene);
    for address in [BEIJING, "52.80.0.1", "52.80.0.2", "52.80.0.3"] {
        let known = endpoint(&report, address);
        assert_eq!((&known["location"]["country"], &known["contact"]), (&"CN".into(), &"mentioned".into()));
    }
    assert_eq!((&report["verdict"], list(&report, "findings").len()), (&"allow".into(), 0));
    let countries = list(&list(&report, "sessions")[0], "countries");
    assert!(countries.iter().all(|country| country["country"] != "CN"), "{countries:?}");
}

#[test]
fn a_question_to_a_public_stun_server_is_no_call() {
    let (ask, tell) = (stun(1, 1, &[]), stun(0x0101, 1, &[(0x20, hidden("192.0.2.10:50000"))]));
    let mut scene = Scene::default();
    scene.udp(CLIENT, "74.125.250.129:19302", &[(Client, &ask), (Server, &tell)]);
    let report = report(&scene);
    assert_eq!(list(&report, "flows")[0]["service"], Value::Null);
    assert!(list(&report, "sessions").is_empty());
}

#[test]
fn a_stale_or_later_name_does_not_make_a_call_of_an_address() {
    let mut scene = Scene::default();
    scene.udp(CLIENT, "52.81.151.250:8801", &[(Client, b"hello"), (Server, b"hello")]);
    scene.resolved("192.0.2.10:5353", ZOOM_NAME, BEIJING).wait(3 * 3_600_000);
    scene.udp("192.0.2.10:50001", "52.81.151.250:8801", &[(Client, b"hello"), (Server, b"hello")]);
    let report = report(&scene);
    assert!(list(&report, "flows").iter().all(|flow| flow["service"] != "zoom"), "{report}");
    // What another client looked up is nothing either.
    let mut other = Scene::default();
    other.resolved("192.0.2.99:5353", ZOOM_NAME, BEIJING);
    other.udp(CLIENT, "52.81.151.250:8801", &[(Client, b"hello"), (Server, b"hello")]);
    assert!(list(&self::report(&other), "sessions").is_empty());
}

#[test]
fn an_address_that_served_a_call_is_not_the_calls_for_ever() {
    let mut scene = Scene::default();
    control(&mut scene, BEIJING_TLS, ZOOM_NAME, "*.sjc.zoom.us");
    let (hello, answer, end) =
        (client_hello("www.example.org"), server_hello(&["www.example.org"]), finished());
    scene.tcp("192.0.2.10:50002", BEIJING_TLS, &tls(&hello, &answer, &end));
    scene.wait(3_600_000).udp("192.0.2.10:50003", "52.81.151.250:9999", &[(Client, b"hi"), (Server, b"hi")]);
    let services: Vec<Value> =
        list(&report(&scene), "flows").iter().map(|flow| flow["service"].clone()).collect();
    assert_eq!(services, [Value::from("zoom"), Value::Null, Value::Null]);
}

#[test]
fn packets_of_an_unknown_protocol_to_elsewhere_are_not_the_calls() {
    // As when a connection of QUIC moves, or another program has the socket after the call.
    let connect = [&[1, 0, 2][..], &[b'a'; 40]].concat();
    let accept = [&[2, 0, 2][..], &[b'a'; 32]].concat();
    let mut scene = Scene::default();
    scene.udp(CLIENT, "144.195.27.24:8801", &[(Client, &connect), (Server, &accept)]);
    scene.udp(CLIENT, BEIJING_TLS, &[(Client, &[0x45; 60]), (Server, &[0x45; 60])]);
    let report = report(&scene);
    let [session] = &list(&report, "sessions")[..] else { panic!("{}", report["sessions"]) };
    assert_eq!(list(session, "endpoints").len(), 1);
    assert_eq!(endpoint(&report, BEIJING)["contact"], "answered", "what was touched is told all the same");
}

#[test]
fn an_address_behind_nat64_is_the_one_inside() {
    let (hello, answer, end) = (client_hello(ZOOM_NAME), server_hello(&["*.sjc.zoom.us"]), finished());
    let mut scene = Scene::default();
    scene.tcp("[2001:db8::10]:50000", "[64:ff9b::90c3:1b18]:443", &tls(&hello, &answer, &end));
    assert_eq!(endpoint(&report(&scene), "64:ff9b::90c3:1b18")["location"]["country"], "US");
}

#[test]
fn names_from_a_resolver_on_another_port_count() {
    let (ask, tell) = (dns(ZOOM_NAME, None), dns(ZOOM_NAME, Some("144.195.27.24".parse().unwrap())));
    let mut scene = Scene::default();
    scene.udp("192.0.2.10:50009", "9.9.9.9:5300", &[(Client, &ask), (Server, &tell)]);
    scene.udp(CLIENT, "144.195.27.24:8801", &[(Client, b"hello"), (Server, b"hello")]);
    let report = report(&scene);
    assert_eq!(list(&report, "flows")[0]["protocols"][0], "dns");
    let names = list(endpoint(&report, "144.195.27.24"), "names");
    assert!(names.iter().any(|name| name["name"] == ZOOM_NAME && name["via"] == "dns"));
}

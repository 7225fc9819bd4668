//! Tests of the catalogue as a whole, and of the embedded file.

use super::*;
use crate::flow::Transport;
use std::collections::BTreeMap;

fn embedded() -> Catalogue {
    Catalogue::embedded().unwrap()
}

fn name(catalogue: &Catalogue, text: &str) -> Option<(String, Option<Role>)> {
    catalogue.name(text).iter().find(|m| !m.shared).map(|m| (m.service.to_string(), m.role))
}

macro_rules! own {
    ($service:expr, $role:expr) => {
        Some(($service.to_string(), Some($role)))
    };
}

#[test]
fn every_known_application_has_an_entry_and_no_other_id_occurs() {
    let catalogue = embedded();
    let ids: Vec<_> = catalogue.entries().iter().map(|e| e.service.clone()).collect();
    let mut known: Vec<_> = Service::KNOWN.iter().filter(|s| !s.is_generic()).cloned().collect();
    known.sort();
    assert_eq!(ids, known);
}

#[test]
fn no_two_services_own_one_domain_and_none_is_listed_twice() {
    let mut owners: BTreeMap<&str, &Service> = BTreeMap::new();
    let catalogue = embedded();
    for entry in catalogue.entries() {
        for domain in entry.domains.iter().filter(|g| !g.shared).flat_map(|g| &g.list) {
            assert_eq!(owners.insert(domain, &entry.service), None, "{domain} is listed twice");
        }
    }
    // Under another service's domain only where the longer one is meant to win.
    let mut nested = Vec::new();
    for (domain, service) in &owners {
        let parents = domain.match_indices('.').filter_map(|(at, _)| domain.get(at + 1..));
        if parents.into_iter().any(|parent| owners.get(parent).is_some_and(|owner| owner != service)) {
            nested.push(*domain);
        }
    }
    assert_eq!(nested, ["asm.skype.com", "teams.skype.com"]);
}

#[test]
fn host_patterns_lie_within_the_domains_of_their_service() {
    let catalogue = embedded();
    for entry in catalogue.entries() {
        for pattern in entry.hosts.iter().flat_map(|g| &g.list) {
            let example = pattern.replace('*', "x1");
            let tail = pattern.rsplit('*').next().unwrap_or_default();
            let domains = || entry.domains.iter().flat_map(|g| &g.list);
            let reached = catalogue.name(&example).iter().any(|m| m.service == &entry.service)
                || domains().any(|domain| domain.ends_with(tail) || pattern::fits(pattern, domain));
            assert!(reached, "{pattern} of {} fits no name", entry.service);
        }
    }
}

#[test]
fn only_shared_prefixes_overlap_between_services() {
    let catalogue = embedded();
    let all: Vec<_> = catalogue
        .entries()
        .iter()
        .flat_map(|e| e.prefixes.iter().filter(|g| !g.shared).map(move |g| (&e.service, g)))
        .flat_map(|(service, g)| g.list.iter().map(move |net| (service, *net)))
        .collect();
    for (service, net) in &all {
        let other = all.iter().find(|(s, n)| s != service && n.contains(net));
        assert_eq!(other, None, "{net} of {service}");
    }
}

#[test]
fn names_are_matched_on_label_borders_and_give_roles() {
    let catalogue = embedded();
    for (text, expected) in [
        ("zoom.us", own!(&Service::ZOOM, Role::Web)),
        ("www3.zoom.us", own!(&Service::ZOOM, Role::Web)),
        ("zoomfrn99mmr.zoom.us", own!(&Service::ZOOM, Role::Signaling)),
        ("zoomsjccv154mmr.sjc.zoom.us", own!(&Service::ZOOM, Role::Signaling)),
        ("zoomam104zc.zoom.us", own!(&Service::ZOOM, Role::Probe)),
        ("log.zoom.us", own!(&Service::ZOOM, Role::Telemetry)),
        ("trouter2-asse-a.trouter.teams.microsoft.com", own!(&Service::TEAMS, Role::Signaling)),
        ("c-flightproxy-euno-01-teams.cloudapp.net", own!(&Service::TEAMS, Role::Signaling)),
        ("euaz.tr.teams.microsoft.com", own!(&Service::TEAMS, Role::Relay)),
        ("eu-api.asm.skype.com", own!(&Service::TEAMS, Role::Web)),
        ("api.skype.com", own!(&Service::SKYPE, Role::Web)),
        ("meet.google.com", own!(&Service::MEET, Role::Signaling)),
        ("notzoom.us", None),
        ("zoom.us.example.com", None),
        ("us", None),
    ] {
        assert_eq!(name(&catalogue, text), expected, "{text}");
    }
}

#[test]
fn shared_names_do_not_name_a_service() {
    let catalogue = embedded();
    for text in ["stun.l.google.com", "login.microsoftonline.com", "mqtt-mini.facebook.com"] {
        let matches = catalogue.name(text);
        assert!(!matches.is_empty() && matches.iter().all(|m| m.shared), "{text}");
    }
    let chime = catalogue.name("signal.m1.ue1.app.chime.aws");
    let services: Vec<_> = chime.iter().map(|m| (m.service.id(), m.shared)).collect();
    assert_eq!(services, [("chime", false), ("slack", true)]);
}

#[test]
fn a_certificate_names_service_and_role() {
    let catalogue = embedded();
    let first = |text: &str| catalogue.certificate(text).first().map(|m| (m.service.to_string(), m.role));
    assert_eq!(first("*.cloud.zoom.us"), own!(&Service::ZOOM, Role::Media));
    assert_eq!(first("*.sjc.zoom.us"), own!(&Service::ZOOM, Role::Signaling));
    assert_eq!(first("*.zoom.us"), Some(("zoom".to_owned(), None)));
    assert_eq!(first("hangouts"), own!(&Service::MEET, Role::Media));
    assert_eq!(first("WebRTC"), None);
}

#[test]
fn addresses_are_found_with_the_list_of_their_time() {
    let catalogue = embedded();
    let first = |address: &str, time: Option<i64>| {
        let time = time.map(|seconds| Timestamp::from_nanoseconds(seconds * 1_000_000_000));
        let found = catalogue.address(address.parse().unwrap(), time).collect::<Vec<_>>();
        found.first().map(|m| (m.service.id().to_owned(), m.prefix.to_string(), m.shared))
    };
    let hit = |id: &str, prefix: &str, shared| Some((id.to_owned(), prefix.to_owned(), shared));
    assert_eq!(first("144.195.27.24", None), hit("zoom", "144.195.0.0/16", false));
    assert_eq!(first("142.250.82.76", None), hit("meet", "142.250.82.0/24", false));
    assert_eq!(first("2001:4860:4864:5::1", None), hit("meet", "2001:4860:4864:5::/64", false));
    assert_eq!(first("66.22.196.173", None), hit("discord", "66.22.196.0/22", true));
    assert_eq!(first("52.81.151.250", None), None);
    // Webex gave 66.114.160.0/20 back on 2025-04-04.
    assert_eq!(first("66.114.160.1", Some(1_700_000_000)), hit("webex", "66.114.160.0/20", false));
    assert_eq!(first("66.114.160.1", Some(1_800_000_000)), None);
}

#[test]
fn a_port_tells_a_role_within_a_service() {
    let catalogue = embedded();
    let udp = |number| Port { transport: Transport::Udp, number };
    assert_eq!(catalogue.port(&Service::ZOOM, udp(8801)), Some(Role::Media));
    assert_eq!(catalogue.port(&Service::ZOOM, udp(3478)), Some(Role::Probe));
    assert_eq!(catalogue.port(&Service::ZOOM, udp(53)), None);
}

#[test]
fn a_file_adds_services_and_facts() {
    let text = r#"
        [our-bridge]
        name = "Our bridge"
        [[our-bridge.domains]]
        list = "video.example.org meet.jit.si"
        role = "signaling"
        source = "operations"
        as_of = "2026"
        [[zoom.hosts]]
        list = "edge*.zoom.us"
        role = "media"
        source = "operations"
        as_of = "2026"
    "#;
    let catalogue = Catalogue::with(text).unwrap();
    let ours = Service::new("our-bridge").unwrap();
    assert_eq!(name(&catalogue, "a.video.example.org"), own!(&ours, Role::Signaling));
    assert_eq!(name(&catalogue, "meet.jit.si"), own!(&ours, Role::Signaling), "a file's names win");
    assert_eq!(name(&catalogue, "edge1.zoom.us"), own!(&Service::ZOOM, Role::Media));
    assert_eq!(name(&catalogue, "zoomfrn99mmr.zoom.us"), own!(&Service::ZOOM, Role::Signaling));
    assert_eq!(catalogue.display_name(&ours), "Our bridge");
}

#[test]
fn a_file_can_put_its_facts_in_the_place_of_the_embedded_ones() {
    let text = r#"
        [zoom]
        replace = true
        [[zoom.domains]]
        list = "zoom.example.org"
        source = "operations"
        as_of = "2026"
    "#;
    let catalogue = Catalogue::with(text).unwrap();
    assert_eq!(name(&catalogue, "zoom.us"), None);
    assert_eq!(name(&catalogue, "zoom.example.org"), Some(("zoom".to_owned(), None)));
    assert_eq!(catalogue.address("144.195.27.24".parse().unwrap(), None).count(), 0);
}

#[test]
#[ignore = "a measurement, for a release build"]
fn loading_takes_less_than_a_millisecond() {
    let start = std::time::Instant::now();
    for _ in 0..100 {
        std::hint::black_box(embedded());
    }
    println!("embedded(): {:?}", start.elapsed() / 100);
}

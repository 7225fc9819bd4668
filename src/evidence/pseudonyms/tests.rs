//! Laws of pseudonyms, on keys and addresses of any kind.

use super::*;
use proptest::prelude::*;

/// Pseudonyms that replace every address but those of `kept`.
pub(in super::super) fn pseudonyms(key: u8, hidden: &[&str], kept: &[&str]) -> Pseudonyms {
    let mut bytes = [key; 32];
    bytes[0] = !key;
    let parse = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect::<BTreeSet<IpAddr>>();
    let key = Key::of(bytes);
    let mut pseudonyms = Pseudonyms {
        cipher: IpcryptPfx::new(*key.bytes()),
        key,
        classes: Classes::keeping(parse(kept)),
        addresses: BTreeMap::new(),
        names: BTreeSet::from(["alice.example.org".to_owned()]),
        macs: RefCell::default(),
    };
    pseudonyms.addresses = pseudonyms.assign(&parse(hidden)).unwrap();
    pseudonyms
}

/// Bits that two addresses have in common at their beginning.
fn common(a: IpAddr, b: IpAddr) -> u32 {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        _ => 0,
    }
}

#[test]
fn text_is_replaced_word_by_word() {
    let pseudonyms = pseudonyms(1, &["10.0.0.5", "2001:db8::5"], &["52.81.151.250"]);
    let short = pseudonyms.address("10.0.0.5".parse().unwrap());
    let long = pseudonyms.address("2001:db8::5".parse().unwrap());
    assert_eq!(
        pseudonyms.text("10.0.0.5:443 to 52.81.151.250, [2001:db8::5]:80; 10.0.0.5. data from the server"),
        format!("{short}:443 to 52.81.151.250, [{long}]:80; {short}. data from the server")
    );
    assert!(short.to_string().starts_with("10."));
    let name = pseudonyms.name("Alice.example.org");
    assert_eq!(pseudonyms.text("SNI alice.example.org fits; zoom.us"), format!("SNI {name} fits; zoom.us"));
    assert!(
        name.starts_with("host-")
            && name.ends_with(".invalid")
            && name == pseudonyms.name("alice.example.org.")
    );
    for hidden in ["printer", "nas.local", "5.0.0.10.in-addr.arpa", "ip-10-0-0-5.example.com"] {
        assert!(pseudonyms.hides_name(hidden), "{hidden}");
    }
    assert!(!pseudonyms.hides_name("zoomsjc7mmr.zoom.us"));
}

#[test]
fn mac_addresses_are_replaced_and_groups_stay_groups() {
    let pseudonyms = pseudonyms(1, &[], &[]);
    let one = pseudonyms.mac([0, 0x1a, 0x2b, 0x3c, 0x4d, 0x5e]);
    assert_eq!((one, one[0] & 3), (pseudonyms.mac([0, 0x1a, 0x2b, 0x3c, 0x4d, 0x5e]), 2));
    assert_eq!(pseudonyms.mac([1, 0, 0x5e, 1, 2, 3])[0] & 1, 1);
    assert_eq!(pseudonyms.mac([0xff; 6]), [0xff; 6]);
    assert!(pseudonyms.is_original_mac([1, 0, 0x5e, 1, 2, 3]) && !pseudonyms.is_original_mac([0xff; 6]));
}

#[test]
fn every_host_of_a_full_network_has_another_pseudonym() {
    let all: Vec<String> = (0..=255).map(|host| format!("192.168.1.{host}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    for key in 0..20 {
        let pseudonyms = pseudonyms(key, &all, &[]);
        let found: BTreeSet<IpAddr> = pseudonyms.addresses.values().copied().collect();
        assert_eq!(found.len(), 256);
        assert!(found.iter().all(|address| !pseudonyms.addresses.contains_key(address)));
    }
}

#[test]
fn a_full_block_is_refused_and_not_gone_through_for_ever() {
    let pseudonyms = pseudonyms(1, &[], &[]);
    let all: BTreeSet<IpAddr> =
        (0..=u16::MAX).map(|low| IpAddr::V4(Ipv4Addr::from_bits(0xc0a8_0000 | u32::from(low)))).collect();
    assert!(matches!(pseudonyms.assign(&all), Err(EvidenceError::TooManyAddresses)));
}

#[test]
fn addresses_of_servers_loopback_and_groups_stay() {
    let pseudonyms = pseudonyms(3, &[], &["52.81.151.250", "2600::1"]);
    for address in
        ["52.81.151.250", "2600::1", "127.0.0.1", "::1", "224.0.0.251", "255.255.255.255", "0.0.0.0"]
    {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(pseudonyms.address(address), address);
    }
    for address in ["52.81.151.251", "10.0.0.1", "fe80::1", "ff02::1:ff12:3456", "64:ff9b::10.0.0.1"] {
        let address: IpAddr = address.parse().unwrap();
        assert_ne!(pseudonyms.address(address), address);
    }
    let mapped = pseudonyms.address("::ffff:10.0.0.1".parse().unwrap()).to_string();
    let inner = pseudonyms.address("10.0.0.1".parse().unwrap());
    assert_eq!(mapped, format!("::ffff:{inner}"));
}

proptest! {
    #[test]
    fn prefixes_are_kept_within_a_block(a: u32, b: u32, key in 0_u8..4) {
        let pseudonyms = pseudonyms(key, &[], &[]);
        let (a, b) = (IpAddr::V4(a.into()), IpAddr::V4(b.into()));
        let (first, second) = (pseudonyms.step(a), pseudonyms.step(b));
        let fixed = common(a, b);
        if Block::of(a) == Block::of(b) && fixed >= 4 {
            prop_assert_eq!(common(first, second), fixed);
        }
    }

    #[test]
    fn prefixes_of_ipv6_are_kept(a: u128, low: u64, key in 0_u8..4) {
        let pseudonyms = pseudonyms(key, &[], &[]);
        let b = a >> 64 << 64 | u128::from(low);
        let (a, b) = (IpAddr::V6(a.into()), IpAddr::V6(b.into()));
        if Block::of(a) == Block::of(b) && EmbeddedIpv4::of(a).is_none() && EmbeddedIpv4::of(b).is_none() {
            prop_assert_eq!(common(pseudonyms.step(a), pseudonyms.step(b)), common(a, b));
        }
    }

    #[test]
    fn no_text_is_too_odd(text in "\\PC{0,80}") {
        let pseudonyms = pseudonyms(1, &["10.0.0.5"], &[]);
        let replaced = pseudonyms.text(&format!("{text} 10.0.0.5 {text}"));
        prop_assert!(!replaced.contains(" 10.0.0.5 "));
    }
}

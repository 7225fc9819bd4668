//! What no report may say: captures made to mislead, and what is to be made of them.

use crate::program::run;
use crate::scenes::{
    Client, Scene, Server, Side, client_hello, dns, finished, hidden, rtp, server_hello, stun, tls,
};

const CLIENT: &str = "192.0.2.10";
/// Amazon's region in Beijing: the address of April 2020.
const BEIJING: &str = "52.81.151.250";
/// Zoom's, in the United States.
const UNITED_STATES: &str = "144.195.27.24";

#[test]
fn explore() {
    let hello = client_hello("zoomfrn99mmr.zoom.us");
    let answer = server_hello(&["*.zoom.us"]);
    let end = finished();
    let inside = tls(&hello, &answer, &end);
    let mut scenes: Vec<(&str, Scene)> = Vec::new();
    let mut add = |name, make: &dyn Fn(&mut Scene)| {
        let mut scene = Scene::default();
        make(&mut scene);
        scenes.push((name, scene));
    };
    add("connect", &|s| {
        let mut said: Vec<(Side, &[u8])> = vec![
            (Client, b"CONNECT zoomfrn99mmr.zoom.us:443 HTTP/1.1\r\nHost: zoomfrn99mmr.zoom.us:443\r\n\r\n"),
            (Server, b"HTTP/1.1 200 Connection established\r\n\r\n"),
        ];
        said.extend(&inside);
        s.resolved("192.0.2.10:5353", "proxy.example", "9.9.9.9");
        s.tcp("192.0.2.10:50000", "9.9.9.9:3128", &said);
    });
    add("connect-cn", &|s| {
        let mut said: Vec<(Side, &[u8])> = vec![
            (Client, b"CONNECT 52.81.151.250:443 HTTP/1.1\r\n\r\n"),
            (Server, b"HTTP/1.1 200 Connection established\r\n\r\n"),
        ];
        said.extend(&inside);
        s.tcp("192.0.2.10:50000", "10.0.0.5:3128", &said);
    });
    add("socks", &|s| {
        let mut said: Vec<(Side, &[u8])> = vec![
            (Client, b"\x05\x01\x00"),
            (Server, b"\x05\x00"),
            (Client, b"\x05\x01\x00\x03\x14zoomfrn99mmr.zoom.us\x01\xbb"),
            (Server, b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"),
        ];
        said.extend(&inside);
        s.tcp("192.0.2.10:50000", "9.9.9.9:1080", &said);
    });
    add("sni-lie", &|s| {
        let answer = server_hello(&["*.evil.example"]);
        s.tcp("192.0.2.10:50000", "52.81.151.250:443", &tls(&hello, &answer, &end));
    });
    add("sni-hint-lie", &|s| {
        let hello = client_hello("x.cn-north-1.compute.amazonaws.com.cn");
        let answer = server_hello(&["*.zoom.us"]);
        s.tcp("192.0.2.10:50000", "144.195.27.24:443", &tls(&hello, &answer, &end));
    });
    add("dns-cn-uncontacted", &|s| {
        s.resolved("192.0.2.10:5353", "zoombj12mmr.zoom.us", BEIJING);
        s.tcp("192.0.2.10:50000", "144.195.27.24:443", &inside);
    });
    add("mapped-beijing", &|s| {
        let ask = stun(1, 1, &[]);
        let tell = stun(0x0101, 1, &[(0x20, hidden("52.81.151.250:4000"))]);
        s.udp("192.0.2.10:50000", "74.125.250.129:19302", &[(Client, &ask), (Server, &tell)]);
        s.tcp("192.0.2.10:50001", "144.195.27.24:443", &inside);
    });
    add("turn-peer-cn", &|s| {
        let ask = stun(3, 1, &[(0x19, vec![17, 0, 0, 0])]);
        let tell =
            stun(0x0103, 1, &[(0x16, hidden("144.195.27.24:50000")), (0x20, hidden("192.0.2.10:50000"))]);
        let permit = stun(8, 2, &[(0x12, hidden("52.81.151.250:4000"))]);
        let permitted = stun(0x0108, 2, &[]);
        s.udp(
            "192.0.2.10:50000",
            "144.195.27.24:3478",
            &[(Client, &ask), (Server, &tell), (Client, &permit), (Server, &permitted)],
        );
    });
    add("turn-relayed-cn", &|s| {
        let ask = stun(3, 1, &[(0x19, vec![17, 0, 0, 0])]);
        let tell = stun(0x0103, 1, &[(0x16, hidden("52.81.151.250:50000"))]);
        s.udp("192.0.2.10:50000", "144.195.27.24:3478", &[(Client, &ask), (Server, &tell)]);
    });
    add("one-direction", &|s| {
        let said: Vec<(Side, &[u8])> = vec![(Client, &hello), (Client, &end)];
        let mut whole = Scene::default();
        whole.tcp("192.0.2.10:50000", "52.81.151.250:443", &said);
        *s = whole.only(CLIENT);
    });
    add("server-only", &|s| {
        let packets: Vec<Vec<u8>> = (0..50).map(|n| rtp(7, n)).collect();
        let sent: Vec<(Side, &[u8])> = packets.iter().map(|p| (Server, &p[..])).collect();
        s.udp("192.0.2.10:50000", "52.81.151.250:8801", &sent);
    });
    add("scan", &|s| {
        s.udp(
            "192.0.2.10:50000",
            "144.195.27.24:8801",
            &[
                (Client, b"\x01\x00\x02aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
                (Server, b"\x02\x00\x02aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            ],
        );
        let packets: Vec<Vec<u8>> = (0..50).map(|n| rtp(7, n)).collect();
        let sent: Vec<(Side, &[u8])> = packets.iter().map(|p| (Client, &p[..])).collect();
        s.udp("52.81.151.250:40000", "192.0.2.10:50000", &sent);
    });
    add("nat64", &|s| {
        s.tcp("[2001:db8::10]:50000", "[64:ff9b::3451:97fa]:443", &inside);
    });
    add("reuse", &|s| {
        s.resolved("192.0.2.10:5353", "zoomfrn99mmr.zoom.us", BEIJING);
        s.wait(7_200_000);
        s.udp("192.0.2.10:50000", "52.81.151.250:8801", &[(Client, b"hello"), (Server, b"hello")]);
    });
    add("reuse-near", &|s| {
        s.tcp("192.0.2.10:50000", "52.81.151.250:443", &inside);
        s.wait(60_000);
        let hello = client_hello("www.example.org");
        let answer = server_hello(&["www.example.org"]);
        s.tcp("192.0.2.10:50002", "52.81.151.250:443", &tls(&hello, &answer, &end));
        s.udp("192.0.2.10:50003", "52.81.151.250:9999", &[(Client, b"hello"), (Server, b"hello")]);
    });
    add("migration", &|s| {
        s.udp(
            "192.0.2.10:50000",
            "144.195.27.24:8801",
            &[
                (Client, b"\x01\x00\x02aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
                (Server, b"\x02\x00\x02aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            ],
        );
        s.udp("192.0.2.10:50000", "52.81.151.250:443", &[(Client, &[0x45; 60]), (Server, &[0x45; 60])]);
    });
    add("dns-odd", &|s| {
        let (ask, tell) =
            (dns("zoombj12mmr.zoom.us", None), dns("zoombj12mmr.zoom.us", Some(BEIJING.parse().unwrap())));
        s.udp("192.0.2.10:50000", "9.9.9.9:5300", &[(Client, &ask), (Server, &tell)]);
        s.udp("192.0.2.10:50001", "52.81.151.250:8801", &[(Client, b"hello"), (Server, b"hello")]);
    });
    add("web-proxy-others", &|s| {
        let mut said: Vec<(Side, &[u8])> = vec![
            (Client, b"CONNECT zoomfrn99mmr.zoom.us:443 HTTP/1.1\r\n\r\n"),
            (Server, b"HTTP/1.1 200 Connection established\r\n\r\n"),
        ];
        said.extend(&inside);
        s.tcp("192.0.2.10:50000", "9.9.9.9:443", &said);
        s.tcp("192.0.2.10:50001", "9.9.9.9:443", &[(Client, b"\x99\x01"), (Server, b"\x98")]);
    });
    let folder = std::path::PathBuf::from("/tmp/wt/dissect-data/scenes");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, scene) in scenes {
        let file = folder.join(name).with_extension("pcap");
        scene.write(&file);
        let run = run(&["inspect", "--deny", "CN", "--scope", "all", file.to_str().unwrap()]);
        println!("=========== {name}\n{}{}", String::from_utf8_lossy(&run.stdout), run.stderr);
    }
}

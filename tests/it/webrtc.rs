//! WebRTC between two participants, in network namespaces from which nothing can leave.

use crate::live::{Live, Running, inside, sh, wire};
use crate::program::root;
use crate::webdriver::Browser;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What a call of WebRTC is seen as, whoever makes it. Gives the far end.
fn seen_as_one(report: &Value, said: &str, program: &str) -> Value {
    let session = &report["sessions"][0];
    assert_eq!((&session["service"], &session["media_seen"]), (&"webrtc".into(), &true.into()), "{said}");
    let name = session["processes"][0]["name"].as_str().unwrap_or_default();
    assert!(name.starts_with(program), "{session:#}");
    let far = session["endpoints"][0].clone();
    // Nothing in the packets tells a participant from a server that forwards media: either may send the checks of ICE,
    // sign its own certificate, and be anywhere.
    assert!(far["roles"][0] == "peer" || far["roles"][0] == "media", "{session:#}");
    assert_eq!(far["contact"], "media");
    far
}

#[test]
fn a_call_between_participants_is_seen_as_one() {
    let name = "webrtc::a_call_between_participants_is_seen_as_one";
    let python = root().join("target/aiortc/bin/python");
    if !python.exists() {
        eprintln!(
            "left out: {name}: no aiortc (python3 -m venv target/aiortc; target/aiortc/bin/pip install aiortc)"
        );
        return;
    }
    if !inside(name, &[]) {
        return;
    }
    wire();
    sh("ip addr add 192.0.2.10/24 dev v0; ip addr add 192.0.2.20/24 dev v0");
    let mut live = Live::start(&["-i", "lo", "--flows"]);
    let script = root().join("tests/it/webrtc_peers.py");
    let peers = Command::new(&python).arg(script).arg("4").output().unwrap();
    assert!(peers.status.success(), "{}", String::from_utf8_lossy(&peers.stderr));
    live.until("the call", |told| told["type"] == "session-started" && told["service"] == "webrtc");
    let (_, report, said) = live.end();
    seen_as_one(&report, &said, "python");
}

/// Says what to begin a call with.
const OFFER: &str = "
    const done = arguments[arguments.length - 1];
    const described = connection => new Promise(resolve => {
        const check = () => connection.iceGatheringState === 'complete' && resolve(connection.localDescription.sdp);
        connection.onicegatheringstatechange = check;
        check();
    });
    navigator.mediaDevices.getUserMedia({audio: true, video: true}).then(async media => {
        window.connection = new RTCPeerConnection();
        media.getTracks().forEach(track => connection.addTrack(track, media));
        const offer = OFFERED;
        if (offer) await connection.setRemoteDescription({type: 'offer', sdp: offer});
        await connection.setLocalDescription(offer ? await connection.createAnswer() : await connection.createOffer());
        done(await described(connection));
    }).catch(error => done('failed: ' + error));";

/// A session description of a browser: an answer to `offered`, or an offer.
fn describe(browser: &Browser, offered: &Value) -> Value {
    let described = browser.run_async(&OFFER.replace("OFFERED", &offered.to_string()));
    assert!(described.as_str().is_some_and(|text| text.contains("a=candidate:")), "{described}");
    described
}

/// A program that runs Chromium in the network namespace of `other`.
fn chromium_in(folder: &Path, other: u32) -> String {
    let script = folder.join("chromium-elsewhere");
    let text = format!(
        "#!/bin/sh\nexec nsenter -t {other} -n \"$(command -v chromium || command -v google-chrome)\" \"$@\"\n"
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    script.display().to_string()
}

#[test]
fn a_call_between_two_browsers_is_seen_as_one() {
    if !inside("webrtc::a_call_between_two_browsers_is_seen_as_one", &["nsenter", "chromedriver", "chromium"])
    {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    std::fs::write(&page, "<title>call</title>").unwrap();
    let far_away = Running::start("unshare", &["-n", "sleep", "300"]);
    std::thread::sleep(Duration::from_millis(300));
    let other = far_away.0.id();
    wire();
    sh(&format!(
        "ip link set v0 arp on; ip addr add 192.0.2.10/24 dev v0; ip link set v1 netns {other}
         nsenter -t {other} -n sh -ec 'ip link set lo up; ip link set v1 arp on up; ip addr add 192.0.2.20/24 dev v1'"
    ));
    let arguments =
        ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--remote-debugging-pipe"];
    let elsewhere = chromium_in(folder.path(), other);
    let (Some(here), Some(there)) =
        (Browser::start_with(None, &arguments), Browser::start_with(Some(elsewhere.as_ref()), &arguments))
    else {
        return;
    };
    let mut live = Live::start(&["-i", "v0", "--flows"]);
    here.open(&page);
    there.open(&page);
    let offer = describe(&here, &Value::Null);
    let answer = describe(&there, &offer);
    let accept = "const done = arguments[arguments.length - 1];
        connection.setRemoteDescription({type: 'answer', sdp: ANSWER}).then(() => done('ok'), error => done('' + error));";
    assert_eq!(here.run_async(&accept.replace("ANSWER", &answer.to_string())), "ok");
    live.until("the call", |told| told["type"] == "session-started" && told["service"] == "webrtc");
    std::thread::sleep(Duration::from_secs(4));
    let (_, report, said) = live.end();
    let far = seen_as_one(&report, &said, "chrom");
    // Either may have sent first.
    let mut ends = [&report["sessions"][0]["client"], &far["address"]].map(|end| end.as_str().unwrap());
    ends.sort_unstable();
    assert_eq!(ends, ["192.0.2.10", "192.0.2.20"]);
    let flows = report["flows"].as_array().unwrap();
    let call = flows.iter().find(|flow| flow["contact"] == "media").unwrap();
    let protocols: Vec<&str> =
        call["protocols"].as_array().unwrap().iter().map(|protocol| protocol.as_str().unwrap()).collect();
    for protocol in ["dtls", "rtp", "stun"] {
        assert!(protocols.contains(&protocol), "{call:#}");
    }
    let streams = call["media"].as_array().unwrap();
    let senders: Vec<&Value> = streams.iter().map(|stream| &stream["direction"]).collect();
    assert!(senders.contains(&&"from-client".into()) && senders.contains(&&"from-server".into()), "{call:#}");
}

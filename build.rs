//! Says what to install where the feature `bpf` is on and libpcap is not there, before the linker says it worse.

use std::env;
use std::path::Path;
use std::process::Command;

/// Where libpcap's header lies when it is installed without a `pkg-config` that knows of it.
const HEADERS: [&str; 3] = [
    "/usr/include/pcap/pcap.h",
    "/usr/local/include/pcap/pcap.h",
    "/opt/homebrew/opt/libpcap/include/pcap/pcap.h",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=LIBPCAP_LIBDIR");
    println!("cargo::rerun-if-env-changed=PKG_CONFIG_PATH");
    if env::var_os("CARGO_FEATURE_BPF").is_none() || !is_for_this_linux() || has_libpcap() {
        return;
    }
    for line in [
        "landfall's --filter needs libpcap and its headers, which were not found.",
        "  Debian, Ubuntu:  sudo apt-get install libpcap-dev pkg-config",
        "  Fedora:          sudo dnf install libpcap-devel pkgconf-pkg-config",
        "  without it:      cargo build --release --no-default-features --features compress",
        "  elsewhere:       set LIBPCAP_LIBDIR to the folder that holds the library",
    ] {
        println!("cargo::error={line}");
    }
}

/// Other systems have libpcap built in, and of a system that is compiled for elsewhere nothing can be seen.
fn is_for_this_linux() -> bool {
    let is_linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    is_linux && env::var_os("HOST") == env::var_os("TARGET")
}

fn has_libpcap() -> bool {
    let known_to_pkg_config = || {
        Command::new("pkg-config").args(["--exists", "libpcap"]).status().is_ok_and(|status| status.success())
    };
    env::var_os("LIBPCAP_LIBDIR").is_some()
        || HEADERS.iter().any(|header| Path::new(header).exists())
        || known_to_pkg_config()
}

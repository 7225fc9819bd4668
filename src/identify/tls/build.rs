//! Handshake bytes for tests, put together by the layouts in the RFCs.

/// A certificate made for these tests: CN `media.example.com`, O `Example Calls`, and alternative names.
pub(crate) const CERTIFICATE: &str = "\
    3082021b308201c1a00302010202144a7b90a49070f5ec21a24847d4ae4a0c204e5e8e300a06082a8648ce3d0403023034311630\
    14060355040a0c0d4578616d706c652043616c6c73311a301806035504030c116d656469612e6578616d706c652e636f6d302017\
    0d3236313132323030353835335a180f32313236313032393030353835335a303431163014060355040a0c0d4578616d706c6520\
    43616c6c73311a301806035504030c116d656469612e6578616d706c652e636f6d3059301306072a8648ce3d020106082a8648ce\
    3d030107034200049e7f72649a82a218846bc81cc48cc2a81590ebfb55782e878cceffb1bc9266ca41a24e62a0400122abcb42ca\
    0cc21cae7cfb47698d39a63058f96c54c3df923ca381ae3081ab301d0603551d0e04160414afce4b64c1890d96dea33b332f7227\
    df0dfe3039301f0603551d23041830168014afce4b64c1890d96dea33b332f7227df0dfe3039300f0603551d130101ff04053003\
    0101ff30580603551d110451304f82116d656469612e6578616d706c652e636f6d82132a2e6d656469612e6578616d706c652e63\
    6f6d8704c0000207871020010db8000000000000000000000007810d61406578616d706c652e636f6d300a06082a8648ce3d0403\
    0203480030450221008aa1ec996927705e4a42402c4148603a2a3d10a91cab009eac33a8d4d9a53596022072fcd65045f958641f\
    ace4c6a6dbf6a2a70561ed3fd8d3c096ba256955a7cac3";

pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// A vector with its length in one, two or three bytes.
pub(crate) fn vector(length_bytes: usize, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&length[4 - length_bytes..], content].concat()
}

pub(crate) fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes(), vector(2, content).as_slice()].concat()
}

pub(crate) fn server_name(name: &[u8]) -> Vec<u8> {
    extension(0, &vector(2, &[&[0], vector(2, name).as_slice()].concat()))
}

pub(crate) fn alpn(names: &[&[u8]]) -> Vec<u8> {
    extension(16, &vector(2, &names.iter().flat_map(|name| vector(1, name)).collect::<Vec<_>>()))
}

/// The body of a client hello; `cookie` is what DTLS has.
pub(crate) fn client_hello(version: u16, cookie: Option<&[u8]>, extensions: &[Vec<u8>]) -> Vec<u8> {
    let cookie = cookie.map(|cookie| vector(1, cookie)).unwrap_or_default();
    let (ciphers, compression) = (vector(2, &[0x1a, 0x1a, 0x13, 0x01, 0xc0, 0x2f]), vector(1, &[0]));
    let extensions = vector(2, &extensions.concat());
    [&version.to_be_bytes(), &[7; 32][..], &vector(1, &[9; 32]), &cookie, &ciphers, &compression, &extensions]
        .concat()
}

/// The body of a client hello of TLS 1.3 for `name`.
pub(crate) fn client_hello_for(name: &[u8]) -> Vec<u8> {
    let versions = extension(43, &vector(1, &[0x2a, 0x2a, 3, 4, 3, 3]));
    let groups = extension(10, &vector(2, &[0x3a, 0x3a, 0x11, 0xec, 0, 29]));
    let extensions =
        [extension(0x4a4a, &[]), groups, server_name(name), alpn(&[b"h2", b"http/1.1"]), versions];
    client_hello(0x0303, None, &extensions)
}

/// The body of a server hello.
pub(crate) fn server_hello(version: u16, extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = vector(2, &extensions.concat());
    [&version.to_be_bytes(), &[8; 32][..], &[0], &[0xc0, 0x2f], &[0], &extensions].concat()
}

/// The body of a certificate message with one certificate.
pub(crate) fn certificate() -> Vec<u8> {
    vector(3, &vector(3, &bytes(CERTIFICATE)))
}

pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind], vector(3, body).as_slice()].concat()
}

pub(crate) fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3], vector(2, content).as_slice()].concat()
}

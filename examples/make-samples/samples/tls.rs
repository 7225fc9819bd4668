//! TLS conversations: both ends are rustls, in memory.
//!
//! For the same bytes at every run, everything that rustls takes from outside is replaced: its source of
//! randomness, the key exchange (a "public key" is 32 seeded bytes, the secret the two xor-ed), and the
//! signature (seeded bytes that the client does not check). The messages, their encryption and their record
//! lengths are rustls's own.

use super::certificate::Certificate;
use super::random::Random;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{ActiveKeyExchange, CryptoProvider, SharedSecret, SupportedKxGroup, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, NamedGroup, ServerConfig, ServerConnection,
    SignatureAlgorithm, SignatureScheme, SupportedProtocolVersion,
};
use std::io::{Read, Write};
use std::sync::Arc;

/// What one side sends before the other answers.
pub(crate) struct Flight {
    pub(crate) from_client: bool,
    pub(crate) bytes: Vec<u8>,
}

/// A server to talk TLS with.
#[derive(Clone, Copy)]
pub(crate) struct Host {
    /// The name in the `ClientHello`.
    pub(crate) name: &'static str,
    pub(crate) certificate: Certificate,
    pub(crate) version: &'static SupportedProtocolVersion,
}

/// A handshake, then `exchanges` of so many bytes from the client and from the server.
pub(crate) fn converse(seed: u64, host: Host, exchanges: &[(usize, usize)]) -> Vec<Flight> {
    let random: &'static Random = Box::leak(Box::new(Random::new(seed)));
    let mut client = client(random, host);
    let mut server = server(random, host);
    let mut flights = Vec::new();
    pump(&mut client, &mut server, &mut flights);
    for &(asked, answered) in exchanges {
        client.writer().write_all(&random.bytes(asked)).expect("room in the client's buffer");
        pump(&mut client, &mut server, &mut flights);
        drain(&mut server.reader(), asked);
        server.writer().write_all(&random.bytes(answered)).expect("room in the server's buffer");
        pump(&mut client, &mut server, &mut flights);
        drain(&mut client.reader(), answered);
    }
    flights
}

/// Carries bytes between the two until neither has more to say.
fn pump(client: &mut ClientConnection, server: &mut ServerConnection, flights: &mut Vec<Flight>) {
    while client.wants_write() || server.wants_write() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).expect("memory");
        }
        flight(flights, true, &bytes);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            server.read_tls(&mut rest).expect("room in the server's buffer");
            server.process_new_packets().expect("a server that understands the client");
        }

        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).expect("memory");
        }
        flight(flights, false, &bytes);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            client.read_tls(&mut rest).expect("room in the client's buffer");
            client.process_new_packets().expect("a client that understands the server");
        }
    }
}

/// Appends to the last flight if it went the same way.
fn flight(flights: &mut Vec<Flight>, from_client: bool, bytes: &[u8]) {
    match flights.last_mut() {
        _ if bytes.is_empty() => {}
        Some(last) if last.from_client == from_client => last.bytes.extend_from_slice(bytes),
        _ => flights.push(Flight { from_client, bytes: bytes.to_vec() }),
    }
}

fn drain(reader: &mut impl Read, length: usize) {
    reader.read_exact(&mut vec![0; length]).expect("what was sent");
}

fn provider(random: &'static Random) -> Arc<CryptoProvider> {
    let group: &'static Group = Box::leak(Box::new(Group(random)));
    Arc::new(CryptoProvider { kx_groups: vec![group], secure_random: random, ..ring::default_provider() })
}

fn client(random: &'static Random, host: Host) -> ClientConnection {
    let mut config = ClientConfig::builder_with_provider(provider(random))
        .with_protocol_versions(&[host.version])
        .expect("a version the provider knows")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Unchecked))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from(host.name).expect("a host name");
    ClientConnection::new(Arc::new(config), name).expect("a client")
}

fn server(random: &'static Random, host: Host) -> ServerConnection {
    let chain = vec![host.certificate.der(random).into()];
    let resolver = Chain(Arc::new(CertifiedKey::new(chain, Arc::new(Noise(random)))));
    let mut config = ServerConfig::builder_with_provider(provider(random))
        .with_protocol_versions(&[host.version])
        .expect("a version the provider knows")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    ServerConnection::new(Arc::new(config)).expect("a server")
}

/// Stands in for X25519: to who reads the handshake, any 32 bytes are a public key of it.
#[derive(Debug)]
struct Group(&'static Random);

impl SupportedKxGroup for Group {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        Ok(Box::new(Exchange(self.0.bytes(32))))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct Exchange(Vec<u8>);

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        Ok(self.0.iter().zip(peer).map(|(ours, theirs)| ours ^ theirs).collect::<Vec<u8>>().into())
    }

    fn pub_key(&self) -> &[u8] {
        &self.0
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

/// Signs with noise of the length of an RSA signature.
#[derive(Debug)]
struct Noise(&'static Random);

impl SigningKey for Noise {
    fn choose_scheme(&self, _offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        Some(Box::new(Self(self.0)))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

impl Signer for Noise {
    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.0.bytes(256))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::RSA_PSS_SHA256
    }
}

#[derive(Debug)]
struct Chain(Arc<CertifiedKey>);

impl ResolvesServerCert for Chain {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Takes any certificate and any signature.
#[derive(Debug)]
struct Unchecked;

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _time: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

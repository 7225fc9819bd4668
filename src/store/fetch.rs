//! Fetches over HTTPS. Certificates are those that the system trusts, or on Linux and BSD those in `SSL_CERT_FILE` and
//! `SSL_CERT_DIR`; a proxy is what `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say.

use super::{Fetch, StoreError};
use std::sync::Arc;
use std::time::Duration;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};

/// A server that does not even answer.
const CONNECT_TIME: Duration = Duration::from_secs(20);
/// The largest file over a slow line.
const WHOLE_TIME: Duration = Duration::from_mins(30);

/// The network.
#[derive(Debug)]
pub struct Network(ureq::Agent);

impl Network {
    /// Uses the network when asked to.
    pub fn new() -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .timeout_connect(Some(CONNECT_TIME))
            .timeout_resolve(Some(CONNECT_TIME))
            .timeout_global(Some(WHOLE_TIME))
            .user_agent(concat!("landfall/", env!("CARGO_PKG_VERSION")))
            .build();
        Self(config.new_agent())
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl Fetch for Network {
    fn fetch(&self, url: &str, limit: u64) -> Result<Vec<u8>, StoreError> {
        if !is_secure(url) {
            return Err(StoreError::NotSecure { url: url.to_owned() });
        }
        // No server sends on from https to http, whatever it is.
        let request = self.0.get(url).config().https_only(!url.starts_with("http://"));
        // No proxy leads back to this machine.
        let request = if is_local(url) { request.proxy(None) } else { request };
        let response = request.build().call().map_err(|error| unreachable(url, error))?;
        let body = response.into_body().into_with_config().limit(limit).read_to_vec();
        body.map_err(|error| match error {
            ureq::Error::BodyExceedsLimit(limit) => StoreError::TooLarge { url: url.to_owned(), limit },
            error => StoreError::BrokeOff { url: url.to_owned(), source: Box::new(error) },
        })
    }
}

/// Why there was no answer, or none that counts.
fn unreachable(url: &str, error: ureq::Error) -> StoreError {
    let url = url.to_owned();
    match error {
        ureq::Error::StatusCode(status) => StoreError::Refused { url, status },
        // Where a server sends on to.
        ureq::Error::RequireHttpsOnly(url) => StoreError::NotSecure { url },
        error if is_of_certificate(&error) => StoreError::NotTrusted { url, source: Box::new(error) },
        error => StoreError::NoNetwork { url, source: Box::new(error) },
    }
}

/// Whether TLS failed for the certificate. Where that shows while bytes are moved, the error is one of moving bytes.
fn is_of_certificate(error: &ureq::Error) -> bool {
    let inner = match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref().and_then(|inner| inner.downcast_ref()),
        _ => None,
    };
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}

/// Whether nobody on the way can change what comes: https, or this machine.
fn is_secure(url: &str) -> bool {
    url.starts_with("https://") || is_local(url)
}

fn is_local(url: &str) -> bool {
    let host = url.parse::<Uri>().ok().and_then(|uri| Some(uri.host()?.to_owned()));
    let host = host.as_deref().map(|host| host.trim_matches(['[', ']']));
    host.is_some_and(|host| {
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

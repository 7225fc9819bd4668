//! Fetches over HTTPS. Certificates are those that the system trusts, and a proxy is what `HTTPS_PROXY`, `ALL_PROXY` and
//! `NO_PROXY` say.

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
        let unreachable = |error: ureq::Error| match error {
            ureq::Error::StatusCode(status) => StoreError::Refused { url: url.to_owned(), status },
            error => StoreError::NoNetwork { url: url.to_owned(), source: Box::new(error) },
        };
        let request = self.0.get(url).config().https_only(!is_local(url));
        // No proxy leads back to this machine.
        let request = if is_local(url) { request.proxy(None) } else { request };
        let response = request.build().call().map_err(unreachable)?;
        response.into_body().into_with_config().limit(limit).read_to_vec().map_err(unreachable)
    }
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

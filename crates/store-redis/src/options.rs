//! Where Redis is and how long to wait for it.

use std::fmt;
use std::time::Duration;

use deadpool_redis::redis::io::tcp::TcpSettings;
use deadpool_redis::redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, TlsCertificates};
use llmgw_types::{ExposeSecret, SecretString};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::OptionsError;

/// How to reach Redis. Nothing of it is shown by `Debug` that could hold a password.
#[derive(Clone)]
pub struct Options {
    /// `redis://[user[:password]@]host[:port][/db]`, or `rediss://` for TLS.
    pub url: SecretString,
    /// The user, whatever the URL says. Plain text, nothing in it is escaped.
    pub username: Option<String>,
    /// The password, whatever the URL says. Plain text, nothing in it is escaped.
    pub password: Option<SecretString>,
    /// Further nodes of a Redis Cluster. Not empty: `url` is a node of one as well.
    pub cluster: Vec<SecretString>,
    /// The certificate authority of the servers, in PEM form; else those the system trusts.
    pub ca: Option<String>,
    /// Connections that calls share; at least one.
    pub connections: usize,
    /// What the names of all keys begin with.
    pub prefix: String,
    /// How long one call may take, waiting for a connection included.
    pub call_timeout: Duration,
    /// The same for calls on limits. Whoever waits for one has a bound of its own, and tells from how long simple
    /// questions take whether Redis is away or the machine is busy.
    pub limits_timeout: Duration,
    /// How long it may take to make a connection. Calls do not wait so long, but the next one finds it made.
    pub connect_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: SecretString::from("redis://127.0.0.1:6379/0"),
            username: None,
            password: None,
            cluster: Vec::new(),
            ca: None,
            connections: 4,
            prefix: "llmgw".to_owned(),
            call_timeout: Duration::from_millis(50),
            limits_timeout: Duration::from_millis(1_500),
            connect_timeout: Duration::from_secs(2),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("cluster", &!self.cluster.is_empty())
            .field("ca", &self.ca.is_some())
            .field("connections", &self.connections)
            .field("prefix", &self.prefix)
            .field("call_timeout", &self.call_timeout)
            .field("limits_timeout", &self.limits_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// The same address, everything else as by default.
    #[must_use]
    pub fn at(url: &str) -> Self {
        Self {
            url: SecretString::from(url),
            ..Self::default()
        }
    }

    /// Every node to begin at, the URL's first.
    pub(crate) fn nodes(&self) -> Result<Vec<ConnectionInfo>, OptionsError> {
        let urls = std::iter::once(&self.url).chain(&self.cluster);
        urls.map(|url| self.node(url)).collect()
    }

    pub(crate) fn certificates(&self) -> Option<TlsCertificates> {
        let root_cert = self.ca.as_ref()?.clone().into_bytes();
        Some(TlsCertificates {
            client_tls: None,
            root_cert: Some(root_cert),
        })
    }

    fn node(&self, url: &SecretString) -> Result<ConnectionInfo, OptionsError> {
        // The driver's error may repeat the URL.
        let info = url.expose_secret().into_connection_info();
        let info = info.map_err(|_| OptionsError::Url)?;
        let mut settings = info.redis_settings().clone();
        if let Some(username) = &self.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = &self.password {
            settings = settings.set_password(password.expose_secret());
        }
        let tcp = TcpSettings::default().set_nodelay(true);
        self.trust(info.set_redis_settings(settings).set_tcp_settings(tcp))
    }

    // The driver takes a text without any certificate, and then trusts nobody.
    fn check_authority(&self) -> Result<(), OptionsError> {
        let text = self.ca.as_deref().unwrap_or_default().as_bytes();
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => Ok(()),
            _ => Err(OptionsError::Ca),
        }
    }

    fn trust(&self, info: ConnectionInfo) -> Result<ConnectionInfo, OptionsError> {
        let Some(certificates) = self.certificates() else {
            return Ok(info);
        };
        if !matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            return Err(OptionsError::CaWithoutTls);
        }
        self.check_authority()?;
        let client = Client::build_with_tls(info, certificates).map_err(|_| OptionsError::Ca)?;
        Ok(client.get_connection_info().clone())
    }
}

//! Redis over TLS: with the authority that is named, and with no other.

use std::net::TcpListener;
use std::time::Duration;

use llmgw_servers::Redis;
use llmgw_store_redis::{Options, RedisAdmission, RedisFeed};
use llmgw_types::{Change, ChangeFeed, KeyId, StoreError, Timestamp};
use llmgw_usage::admission::AdmissionStore;
use llmgw_usage::admission::contract::calendar;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use crate::server;

/// A server that speaks TLS only, and the authority that vouches for it.
struct Secure {
    _redis: Redis,
    _folder: TempDir,
    port: u16,
    ca: String,
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

impl Secure {
    fn start() -> Self {
        let (ca, key) = (authority(), KeyPair::generate().unwrap());
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &ca).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let keep = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.into_os_string().into_string().unwrap()
        };
        let files = [
            keep("ca.pem", ca.pem()),
            keep("server.pem", certificate.pem()),
            keep("server.key", key.serialize_pem()),
        ];
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let redis = Redis::start_with(&[
            "--tls-port",
            &port.to_string(),
            "--tls-ca-cert-file",
            &files[0],
            "--tls-cert-file",
            &files[1],
            "--tls-key-file",
            &files[2],
            "--tls-auth-clients",
            "no",
        ]);
        Self {
            _redis: redis,
            _folder: folder,
            port,
            ca: ca.pem(),
        }
    }

    fn options(&self, ca: Option<String>) -> Options {
        Options {
            ca,
            call_timeout: Duration::from_secs(5),
            ..Options::at(&format!("rediss://127.0.0.1:{}/0", self.port))
        }
    }
}

#[test]
fn the_named_authority_is_trusted_and_no_other() {
    let secure = Secure::start();
    let store = server::open(&secure.options(Some(secure.ca.clone())));
    server::block_on(store.prepare()).unwrap();
    let admission = RedisAdmission::new(store.clone(), calendar());
    server::block_on(admission.seed(Timestamp::default(), &[])).unwrap();
    let change = Change::Key(KeyId::from_bytes([1; 16]));
    server::block_on(RedisFeed::new(store).publish(change)).unwrap();

    for other in [None, Some(authority().pem())] {
        let refused = server::block_on(server::open(&secure.options(other)).time());
        assert!(
            matches!(refused, Err(StoreError::Unavailable { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn changes_are_heard_over_tls() {
    let secure = Secure::start();
    let options = secure.options(Some(secure.ca.clone()));
    let (say, heard) = std::sync::mpsc::channel();
    let feed = RedisFeed::new(server::open(&options));
    let listening = server::spawn(async move {
        feed.listen(move |heard| {
            let _ = say.send(heard);
        })
        .await;
    });
    assert!(heard.recv_timeout(Duration::from_secs(25)).is_ok());
    listening.abort();
}

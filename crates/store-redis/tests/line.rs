//! A way to a server that does what networks do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use tokio::io::copy;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::server;

/// It can die without a word, so that what was connected stays so and carries nothing; and it can lead elsewhere.
pub(crate) struct Line {
    at: SocketAddr,
    made: Arc<AtomicUsize>,
    cut: watch::Sender<usize>,
    leads_to: Arc<AtomicU16>,
}

impl Line {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let line = Self {
            at: listener.local_addr().unwrap(),
            made: Arc::default(),
            cut: watch::channel(0).0,
            leads_to: Arc::new(AtomicU16::new(port)),
        };
        let (made, leads_to) = (Arc::clone(&line.made), Arc::clone(&line.leads_to));
        let cuts = line.cut.subscribe();
        server::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                made.fetch_add(1, Ordering::SeqCst);
                let mut cuts = cuts.clone();
                cuts.mark_unchanged();
                server::spawn(carry(client, leads_to.load(Ordering::SeqCst), cuts));
            }
        });
        line
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}/0", self.at)
    }

    /// How many connections there were.
    pub(crate) fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    /// Those that are there carry nothing any more.
    pub(crate) fn cut(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }

    /// Those that are made from now on lead there.
    pub(crate) fn lead_to(&self, port: u16) {
        self.leads_to.store(port, Ordering::SeqCst);
    }
}

async fn carry(client: TcpStream, port: u16, mut cuts: watch::Receiver<usize>) {
    let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let ((mut from, mut to), (mut back, mut forth)) = (client.into_split(), server.into_split());
    tokio::select! {
        _ = copy(&mut from, &mut forth) => {}
        _ = copy(&mut back, &mut to) => {}
        _ = cuts.changed() => std::future::pending().await,
    }
}

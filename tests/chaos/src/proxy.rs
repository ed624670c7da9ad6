//! A TCP proxy that misbehaves as it is told, while it runs.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// What is wrong with the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Bytes come late, each way.
    Delay(Duration),
    /// Connections are closed, new ones too.
    Cut,
    /// Connections stay open and nothing comes through; what was sent is gone for good.
    HalfOpen,
}

/// A proxy in front of one server. Dropping it closes it.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    fault: Arc<watch::Sender<Fault>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn before(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let fault = Arc::new(watch::Sender::new(Fault::None));
        let told = Arc::clone(&fault);
        let accepting = tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else {
                    continue;
                };
                let fault = told.subscribe();
                if *fault.borrow() != Fault::Cut {
                    tokio::spawn(pass(client, port, fault));
                }
            }
        });
        Ok(Self {
            address,
            fault,
            accepting,
        })
    }

    /// From now on.
    pub(crate) fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(client: TcpStream, port: u16, fault: watch::Receiver<Fault>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut cut = fault.clone();
    tokio::select! {
        () = one_way(from_client, to_server, fault.clone()) => {}
        () = one_way(from_server, to_client, fault) => {}
        // Dropping both ends closes the connection.
        _ = cut.wait_for(|fault| *fault == Fault::Cut) => {}
    }
}

async fn one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, fault: watch::Receiver<Fault>) {
    let mut buffer = vec![0; 64 * 1024];
    let mut lost = false;
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        let now = *fault.borrow();
        // A stream with a hole in it never goes on.
        lost |= now == Fault::HalfOpen;
        if let Fault::Delay(by) = now {
            sleep(by).await;
        }
        if !lost && to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

//! Connections are made to places where targets may be, and to no other, whatever a name resolves to.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_tls::connect::Resolve;
use bytes::Bytes;
use futures_core::future::LocalBoxFuture;
use futures_util::StreamExt;

use super::*;

const CONNECTING: Connecting = Connecting {
    within: Duration::from_secs(5),
    keep_alive: Duration::from_secs(60),
};

const KEPT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";

/// A server that gives the requests of each connection the same answers.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// One answer a connection, which is then closed, whether the answer said so or not.
    fn answering(answer: &'static str) -> Self {
        Self::answering_each(vec![answer])
    }

    fn answering_each(answers: Vec<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::default());
        let count = Arc::clone(&connections);
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                for answer in &answers {
                    match stream.read(&mut [0; 4096]) {
                        Ok(read) if read > 0 => {}
                        _ => break,
                    }
                    let _ = stream.write_all(answer.as_bytes());
                }
            }
        });
        Self { address, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn request(url: &str) -> UpstreamRequest {
    UpstreamRequest {
        method: Method::Post,
        url: url.to_owned(),
        headers: HeaderList::new(),
        secret: None,
        body: Bytes::from_static(b"{}").into(),
        first_byte_timeout: Duration::from_secs(20),
        idle_timeout: Duration::from_secs(20),
    }
}

fn allowing(entries: &[&str]) -> Arc<AllowedTargets> {
    let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
    Arc::new(AllowedTargets::parse(&entries).unwrap())
}

fn upstream(allowed: Arc<AllowedTargets>) -> AwcUpstream {
    AwcUpstream::new(CONNECTING, allowed)
}

#[track_caller]
fn assert_refused(sent: &Result<UpstreamAnswer<AwcBody>, UpstreamError>) {
    let Err(UpstreamError::Connect(why)) = sent else {
        panic!("{:?}", sent.as_ref().map(|answer| answer.status));
    };
    assert!(why.to_string().contains("upstream.allow"), "{why}");
}

/// Gives one address after the other, whatever the name.
struct Rebinding(RefCell<VecDeque<SocketAddr>>);

impl Resolve for Rebinding {
    fn lookup<'a>(
        &'a self,
        _: &'a str,
        _: u16,
    ) -> LocalBoxFuture<'a, Result<Vec<SocketAddr>, Box<dyn std::error::Error>>> {
        let next = self.0.borrow_mut().pop_front();
        Box::pin(async move { Ok(next.into_iter().collect()) })
    }
}

#[actix_rt::test]
async fn a_name_that_resolves_to_another_place_later_is_not_followed_there() {
    let server = Server::answering(ANSWER);
    let metadata = |text: &str| SocketAddr::new(text.parse::<IpAddr>().unwrap(), 80);
    let addresses = VecDeque::from([
        server.address,
        metadata("169.254.169.254"),
        metadata("::ffff:169.254.169.254"),
        metadata("fd00:ec2::254"),
    ]);
    let resolver = Resolver::custom(Rebinding(RefCell::new(addresses)));
    let upstream = AwcUpstream::resolving(CONNECTING, Arc::default(), &resolver);
    let send = || upstream.send(request("http://rebinding.example/v1/chat/completions"));
    assert_eq!(send().await.unwrap().status, 200);
    for _ in 0..3 {
        assert_refused(&send().await);
    }
    assert_eq!(server.connections(), 1);
}

#[actix_rt::test]
async fn no_connection_is_made_where_no_target_may_be() {
    let upstream = upstream(allowing(&["0.0.0.0/0", "::/0"]));
    for url in [
        "http://169.254.169.254/latest/meta-data",
        "http://2852039166/",
        "http://0xA9FEA9FE/",
        "http://0251.0376.0251.0376/",
        "http://169.254.43518/",
        "http://100.100.100.200/",
        "http://168.63.129.16/",
        "http://0.0.0.0/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[2002:a9fe:a9fe::1]/",
    ] {
        let sent = upstream.send(request(url)).await;
        // What awc does not take for an address is sent nowhere either.
        if !matches!(sent, Err(UpstreamError::Address)) {
            assert_refused(&sent);
        }
    }
}

#[actix_rt::test]
async fn of_a_list_only_what_it_names_is_called() {
    let server = Server::answering(ANSWER);
    let url = format!("http://{}/", server.address);
    let named = format!("http://localhost:{}/", server.address.port());
    for (allowed, url, well) in [
        (&["127.0.0.0/8"][..], &url, true),
        (&["10.0.0.0/8"], &url, false),
        (&["localhost"], &named, true),
        (&["*.example.org"], &named, false),
        (&["127.0.0.0/8"], &named, true),
    ] {
        let sent = upstream(allowing(allowed)).send(request(url)).await;
        if well {
            assert_eq!(sent.unwrap().status, 200, "{allowed:?}");
        } else {
            assert_refused(&sent);
        }
    }
    assert_eq!(server.connections(), 3);
}

#[actix_rt::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let server = Server::answering(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://169.254.169.254/latest/meta-data\r\n\
         content-length: 0\r\nconnection: close\r\n\r\n",
    );
    let url = format!("http://{}/", server.address);
    let sent = upstream(Arc::default()).send(request(&url)).await;
    assert_eq!(sent.unwrap().status, 307);
    assert_eq!(server.connections(), 1);
}

async fn whole_answers(upstream: &AwcUpstream, server: &Server, requests: usize) {
    let url = format!("http://{}/", server.address);
    for _ in 0..requests {
        let mut answer = upstream.send(request(&url)).await.unwrap();
        while let Some(piece) = answer.body.next().await {
            assert_eq!(piece.unwrap(), "{}");
        }
    }
}

#[actix_rt::test]
async fn a_connection_is_kept_for_as_long_as_is_set() {
    for (keep_alive, connections) in [(Duration::from_secs(60), 1), (Duration::ZERO, 3)] {
        let server = Server::answering_each(vec![KEPT; 3]);
        let connecting = Connecting {
            keep_alive,
            ..CONNECTING
        };
        // The server has one connection at a time, so the one before must be closed for the next to be answered.
        whole_answers(&AwcUpstream::new(connecting, Arc::default()), &server, 3).await;
        assert_eq!(server.connections(), connections, "{keep_alive:?}");
    }
}

#[actix_rt::test]
async fn a_kept_connection_that_the_server_closed_costs_no_request() {
    let server = Server::answering(KEPT);
    whole_answers(&upstream(Arc::default()), &server, 20).await;
    assert_eq!(server.connections(), 20);
}

#[actix_rt::test]
async fn a_request_of_whose_answer_a_byte_came_is_not_sent_again() {
    let server = Server::answering_each(vec![KEPT, "HTTP/1.1 200"]);
    let upstream = upstream(Arc::default());
    whole_answers(&upstream, &server, 1).await;
    let sent = upstream
        .send(request(&format!("http://{}/", server.address)))
        .await;
    assert!(matches!(sent, Err(UpstreamError::Broken(_))));
    assert_eq!(server.connections(), 1);
}

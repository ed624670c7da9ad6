//! Asks a running program whether it is ready, for where nothing else can ask: an image has no shell and no curl.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::Failure;

const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The longest answer that is read, in bytes.
const LONGEST: u64 = 16 * 1024;

/// What the program that listens for health checks at `listen` says of itself.
///
/// # Errors
/// When it is not ready, with the reason; when nobody answers there.
pub fn ask_ready(listen: SocketAddr) -> Result<String, Failure> {
    let at = reachable(listen);
    let answer = ask(at).map_err(|error| format!("nobody answers at {at} (health_listen): {error}"))?;
    let (head, text) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).unwrap_or_default();
    if status == "200" {
        return Ok(text.to_owned());
    }
    Err(Failure::from(format!(
        "status {status}: {}",
        text.trim().replace('\n', ", ")
    )))
}

// Who listens everywhere is found here.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn ask(at: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&at, ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.write_all(b"GET /health/ready HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(LONGEST).read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::{App, HttpServer};

    use super::*;
    use crate::{Metrics, Readiness, health_routes};

    #[actix_web::test]
    async fn it_says_what_the_program_says() {
        let readiness = Arc::new(Readiness::with_stores(&["mongo"]));
        let served = Arc::clone(&readiness);
        let metrics = Arc::new(Metrics::default());
        let app = move || App::new().configure(health_routes(Arc::clone(&served), Arc::clone(&metrics)));
        let server = HttpServer::new(app).workers(1).bind("127.0.0.1:0").unwrap();
        let port = server.addrs()[0].port();
        let server = server.run();
        let handle = server.handle();
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        let running = actix_web::rt::spawn(server);
        let everywhere = SocketAddr::from(([0, 0, 0, 0], port));
        let ask = move || actix_web::web::block(move || ask_ready(everywhere));
        let unready = ask().await.unwrap().unwrap_err();
        assert_eq!(
            (unready.code, &*unready.text),
            (1, "status 503: not ready: no models are known yet, mongo: away")
        );
        readiness.allow();
        assert_eq!(ask().await.unwrap().unwrap(), "ready\nmongo: away\n");
        handle.stop(false).await;
        running.await.unwrap().unwrap();
        let nobody = ask().await.unwrap().unwrap_err();
        assert!(
            nobody.text.contains("nobody answers at 127.0.0.1"),
            "{}",
            nobody.text
        );
    }
}

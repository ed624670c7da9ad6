//! Where a request comes from: the peer, or who it says it forwards for where it is a proxy of ours.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use actix_web::HttpRequest;
use llmgw_keys::Origin;

/// Tells where requests come from.
#[derive(Clone)]
pub struct Origins {
    is_proxy: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origins").finish_non_exhaustive()
    }
}

impl Origins {
    /// Believes the `X-Forwarded-For` of addresses for which `is_proxy` holds, and of nobody else.
    #[must_use]
    pub fn behind(is_proxy: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self {
            is_proxy: Arc::new(is_proxy),
        }
    }

    pub(crate) fn of(&self, request: &HttpRequest) -> Option<Origin> {
        let peer = request.peer_addr()?.ip();
        if !(self.is_proxy)(peer) {
            return Some(origin(peer));
        }
        let lists: Vec<&str> = request
            .headers()
            .get_all("x-forwarded-for")
            .filter_map(|list| list.to_str().ok())
            .collect();
        Some(origin(self.client(peer, &lists)))
    }

    // Each proxy adds to the end whom it was asked by: from there the first that is none of ours. What stands before
    // may be made up.
    fn client(&self, peer: IpAddr, lists: &[&str]) -> IpAddr {
        let named = lists.iter().flat_map(|list| list.split(','));
        let mut last = peer;
        for name in named.rev() {
            match address(name.trim()) {
                Some(address) if (self.is_proxy)(address) => last = address,
                Some(address) => return address,
                None => return last,
            }
        }
        last
    }
}

// Some proxies add the port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_matches(['[', ']']);
    bare.parse().ok().or_else(|| {
        let with_port = text.parse::<std::net::SocketAddr>().ok()?;
        Some(with_port.ip())
    })
}

// One client of IPv6 has at least a network of 64 bits.
fn origin(address: IpAddr) -> Origin {
    match address.to_canonical() {
        IpAddr::V4(address) => Origin(address.to_ipv6_mapped().to_bits()),
        IpAddr::V6(address) => Origin(Ipv6Addr::to_bits(address) >> 64 << 64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(lists: &[&str]) -> String {
        let ours = Origins::behind(|address| address.to_string().starts_with("10."));
        ours.client("10.0.0.1".parse().unwrap(), lists).to_string()
    }

    #[test]
    fn the_last_that_is_no_proxy_of_ours_is_the_client() {
        assert_eq!(client(&["192.0.2.7"]), "192.0.2.7");
        assert_eq!(client(&["198.51.100.1, 192.0.2.7, 10.0.0.9"]), "192.0.2.7");
        assert_eq!(client(&["198.51.100.1", "192.0.2.7"]), "192.0.2.7");
        assert_eq!(client(&["192.0.2.7:4711"]), "192.0.2.7");
        assert_eq!(client(&["[2001:db8::1]:443"]), "2001:db8::1");
    }

    #[test]
    fn what_cannot_be_read_ends_the_way_back() {
        assert_eq!(client(&[]), "10.0.0.1");
        assert_eq!(client(&["192.0.2.7, unknown"]), "10.0.0.1");
        assert_eq!(client(&["192.0.2.7, nonsense, 10.0.0.3"]), "10.0.0.3");
    }

    #[test]
    fn a_network_of_ipv6_is_one_origin() {
        let of = |text: &str| origin(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
        assert_ne!(of("192.0.2.7"), of("192.0.2.8"));
    }
}

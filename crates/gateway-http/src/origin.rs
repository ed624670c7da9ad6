//! Where a request comes from, as failures are counted by.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::HttpRequest;
use llmgw_keys::{Origin, Proxies};

/// Who `request` comes from.
pub(crate) fn of(request: &HttpRequest, proxies: &Proxies) -> Option<Origin> {
    let peer = request.peer_addr()?.ip();
    let lists: Vec<&str> = request
        .headers()
        .get_all("x-forwarded-for")
        .filter_map(|list| list.to_str().ok())
        .collect();
    Some(origin(proxies.client(peer, &lists)))
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

    #[test]
    fn a_network_of_ipv6_is_one_origin() {
        let of = |text: &str| origin(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
        assert_ne!(of("192.0.2.7"), of("192.0.2.8"));
    }
}

//! Who asks, where proxies of ours stand between.

use core::net::{IpAddr, SocketAddr};
use std::fmt;
use std::sync::Arc;

/// Which addresses are proxies of ours: their `X-Forwarded-For` is believed, and nobody else's.
#[derive(Clone)]
pub struct Proxies {
    is_proxy: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies").finish_non_exhaustive()
    }
}

impl Default for Proxies {
    fn default() -> Self {
        Self::which(|_| false)
    }
}

impl Proxies {
    /// Addresses for which `is_proxy` holds.
    #[must_use]
    pub fn which(is_proxy: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self {
            is_proxy: Arc::new(is_proxy),
        }
    }

    /// Whom `peer` asks for; `lists` are its `X-Forwarded-For` headers, in their order, and read of a proxy only.
    ///
    /// Each proxy adds to the end whom it was asked by: from there it is the first that is none of ours. What stands
    /// before may be made up.
    #[must_use]
    pub fn client<'a>(&self, peer: IpAddr, lists: impl Iterator<Item = &'a str>) -> IpAddr {
        if !(self.is_proxy)(peer) {
            return peer;
        }
        let lists: Vec<&str> = lists.collect();
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
    bare.parse()
        .ok()
        .or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(lists: &[&str]) -> String {
        let ours = Proxies::which(|address| address.to_string().starts_with("10."));
        ours.client("10.0.0.1".parse().unwrap(), lists.iter().copied())
            .to_string()
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
    fn nobody_else_is_believed() {
        let peer: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(Proxies::default().client(peer, ["10.0.0.1"].into_iter()), peer);
    }
}

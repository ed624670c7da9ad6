//! Which addresses targets may have. A target is called from inside of the network, with a secret: it must not be led to
//! places that trust whoever calls from there, such as the metadata services of clouds.
//!
//! Judged twice: when a target is kept, by what its address says ([`AllowedTargets::check`]), and when it is called, by
//! what its name resolved to ([`AllowedTargets::allows`]).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use url::{Host, Url};

use crate::ModelError;

/// Names by which metadata services go.
const METADATA_NAMES: [&str; 3] = ["metadata.google.internal", "metadata.goog", "metadata"];

/// Addresses of metadata services and of a cloud's own helpers outside of the link-local networks.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// Host names and networks that targets may be in. Empty: everywhere but where none may be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowedTargets {
    names: Vec<NamePattern>,
    networks: Vec<IpNet>,
}

/// A host name, or all below one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum NamePattern {
    Exactly(String),
    // With its dot before.
    Below(String),
}

/// An entry that is neither a host name nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is neither a host name like `gpu-1.example.org` or `*.example.org` nor a network like `10.0.0.0/8`"
)]
pub struct NotAPlace(pub String);

impl AllowedTargets {
    /// What these entries allow: host names (`gpu-1.example.org`, `*.example.org`), networks (`10.0.0.0/8`) and single
    /// addresses.
    ///
    /// # Errors
    /// Names the first entry that is none of these.
    pub fn parse(entries: &[String]) -> Result<Self, NotAPlace> {
        let mut allowed = Self::default();
        for entry in entries {
            let text = entry.trim();
            if let Ok(network) = text.parse::<IpNet>() {
                allowed.networks.push(network);
            } else if let Ok(address) = text.parse::<IpAddr>() {
                allowed.networks.push(address.into());
            } else {
                let pattern = NamePattern::parse(text).ok_or_else(|| NotAPlace(entry.clone()))?;
                allowed.names.push(pattern);
            }
        }
        Ok(allowed)
    }

    /// Whether a target may have this address, as far as the address tells. A name may yet resolve to a place where none
    /// may be.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] when it may not; says what would be right.
    pub fn check(&self, base_url: &str) -> Result<(), ModelError> {
        let url = Url::parse(base_url).map_err(|error| refused(format!("is not an address: {error}")))?;
        match url.host() {
            Some(Host::Ipv4(address)) => self.check_address(address.into()),
            Some(Host::Ipv6(address)) => self.check_address(address.into()),
            Some(Host::Domain(name)) => self.check_name(name),
            None => Err(refused("names no host".to_owned())),
        }
    }

    fn check_address(&self, address: IpAddr) -> Result<(), ModelError> {
        if let Some(what) = never(address) {
            return Err(refused(format!("{address} is {what}, where no target may be")));
        }
        if self.is_listed(None, address) {
            return Ok(());
        }
        Err(refused(format!(
            "{address} is in no network of upstream.allow; add one"
        )))
    }

    fn check_name(&self, name: &str) -> Result<(), ModelError> {
        let name = plain(name);
        if METADATA_NAMES.contains(&&*name) {
            return Err(refused(format!(
                "{name} is a metadata service, where no target may be"
            )));
        }
        // Of a network it is seen only when the name is resolved.
        if self.is_everywhere() || !self.networks.is_empty() || self.knows(&name) {
            return Ok(());
        }
        Err(refused(format!(
            "{name} is none of the names in upstream.allow; add it"
        )))
    }

    /// Whether a connection to `address`, which `host` resolved to, may be made.
    #[must_use]
    pub fn allows(&self, host: &str, address: IpAddr) -> bool {
        never(address).is_none() && self.is_listed(Some(host), address)
    }

    fn is_listed(&self, host: Option<&str>, address: IpAddr) -> bool {
        self.is_everywhere()
            || self
                .networks
                .iter()
                .any(|network| network.contains(&address.to_canonical()))
            || host.is_some_and(|host| self.knows(&plain(host)))
    }

    fn is_everywhere(&self) -> bool {
        self.names.is_empty() && self.networks.is_empty()
    }

    fn knows(&self, name: &str) -> bool {
        self.names.iter().any(|pattern| match pattern {
            NamePattern::Exactly(known) => name == known,
            NamePattern::Below(domain) => name.ends_with(&**domain) && name.len() > domain.len(),
        })
    }
}

impl NamePattern {
    fn parse(text: &str) -> Option<Self> {
        let name = plain(text);
        let (below, name) = match name.strip_prefix("*.") {
            Some(rest) => (true, rest.to_owned()),
            None => (false, name),
        };
        let label = |label: &str| {
            let well = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            !label.is_empty() && label.bytes().all(well)
        };
        let digits = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if digits || !name.split('.').all(label) {
            return None;
        }
        Some(if below {
            Self::Below(format!(".{name}"))
        } else {
            Self::Exactly(name)
        })
    }
}

// As names are compared.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn refused(reason: String) -> ModelError {
    ModelError::Invalid {
        field: "base_url",
        reason,
    }
}

/// What an address is, where no target may ever be.
fn never(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => never_v4(address),
        IpAddr::V6(address) => never_v6(address),
    }
}

fn never_v4(address: Ipv4Addr) -> Option<&'static str> {
    if METADATA_V4.contains(&address) {
        Some("a metadata service")
    } else if address.is_link_local() {
        Some("a link-local address")
    } else if address.octets()[0] == 0 {
        Some("an address of this host itself")
    } else if address.octets()[0] >= 224 {
        Some("a multicast or reserved address")
    } else {
        None
    }
}

fn never_v6(address: Ipv6Addr) -> Option<&'static str> {
    let parts = address.segments();
    if address.is_unspecified() {
        Some("an address of this host itself")
    } else if address.is_unicast_link_local() {
        Some("a link-local address")
    } else if address.is_multicast() {
        Some("a multicast or reserved address")
    } else if parts[..2] == [0xfd00, 0x0ec2] || parts[..2] == [0xfd20, 0x00ce] {
        // Amazon's and Google's.
        Some("a metadata service")
    } else {
        embedded(parts).into_iter().flatten().find_map(never_v4)
    }
}

// IPv4 addresses that an IPv6 address stands for, in each of the ways in which one can.
fn embedded(parts: [u16; 8]) -> [Option<Ipv4Addr>; 2] {
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low));
    let last = Some(v4(parts[6], parts[7]));
    match parts {
        // Loopback is none of them.
        [0, 0, 0, 0, 0, 0, 0, 1] => [None, None],
        // Compatible, mapped, translated; NAT64 (RFC 6052, RFC 8215); ISATAP.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, ..]
        | [_, _, _, _, 0 | 0x200, 0x5efe, ..] => [last, None],
        // 6to4.
        [0x2002, high, low, ..] => [Some(v4(high, low)), None],
        // Teredo: its server, and its client upside down.
        [0x2001, 0, high, low, ..] => [Some(v4(high, low)), Some(v4(!parts[6], !parts[7]))],
        _ => [None, None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowing(entries: &[&str]) -> AllowedTargets {
        let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
        AllowedTargets::parse(&entries).unwrap()
    }

    /// However they are written.
    const NEVER: [&str; 36] = [
        "http://169.254.169.254",
        "http://169.254.169.254.",
        "http://2852039166",
        "http://0xA9FEA9FE",
        "http://0xa9.0xfe.0xa9.0xfe",
        "http://0251.0376.0251.0376",
        "http://169.254.43518",
        "http://169.16689662",
        "http://169.254.0.1:8000/x",
        "http://%31%36%39.254.169.254",
        "http://\u{ff11}\u{ff16}\u{ff19}.254.169.254",
        "http://100.100.100.200",
        "http://168.63.129.16",
        "http://192.0.0.192",
        "http://0.0.0.0:8000",
        "http://0",
        "http://0.1.2.3",
        "http://224.0.0.1",
        "http://255.255.255.255",
        "http://240.0.0.1",
        "http://[::]",
        "http://[fe80::1]",
        "http://[febf::1]",
        "http://[ff02::1]",
        "http://[fd00:ec2::254]",
        "http://[fd20:ce::254]",
        "http://[::ffff:169.254.169.254]",
        "http://[::ffff:a9fe:a9fe]",
        "http://[::a9fe:a9fe]",
        "http://[::ffff:0:a9fe:a9fe]",
        "http://[64:ff9b::a9fe:a9fe]",
        "http://[64:ff9b:1::a9fe:a9fe]",
        "http://[2002:a9fe:a9fe::1]",
        "http://[2001:0:1:2::5601:5601]",
        "http://metadata.google.internal",
        "http://METADATA.Goog./computeMetadata",
    ];

    #[test]
    fn no_target_may_ever_be_there_whatever_is_allowed() {
        for allowed in [
            AllowedTargets::default(),
            allowing(&[
                "0.0.0.0/0",
                "::/0",
                "*.internal",
                "metadata.goog",
                "169.254.169.254",
            ]),
        ] {
            for address in NEVER {
                let error = allowed.check(address).unwrap_err().to_string();
                assert!(error.contains("where no target may be"), "{address}: {error}");
            }
        }
        assert!(
            AllowedTargets::default()
                .check("http://[2002:a9fe:a9fe::5efe:a9fe:a9fe]")
                .is_err()
        );
    }

    #[test]
    fn private_networks_and_this_host_are_allowed_unless_others_are_named() {
        let allowed = AllowedTargets::default();
        for address in [
            "http://127.0.0.1:8000",
            "http://localhost:8000",
            "http://[::1]:8000",
            "http://10.0.0.5",
            "http://192.168.1.1",
            "http://172.16.0.1",
            "http://100.64.0.1",
            "http://[fd12:3456::1]",
            "http://[::ffff:10.0.0.5]",
            "https://api.example.org/openai",
            "http://vllm.models.svc.cluster.local:8000",
        ] {
            allowed.check(address).unwrap();
        }
    }

    #[test]
    fn of_a_list_only_what_it_names_is_allowed() {
        let names = allowing(&["gpu-1.example.org", "*.Models.svc."]);
        for (address, well) in [
            ("http://gpu-1.example.org", true),
            ("http://GPU-1.example.org.", true),
            ("http://a.models.svc:8000", true),
            ("http://a.b.models.svc", true),
            ("http://models.svc", false),
            ("http://xmodels.svc", false),
            ("http://gpu-1.example.org.evil.example", false),
            ("http://gpu-1.example.org@evil.example", false),
            ("http://10.0.0.5", false),
        ] {
            assert_eq!(names.check(address).is_ok(), well, "{address}");
        }
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(names.allows("gpu-1.example.org", ip("10.9.9.9")));
        assert!(!names.allows("gpu-1.example.org", ip("169.254.169.254")));
        assert!(!names.allows("other", ip("10.9.9.9")));

        let networks = allowing(&["10.1.0.0/16", "fd00::/8", "192.0.2.7"]);
        for (address, well) in [
            ("http://10.1.2.3", true),
            ("http://10.2.2.3", false),
            ("http://192.0.2.7", true),
            ("http://[fd00::1]", true),
            ("http://[::1]", false),
            ("http://127.0.0.1", false),
            // Seen when it is resolved.
            ("http://a-name", true),
        ] {
            assert_eq!(networks.check(address).is_ok(), well, "{address}");
        }
        assert!(
            networks.allows("a-name", ip("10.1.2.3")) && networks.allows("a-name", ip("::ffff:10.1.2.3"))
        );
        assert!(!networks.allows("a-name", ip("10.2.2.3")));
    }

    #[test]
    fn what_is_no_place_is_named() {
        for entry in [
            "",
            "http://x",
            "10.0.0.0/33",
            "300.1.1.1",
            "a b",
            "*",
            "a.*.b",
            "*.",
            "x/8",
        ] {
            let error = AllowedTargets::parse(&[entry.to_owned()]).unwrap_err();
            assert!(
                error.to_string().starts_with(&format!("`{entry}` is neither")),
                "{error}"
            );
        }
    }
}

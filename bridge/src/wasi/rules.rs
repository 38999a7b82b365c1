//! Rules for what a guest may reach: addresses for its sockets, and hosts for its HTTP requests.

use crate::error::{Code, Error};
use http::{Method, uri::Scheme};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use wasmtime_wasi::sockets::SocketAddrUse;

/// Hosts and ports: `HOST[:PORT[-PORT]]`.
#[derive(Clone, Debug)]
struct Endpoints {
    hosts: Hosts,
    ports: (u16, u16),
}

#[derive(Clone, Debug)]
enum Hosts {
    /// All addresses, including private ones.
    All,
    /// All globally reachable addresses.
    Public,
    Loopback,
    /// An address and the length of its prefix in bits.
    Range(IpAddr, u8),
    /// The addresses that the name resolves to when a rule is checked.
    Name(String),
    /// Names that end with this, which begins with a dot. Only for requests: an address does not have a name.
    Subdomains(String),
}

const HOSTS: &str =
    "*, public, loopback, an address, a range such as 10.0.0.0/8 or [fd00::]/8, or a name";

/// Parses a number that consists only of decimal digits: `parse` also accepts a sign.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Parses an address. Only an IPv6 address may be in brackets.
fn address(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

impl Endpoints {
    fn parse(text: &str) -> Result<Endpoints, &'static str> {
        // An IPv6 address contains colons, and needs brackets if a port follows.
        let (host, ports) = match text.rsplit_once(':') {
            Some((host, ports)) if text.starts_with('[') && host.contains(']') => {
                (host, Some(ports))
            }
            Some((host, ports)) if !text.starts_with('[') && !host.contains(':') => {
                (host, Some(ports))
            }
            _ => (text, None),
        };
        let ports = match ports {
            None => Some((0, u16::MAX)),
            Some(ports) => match ports.split_once('-') {
                Some((first, last)) => number(first).zip(number(last)),
                None => number(ports).map(|port: u16| (port, port)),
            },
        };
        let ports = ports
            .filter(|(first, last)| first <= last)
            .ok_or("the port must be a number up to 65535, or a range of them")?;
        let neither = "the host is neither an address nor a name";
        let hosts = match host.split_once('/') {
            Some((base, bits)) => {
                let base = address(base).ok_or(neither)?;
                match number(bits) {
                    Some(bits) if bits <= bits_of(base) => range(base, bits),
                    _ => return Err("invalid prefix length"),
                }
            }
            None => match (host, address(host)) {
                ("*", _) => Hosts::All,
                ("public", _) => Hosts::Public,
                ("loopback", _) => Hosts::Loopback,
                (_, Some(address)) => range(address, bits_of(address)),
                (name, None) => Hosts::named(name).ok_or(neither)?,
            },
        };
        Ok(Endpoints { hosts, ports })
    }

    fn has_port(&self, port: u16) -> bool {
        (self.ports.0..=self.ports.1).contains(&port)
    }

    /// Whether the address is one of the hosts. May resolve a name.
    async fn has_address(&self, address: IpAddr, port: u16) -> bool {
        match &self.hosts {
            Hosts::Name(name) => match tokio::net::lookup_host((name.as_str(), port)).await {
                Ok(mut found) => found.any(|found| found.ip().to_canonical() == address),
                Err(_) => false,
            },
            Hosts::Subdomains(_) => false,
            _ => self.has_address_of("", address),
        }
    }

    /// Whether a request to `host`, in lower case, may go to `address`, one of the host's addresses.
    fn has_address_of(&self, host: &str, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match &self.hosts {
            Hosts::All => true,
            Hosts::Public => is_public(address),
            Hosts::Loopback => address.is_loopback(),
            Hosts::Range(range, bits) => is_in(address, *range, *bits),
            // A rule with the full name allows the host wherever it is.
            Hosts::Name(name) => name == host,
            // Whoever controls a subdomain could make it resolve to a private address.
            Hosts::Subdomains(suffix) => host.ends_with(suffix) && is_public(address),
        }
    }

    /// Whether a request to `host` might be allowed, before its addresses are known. Without `name_lookup`, only
    /// rules for this host, or for any host, allow its name to be resolved: a guest could leak data through the
    /// names that it looks up.
    fn may_allow(&self, host: &str, name_lookup: bool) -> bool {
        match &self.hosts {
            Hosts::All | Hosts::Public => true,
            Hosts::Loopback | Hosts::Range(..) => {
                name_lookup || host == "localhost" || host.parse::<IpAddr>().is_ok()
            }
            Hosts::Name(name) => name == host,
            Hosts::Subdomains(suffix) => host.ends_with(suffix),
        }
    }
}

impl Hosts {
    /// Parses a name, or `*.` and a name.
    fn named(text: &str) -> Option<Hosts> {
        // LOOPBACK is probably not meant as the name of a machine.
        let reserved = ["public", "loopback"].iter();
        if reserved.clone().any(|word| word.eq_ignore_ascii_case(text)) {
            return None;
        }
        let text = text.strip_suffix('.').unwrap_or(text);
        match text.strip_prefix('*') {
            Some(suffix) => {
                let name = suffix.strip_prefix('.')?;
                is_host_name(name).then(|| Hosts::Subdomains(suffix.to_ascii_lowercase()))
            }
            None => is_host_name(text).then(|| Hosts::Name(text.to_ascii_lowercase())),
        }
    }
}

/// Returns a range. A range of IPv4-mapped IPv6 addresses becomes an IPv4 range.
fn range(address: IpAddr, bits: u8) -> Hosts {
    match address.to_canonical() {
        IpAddr::V4(v4) if address.is_ipv6() && bits >= 96 => Hosts::Range(v4.into(), bits - 96),
        IpAddr::V4(_) if address.is_ipv6() => Hosts::Range(address, bits),
        canonical => Hosts::Range(canonical, bits),
    }
}

fn bits_of(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// Whether this is a DNS name: labels of letters, digits, hyphens and underscores. A name that ends in a number is
/// invalid, because resolvers interpret it as an address (`256.0.0.1`, `0177.0.0.1`, `0x7f.1`).
/// Source: RFC 1123, section 2.1; the URL standard's host parser.
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let last = name.rsplit('.').next().unwrap_or(name);
    let hexadecimal = |label: &str| {
        let digits = label
            .strip_prefix("0x")
            .or_else(|| label.strip_prefix("0X"));
        digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit()) || hexadecimal(last);
    name.len() <= 253 && !is_number && name.split('.').all(is_label)
}

fn is_in(address: IpAddr, range: IpAddr, bits: u8) -> bool {
    match (address, range) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            (a.to_bits() ^ b.to_bits()).leading_zeros() >= u32::from(bits)
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            (a.to_bits() ^ b.to_bits()).leading_zeros() >= u32::from(bits)
        }
        _ => false,
    }
}

/// Whether the address is globally reachable: not private, local or reserved.
/// Source: the IANA registries of special-purpose addresses, RFC 6890.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(v4.is_unspecified()
                || v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_multicast()
                || v4.is_documentation()
                || a == 0
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (18..20).contains(&b))
                || a >= 240)
        }
        IpAddr::V6(v6) => {
            let segments = v6.segments();
            // Only 2000::/3 is allocated; reserved blocks and those that embed an IPv4 address are excluded.
            (segments[0] & 0xe000) == 0x2000
                && !(segments[0] == 0x2001 && segments[1] < 0x200)
                && !(segments[0] == 0x2001 && segments[1] == 0xdb8)
                && segments[0] != 0x2002
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    Tcp,
    Udp,
}

/// Addresses that sockets may use.
#[derive(Clone, Debug)]
pub struct SocketRule {
    /// `None` means both TCP and UDP.
    protocol: Option<Protocol>,
    endpoints: Endpoints,
}

impl SocketRule {
    /// Parses `[tcp://|udp://]HOST[:PORT[-PORT]]`.
    fn parse(text: &str) -> Result<SocketRule, Error> {
        let wrong = |why: &str| {
            Error::new(
                Code::InvalidArgument,
                format!(
                    "invalid network rule '{text}': {why}; expected [tcp://|udp://]HOST[:PORT[-PORT]], where HOST is {HOSTS}"
                ),
            )
        };
        let (protocol, rest) = match text.split_once("://") {
            Some(("tcp", rest)) => (Some(Protocol::Tcp), rest),
            Some(("udp", rest)) => (Some(Protocol::Udp), rest),
            Some(_) => return Err(wrong("the protocol is neither tcp nor udp")),
            None => (None, text),
        };
        let endpoints = Endpoints::parse(rest).map_err(wrong)?;
        if let Hosts::Subdomains(_) = endpoints.hosts {
            return Err(wrong("only HTTP rules can match subdomains"));
        }
        Ok(SocketRule {
            protocol,
            endpoints,
        })
    }

    async fn allows(&self, protocol: Protocol, address: SocketAddr) -> bool {
        self.protocol.is_none_or(|own| own == protocol)
            && self.endpoints.has_port(address.port())
            && self
                .endpoints
                .has_address(address.ip().to_canonical(), address.port())
                .await
    }
}

/// Whether this is the address that connecting or sending implicitly binds to, which does not listen.
fn is_unspecified(address: SocketAddr) -> bool {
    address.ip().is_unspecified() && address.port() == 0
}

/// The state of one UDP socket.
#[derive(Default)]
pub struct UdpSocket {
    /// Bound to an address where a rule lets it listen, not only to send.
    listens: AtomicBool,
}

/// What sockets may do.
#[derive(Default)]
pub struct SocketRules {
    connect: Vec<SocketRule>,
    bind: Vec<SocketRule>,
}

impl SocketRules {
    pub fn parse(connect: &[String], bind: &[String]) -> Result<SocketRules, Error> {
        let rules = |texts: &[String]| -> Result<Vec<_>, Error> {
            texts.iter().map(|text| SocketRule::parse(text)).collect()
        };
        Ok(SocketRules {
            connect: rules(connect)?,
            bind: rules(bind)?,
        })
    }

    /// Whether any rule applies to the protocol.
    fn any_for(rules: &[SocketRule], protocol: Protocol) -> bool {
        rules
            .iter()
            .any(|rule| rule.protocol.is_none_or(|own| own == protocol))
    }

    /// Whether this is only the bind to an unspecified address before connecting or sending, of a socket that may not
    /// listen anywhere. It reaches nothing, and the next operation is checked with its address.
    pub fn is_preparatory_bind(&self, address: SocketAddr, usage: SocketAddrUse) -> bool {
        let protocol = match usage {
            SocketAddrUse::TcpBind => Protocol::Tcp,
            SocketAddrUse::UdpBind => Protocol::Udp,
            _ => return false,
        };
        is_unspecified(address) && !Self::any_for(&self.bind, protocol)
    }

    /// Whether a socket may use the address. `udp` is the socket's state, if it is a UDP socket.
    pub async fn allows(&self, address: SocketAddr, usage: SocketAddrUse, udp: &UdpSocket) -> bool {
        let unspecified = is_unspecified(address);
        let (protocol, outward) = match usage {
            // It is unreachable until it listens, which is checked with the port that it was assigned.
            SocketAddrUse::TcpBind if unspecified => {
                return Self::any_for(&self.connect, Protocol::Tcp)
                    || Self::any_for(&self.bind, Protocol::Tcp);
            }
            SocketAddrUse::TcpBind | SocketAddrUse::TcpListen => (Protocol::Tcp, false),
            SocketAddrUse::UdpBind => (Protocol::Udp, false),
            SocketAddrUse::TcpConnect => (Protocol::Tcp, true),
            SocketAddrUse::UdpSend => (Protocol::Udp, true),
            // A socket that may listen accepts any peer: who can reach it depends on the bound address.
            SocketAddrUse::TcpAccept => return true,
            SocketAddrUse::UdpReceive if udp.listens.load(Relaxed) => return true,
            // Other sockets receive only from addresses that they may send to.
            SocketAddrUse::UdpReceive => (Protocol::Udp, true),
        };
        for rule in if outward { &self.connect } else { &self.bind } {
            if rule.allows(protocol, address).await {
                if matches!(usage, SocketAddrUse::UdpBind) {
                    udp.listens.store(true, Relaxed);
                }
                return true;
            }
        }
        matches!(usage, SocketAddrUse::UdpBind)
            && unspecified
            && Self::any_for(&self.connect, Protocol::Udp)
    }
}

/// Hosts that requests may go to.
#[derive(Clone, Debug)]
pub struct HttpRule {
    /// Empty means all methods.
    methods: Vec<Method>,
    scheme: Option<Scheme>,
    endpoints: Endpoints,
}

impl HttpRule {
    /// Parses `[METHOD[,METHOD] ][http://|https://]HOST[:PORT[-PORT]]`.
    pub fn parse(text: &str) -> Result<HttpRule, Error> {
        let wrong = |why: &str| {
            Error::new(
                Code::InvalidArgument,
                format!(
                    "invalid HTTP rule '{text}': {why}; expected [METHOD[,METHOD] ][http://|https://]HOST[:PORT[-PORT]], \
                     where HOST is {HOSTS}, which may begin with '*.' to match subdomains"
                ),
            )
        };
        let (methods, rest) = match text.trim_matches(' ').split_once(' ') {
            Some((methods, rest)) => (methods, rest.trim_start_matches(' ')),
            None => ("", text.trim_matches(' ')),
        };
        let methods = methods
            .split(',')
            .filter(|method| !method.is_empty())
            .map(|method| Method::from_bytes(method.to_ascii_uppercase().as_bytes()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| wrong("invalid method"))?;
        let (scheme, rest) = match rest.split_once("://") {
            Some(("http", rest)) => (Some(Scheme::HTTP), rest),
            Some(("https", rest)) => (Some(Scheme::HTTPS), rest),
            Some(_) => return Err(wrong("the scheme is neither http nor https")),
            None => (None, rest),
        };
        Ok(HttpRule {
            methods,
            scheme,
            endpoints: Endpoints::parse(rest).map_err(wrong)?,
        })
    }
}

/// A request, as the rules check it. The host is in lower case and without brackets.
pub struct HttpTarget<'a> {
    pub method: &'a Method,
    pub scheme: &'a Scheme,
    pub host: &'a str,
    pub port: u16,
}

/// Returns the rules that match a request before its address is known.
pub fn http_candidates<'a>(
    rules: &'a [HttpRule],
    target: &'a HttpTarget<'a>,
    name_lookup: bool,
) -> impl Iterator<Item = &'a HttpRule> + Clone + 'a {
    rules.iter().filter(move |rule| {
        (rule.methods.is_empty() || rule.methods.contains(target.method))
            && rule.scheme.as_ref().is_none_or(|own| own == target.scheme)
            && rule.endpoints.has_port(target.port)
            && rule.endpoints.may_allow(target.host, name_lookup)
    })
}

impl HttpRule {
    /// Whether a request to `host` that the rule is a candidate for may go to `address`.
    pub fn allows(&self, host: &str, address: IpAddr) -> bool {
        self.endpoints.has_address_of(host, address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    fn allows(rules: &[&str], address: &str, usage: SocketAddrUse) -> bool {
        let texts: Vec<String> = rules.iter().map(|rule| rule.to_string()).collect();
        let rules = SocketRules::parse(&texts, &texts).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let address: SocketAddr = address.parse().unwrap();
        runtime.block_on(rules.allows(address, usage, &UdpSocket::default()))
    }

    fn connects(rule: &str, address: &str) -> bool {
        allows(&[rule], address, SocketAddrUse::TcpConnect)
    }

    #[test]
    fn rules_name_addresses_and_ports() {
        assert!(connects("10.0.0.0/8:443", "10.200.0.1:443"));
        assert!(!connects("10.0.0.0/8:443", "10.200.0.1:80"));
        assert!(!connects("10.0.0.0/8:443", "11.0.0.1:443"));
        assert!(connects("10.1.2.3", "10.1.2.3:7"));
        assert!(!connects("10.1.2.3", "10.1.2.4:7"));
        assert!(connects("*:8000-8010", "192.168.0.1:8010"));
        assert!(!connects("*:8000-8010", "192.168.0.1:8011"));
        assert!(connects("[fd00::]/8:22", "[fd12::1]:22"));
        assert!(connects("fd00::/8", "[fd12::1]:22"));
        assert!(!connects("fd00::/8", "10.0.0.1:22"));
        assert!(connects("[::1]:80", "[::1]:80"));
        assert!(connects("0.0.0.0/0", "1.2.3.4:1"));
        assert!(connects("tcp://1.2.3.4", "1.2.3.4:1"));
        assert!(!connects("udp://1.2.3.4", "1.2.3.4:1"));
        assert!(connects("localhost:80", "127.0.0.1:80"));
        assert!(!connects("localhost:80", "127.0.0.2:80"));
    }

    #[test]
    fn private_and_local_ranges_are_not_public() {
        for address in [
            "127.0.0.1:1",
            "10.0.0.1:1",
            "172.16.0.1:1",
            "192.168.1.1:1",
            "169.254.169.254:1",
            "100.64.0.1:1",
            "0.0.0.0:1",
            "0.1.2.3:1",
            "224.0.0.1:1",
            "255.255.255.255:1",
            "198.18.0.1:1",
            "240.0.0.1:1",
            "[::1]:1",
            "[fe80::1]:1",
            "[fd00::1]:1",
            "[ff02::1]:1",
            "[::ffff:127.0.0.1]:1",
            "[::ffff:10.0.0.1]:1",
            "[2001:db8::1]:1",
            "[2002:7f00:1::]:1",
            "[64:ff9b::7f00:1]:1",
            "[::]:1",
        ] {
            assert!(!connects("public", address), "{address}");
            assert!(connects("*", address), "{address}");
        }
        for address in ["1.1.1.1:1", "[2606:4700::1111]:1", "[::ffff:1.1.1.1]:1"] {
            assert!(connects("public", address), "{address}");
        }
        assert!(connects("loopback", "[::1]:1"));
        assert!(!connects("loopback", "10.0.0.1:1"));
        // IPv4-mapped addresses count as IPv4 addresses.
        assert!(connects("127.0.0.0/8", "[::ffff:127.0.0.1]:1"));
        assert!(connects("[::ffff:127.0.0.1]", "127.0.0.1:1"));
        assert!(connects("[::ffff:127.0.0.0]/104", "127.9.9.9:1"));
        assert!(!connects("[::ffff:127.0.0.0]/104", "128.0.0.1:1"));
    }

    /// Checks an operation of one socket.
    fn check(rules: &SocketRules, socket: &UdpSocket, address: &str, usage: SocketAddrUse) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(rules.allows(address.parse().unwrap(), usage, socket))
    }

    fn rules(connect: &[&str], bind: &[&str]) -> SocketRules {
        let texts =
            |rules: &[&str]| -> Vec<String> { rules.iter().map(|rule| rule.to_string()).collect() };
        SocketRules::parse(&texts(connect), &texts(bind)).unwrap()
    }

    #[test]
    fn binding_is_not_connecting() {
        let check = |rules: &SocketRules, address: &str, usage| {
            check(rules, &UdpSocket::default(), address, usage)
        };
        let connect = rules(&["127.0.0.1:80"], &[]);
        let bind = rules(&[], &["127.0.0.1:80"]);
        assert!(check(&connect, "127.0.0.1:80", SocketAddrUse::TcpConnect));
        assert!(check(&connect, "0.0.0.0:0", SocketAddrUse::TcpBind));
        assert!(!check(&connect, "127.0.0.1:80", SocketAddrUse::TcpBind));
        assert!(!check(&connect, "0.0.0.0:0", SocketAddrUse::TcpListen));
        assert!(check(&bind, "127.0.0.1:80", SocketAddrUse::TcpListen));
        assert!(!check(&bind, "127.0.0.1:80", SocketAddrUse::TcpConnect));
        // A socket that is bound to an unspecified address cannot do anything yet.
        assert!(check(&bind, "0.0.0.0:0", SocketAddrUse::TcpBind));
        let nothing = SocketRules::default();
        for usage in [
            SocketAddrUse::TcpBind,
            SocketAddrUse::TcpListen,
            SocketAddrUse::TcpConnect,
            SocketAddrUse::UdpBind,
            SocketAddrUse::UdpSend,
            SocketAddrUse::UdpReceive,
        ] {
            for address in ["0.0.0.0:0", "127.0.0.1:80", "[::]:0"] {
                assert!(!check(&nothing, address, usage), "{usage:?} {address}");
            }
        }
        // Rules for one protocol do not apply to the other.
        let udp = rules(&["udp://*"], &["udp://*"]);
        assert!(!check(&udp, "0.0.0.0:0", SocketAddrUse::TcpBind));
        let tcp = rules(&["tcp://*"], &["tcp://*"]);
        assert!(!check(&tcp, "0.0.0.0:0", SocketAddrUse::UdpBind));
    }

    #[test]
    fn a_udp_socket_receives_from_any_peer_only_if_it_may_listen_where_it_is_bound() {
        let unknown = "10.9.8.7:1234";
        let peer = "127.0.0.1:53";
        // A socket that may only send receives from the peers that it may send to.
        let connect = rules(&["udp://127.0.0.1:53"], &[]);
        let socket = UdpSocket::default();
        assert!(check(
            &connect,
            &socket,
            "0.0.0.0:0",
            SocketAddrUse::UdpBind
        ));
        assert!(check(&connect, &socket, peer, SocketAddrUse::UdpReceive));
        assert!(!check(
            &connect,
            &socket,
            unknown,
            SocketAddrUse::UdpReceive
        ));
        // A socket that may only listen can be bound where a rule allows it, and nowhere else.
        let bind = rules(&[], &["udp://127.0.0.1:9999"]);
        let socket = UdpSocket::default();
        for address in ["0.0.0.0:0", "[::]:0", "0.0.0.0:9999", "127.0.0.1:0"] {
            assert!(
                !check(&bind, &socket, address, SocketAddrUse::UdpBind),
                "{address}"
            );
            assert!(!check(&bind, &socket, unknown, SocketAddrUse::UdpReceive));
        }
        assert!(check(
            &bind,
            &socket,
            "127.0.0.1:9999",
            SocketAddrUse::UdpBind
        ));
        assert!(check(&bind, &socket, unknown, SocketAddrUse::UdpReceive));
        // With rules of both kinds, what a socket may do depends on where it is bound.
        let both = rules(&["udp://127.0.0.1:53"], &["udp://127.0.0.1:9999"]);
        let (client, server) = (UdpSocket::default(), UdpSocket::default());
        assert!(check(&both, &client, "0.0.0.0:0", SocketAddrUse::UdpBind));
        assert!(check(
            &both,
            &server,
            "127.0.0.1:9999",
            SocketAddrUse::UdpBind
        ));
        assert!(!check(&both, &client, unknown, SocketAddrUse::UdpReceive));
        assert!(check(&both, &client, peer, SocketAddrUse::UdpReceive));
        assert!(check(&both, &server, unknown, SocketAddrUse::UdpReceive));
        // A rule may let it listen on all addresses.
        let all = rules(&[], &["udp://0.0.0.0"]);
        let socket = UdpSocket::default();
        assert!(check(&all, &socket, "0.0.0.0:0", SocketAddrUse::UdpBind));
        assert!(check(&all, &socket, unknown, SocketAddrUse::UdpReceive));
    }

    #[test]
    fn rejects_invalid_network_rules() {
        for rule in [
            "",
            "http://a",
            "a:b",
            "1.2.3.4:70000",
            "1.2.3.4:9-8",
            "10.0.0.0/33",
            "a/8",
            "ex ample",
            "[::1]/129",
            "*/8",
            "a..b",
            "*.example.com",
            "256.0.0.1",
            "LOOPBACK",
            "Public",
            "LOOPBACK:80",
            "10.0.0.1-10.0.0.9",
            "0177.0.0.1",
            "0x7f.0.0.1",
            "0x7f000001",
            "2130706433",
            "127.1",
            "127.0.0.1]",
            "[127.0.0.1]",
            "[127.0.0.1",
            "[::1",
            "::1]",
            "[[::1]]",
            "[a]",
            ":+7001",
            "a:+7001",
            "*:+7001",
            "*:-1",
            "*:",
            "*: 80",
            "1.2.3.4:80-",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "[fd00::/8]",
            "-a",
            "a-",
            "user@a",
            "a\u{0}",
            "a..",
            ".",
        ] {
            let error = SocketRule::parse(rule).expect_err(rule);
            assert!(
                error.message().starts_with("invalid network rule"),
                "{rule}"
            );
        }
    }

    fn sends(rule: &str, method: Method, url: &str, address: &str) -> bool {
        let rules = [HttpRule::parse(rule).unwrap()];
        let uri: http::Uri = url.parse().unwrap();
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let target = HttpTarget {
            method: &method,
            scheme: uri.scheme().unwrap(),
            host: uri.host().unwrap(),
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
        };
        http_candidates(&rules, &target, false)
            .any(|rule| rule.allows(target.host, address.parse().unwrap()))
    }

    #[test]
    fn http_rules_name_methods_schemes_hosts_and_ports() {
        let get = |rule, url, address| sends(rule, Method::GET, url, address);
        assert!(get("*", "http://a/", "10.0.0.1"));
        assert!(get("public", "https://a.example/", "1.1.1.1"));
        assert!(!get("public", "https://a.example/", "10.0.0.1"));
        assert!(get("example.com", "https://example.com/x", "10.0.0.1"));
        assert!(get("Example.com", "https://example.com/x", "1.1.1.1"));
        assert!(!get("example.com", "https://a.example.com/", "1.1.1.1"));
        assert!(get("*.example.com", "https://a.b.example.com/", "1.1.1.1"));
        assert!(!get("*.example.com", "https://example.com/", "1.1.1.1"));
        assert!(!get("*.example.com", "https://badexample.com/", "1.1.1.1"));
        // A subdomain may resolve to a private address.
        assert!(!get("*.example.com", "https://a.example.com/", "127.0.0.1"));
        assert!(!get(
            "*.example.com",
            "https://a.example.com/",
            "::ffff:10.0.0.1"
        ));
        assert!(get(
            "https://example.com",
            "https://example.com/",
            "1.1.1.1"
        ));
        assert!(!get(
            "https://example.com",
            "http://example.com/",
            "1.1.1.1"
        ));
        assert!(get("example.com:443", "https://example.com/", "1.1.1.1"));
        assert!(!get(
            "example.com:443",
            "https://example.com:444/",
            "1.1.1.1"
        ));
        assert!(get("10.0.0.0/8", "http://10.0.0.1/", "10.0.0.1"));
        assert!(!get("10.0.0.0/8", "http://11.0.0.1/", "11.0.0.1"));
        // A rule that is not for the name does not cause a lookup.
        assert!(!get("10.0.0.0/8", "http://inside/", "10.0.0.1"));
        assert!(get("127.0.0.0/8", "http://localhost/", "127.0.0.1"));
        assert!(get("localhost.", "http://localhost/", "127.0.0.1"));
        assert!(get("loopback", "http://localhost:8080/", "127.0.0.1"));
        assert!(sends(
            "POST,put http://a",
            Method::PUT,
            "http://a/",
            "1.1.1.1"
        ));
        assert!(!sends("POST http://a", Method::GET, "http://a/", "1.1.1.1"));
    }

    #[test]
    fn rejects_invalid_http_rules() {
        for rule in ["", "ftp://a", "G@T a", "a b c", "*.*", "*a.com", "*."] {
            let error = HttpRule::parse(rule).expect_err(rule);
            assert!(error.message().starts_with("invalid HTTP rule"), "{rule}");
        }
    }
}

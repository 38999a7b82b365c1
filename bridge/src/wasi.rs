//! WASI 0.2 by a policy that denies by default: what a guest may see of its host is what
//! [`WasiPolicy`] names.

use crate::engine::Engine;
use crate::error::{Code, Error};
use crate::ffi::{Bytes, free, give, guard};
use crate::store::Data;
use serde::Deserialize;
use std::net::IpAddr;
use std::sync::Arc;
use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

/// Where a guest's output stream goes.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Output {
    #[default]
    Discard,
    Inherit,
    Capture,
}

/// Where its standard input comes from.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Input {
    #[default]
    Empty,
    Inherit,
    Text(String),
}

/// A folder of the host that a guest sees.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Folder {
    host: String,
    guest: String,
    read_only: bool,
}

/// What a guest may see of its host; everything else is denied. C++ writes it as JSON, from
/// `tairitsu::WasiOptions`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WasiPolicy {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    working_directory: Option<String>,
    folders: Vec<Folder>,
    standard_input: Input,
    standard_output: Output,
    standard_error: Output,
    /// Bounds each captured stream, in bytes; past that the guest finds it closed.
    capture_capacity: usize,
    connect: Vec<String>,
    bind: Vec<String>,
    name_lookup: bool,
    #[serde(skip)]
    network: Arc<Network>,
}

/// Addresses of one kind, and ports.
#[derive(Clone)]
struct Rule {
    /// TCP, UDP, or both.
    protocol: Option<Protocol>,
    hosts: Hosts,
    ports: (u16, u16),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Tcp,
    Udp,
}

#[derive(Clone)]
enum Hosts {
    /// All addresses, private ones among them.
    All,
    /// All that are the whole internet's.
    Public,
    Loopback,
    /// An address and how many of its bits count.
    Range(IpAddr, u8),
    /// Whatever the name stands for when it is asked for.
    Name(String),
}

#[derive(Default)]
struct Network {
    connect: Vec<Rule>,
    bind: Vec<Rule>,
}

impl Rule {
    /// `[tcp://|udp://]HOST[:PORT[-PORT]]`, where HOST is `*`, `public`, `loopback`, an address, a range
    /// `10.0.0.0/8` or `[fd00::]/8`, or a name.
    fn parse(text: &str) -> Result<Rule, Error> {
        let wrong = |why: &str| {
            Error::new(
                Code::InvalidArgument,
                format!(
                    "'{text}' is no network rule: {why}; a rule is [tcp://|udp://]HOST[:PORT[-PORT]], where HOST is \
                     *, public, loopback, an address, a range such as 10.0.0.0/8 or [fd00::]/8, or a name"
                ),
            )
        };
        let (protocol, rest) = match text.split_once("://") {
            Some(("tcp", rest)) => (Some(Protocol::Tcp), rest),
            Some(("udp", rest)) => (Some(Protocol::Udp), rest),
            Some(_) => return Err(wrong("its protocol is neither tcp nor udp")),
            None => (None, text),
        };
        // An IPv6 address has colons of its own, and stands in brackets where a port follows.
        let (host, ports) = match rest.rsplit_once(':') {
            Some((host, ports)) if rest.starts_with('[') && host.contains(']') => (host, ports),
            Some((host, ports)) if !rest.starts_with('[') && !host.contains(':') => (host, ports),
            _ => (rest, ""),
        };
        let ports = match ports.split_once('-') {
            _ if ports.is_empty() => Some((0, u16::MAX)),
            Some((first, last)) => first.parse().ok().zip(last.parse().ok()),
            None => ports.parse().ok().map(|port: u16| (port, port)),
        };
        let ports = ports
            .filter(|(first, last)| first <= last)
            .ok_or_else(|| wrong("its ports are no numbers up to 65535"))?;
        let (address, bits) = match host.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (host, None),
        };
        let address = address.trim_start_matches('[').trim_end_matches(']');
        let hosts = match (address, bits, address.parse::<IpAddr>()) {
            ("*", None, _) => Hosts::All,
            ("public", None, _) => Hosts::Public,
            ("loopback", None, _) => Hosts::Loopback,
            (_, None, Ok(address)) => Hosts::Range(address, bits_of(address)),
            (_, Some(bits), Ok(address)) => match bits.parse() {
                Ok(bits) if bits <= bits_of(address) => Hosts::Range(address, bits),
                _ => return Err(wrong("its range has too many bits")),
            },
            (name, None, Err(_)) if is_host_name(name) => Hosts::Name(name.to_owned()),
            _ => return Err(wrong("its host is neither an address nor a name")),
        };
        Ok(Rule {
            protocol,
            hosts,
            ports,
        })
    }

    async fn allows(&self, protocol: Protocol, address: IpAddr, port: u16) -> bool {
        let address = address.to_canonical();
        if self.protocol.is_some_and(|own| own != protocol)
            || !(self.ports.0..=self.ports.1).contains(&port)
        {
            return false;
        }
        match &self.hosts {
            Hosts::All => true,
            Hosts::Public => is_public(address),
            Hosts::Loopback => address.is_loopback(),
            Hosts::Range(range, bits) => is_in(address, range.to_canonical(), *bits),
            Hosts::Name(name) => match tokio::net::lookup_host((name.as_str(), port)).await {
                Ok(mut found) => found.any(|found| found.ip().to_canonical() == address),
                Err(_) => false,
            },
        }
    }
}

fn bits_of(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// Letters, digits, dots and hyphens, as in the DNS.
fn is_host_name(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    name.trim_end_matches('.').split('.').all(is_part)
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

/// Whether the address is one of the whole internet, and no private, local or reserved one.
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
            // 2000::/3 is all that is given out, less what is set aside in it, or holds an IPv4 address.
            (segments[0] & 0xe000) == 0x2000
                && !(segments[0] == 0x2001 && segments[1] < 0x200)
                && !(segments[0] == 0x2001 && segments[1] == 0xdb8)
                && segments[0] != 0x2002
        }
    }
}

impl Network {
    async fn allows(&self, address: std::net::SocketAddr, usage: SocketAddrUse) -> bool {
        let (protocol, outward) = match usage {
            SocketAddrUse::TcpBind | SocketAddrUse::TcpListen => (Protocol::Tcp, false),
            SocketAddrUse::UdpBind => (Protocol::Udp, false),
            SocketAddrUse::TcpConnect => (Protocol::Tcp, true),
            SocketAddrUse::UdpSend => (Protocol::Udp, true),
            // Whoever may listen hears everybody: the address that was bound says who reaches it.
            SocketAddrUse::TcpAccept | SocketAddrUse::UdpReceive => return true,
        };
        // What a socket that connects is bound to first.
        let implicit = address.ip().is_unspecified()
            && address.port() == 0
            && !matches!(usage, SocketAddrUse::TcpListen);
        if !outward && implicit && !self.connect.is_empty() {
            return true;
        }
        for rule in if outward { &self.connect } else { &self.bind } {
            if rule.allows(protocol, address.ip(), address.port()).await {
                return true;
            }
        }
        false
    }
}

impl WasiPolicy {
    fn parse(json: &str) -> Result<WasiPolicy, Error> {
        let mut policy: WasiPolicy = serde_json::from_str(json)
            .map_err(|error| Error::new(Code::Internal, format!("WASI options: {error}")))?;
        let rules = |texts: &[String]| texts.iter().map(|text| Rule::parse(text)).collect();
        let connect: Result<Vec<_>, Error> = rules(&policy.connect);
        let bind: Result<Vec<_>, Error> = rules(&policy.bind);
        policy.network = Arc::new(Network {
            connect: connect?,
            bind: bind?,
        });
        Ok(policy)
    }
}

/// Reads a policy. Stores can share it; it outlives their making, not them.
///
/// # Safety
/// `json` is readable, `out` valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_wasi_policy_new(
    json: Bytes,
    out: *mut *mut WasiPolicy,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let policy = WasiPolicy::parse(unsafe { json.as_str()? })?;
        // SAFETY: the caller's promise.
        unsafe { give(out, policy) };
        Ok(())
    })
}

/// # Safety
/// `policy` is null or live, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_wasi_policy_free(policy: *mut WasiPolicy) {
    // SAFETY: the caller's promise.
    unsafe { free(policy) }
}

/// A container's WASI: its context, its resources, and its captured output.
pub struct WasiState {
    context: WasiCtx,
    table: ResourceTable,
    /// Standard output and standard error, where they are captured.
    captured: [Option<MemoryOutputPipe>; 2],
}

impl WasiState {
    /// Opens the policy's folders. Fails with `Io` where one cannot be opened.
    pub fn new(policy: &WasiPolicy) -> Result<WasiState, Error> {
        let mut builder = WasiCtxBuilder::new();
        builder.args(&policy.arguments).envs(&policy.environment);
        if let Some(folder) = &policy.working_directory {
            builder.initial_cwd(folder);
        }
        for folder in &policy.folders {
            let permissions = match folder.read_only {
                true => FsPerms::ReadOnly,
                false => FsPerms::ReadWrite,
            };
            builder
                .preopened_dir(&folder.host, &folder.guest, permissions)
                .map_err(|error| {
                    let message = format!("the folder '{}': {}", folder.host, error.root_cause());
                    Error::new(Code::Io, message)
                })?;
        }
        match &policy.standard_input {
            Input::Empty => {}
            Input::Inherit => {
                builder.inherit_stdin();
            }
            Input::Text(text) => {
                builder.stdin(MemoryInputPipe::new(text.clone().into_bytes()));
            }
        }
        let mut captured = [None, None];
        let pipe = || MemoryOutputPipe::new(policy.capture_capacity);
        match policy.standard_output {
            Output::Discard => {}
            Output::Inherit => {
                builder.inherit_stdout();
            }
            Output::Capture => {
                builder.stdout(captured[0].insert(pipe()).clone());
            }
        }
        match policy.standard_error {
            Output::Discard => {}
            Output::Inherit => {
                builder.inherit_stderr();
            }
            Output::Capture => {
                builder.stderr(captured[1].insert(pipe()).clone());
            }
        }
        let rules = || policy.network.connect.iter().chain(&policy.network.bind);
        let uses = |protocol| rules().any(|rule| rule.protocol.is_none_or(|own| own == protocol));
        builder
            .allow_tcp(uses(Protocol::Tcp))
            .allow_udp(uses(Protocol::Udp))
            .allow_ip_name_lookup(policy.name_lookup);
        if rules().next().is_some() {
            let network = policy.network.clone();
            builder.socket_addr_check(move |address, usage| {
                let network = network.clone();
                Box::pin(async move { network.allows(address, usage).await })
            });
        }
        Ok(WasiState {
            context: builder.build(),
            table: ResourceTable::new(),
            captured,
        })
    }

    /// What the guest has written to stream 0 (standard output) or 1 (standard error) so far.
    pub fn captured(&self, stream: usize) -> Vec<u8> {
        match self.captured.get(stream) {
            Some(Some(pipe)) => pipe.contents().to_vec(),
            _ => Vec::new(),
        }
    }
}

impl WasiView for Data {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // A store is made with WASI before anything that imports it is instantiated in it.
        let state = self.wasi.as_mut().expect("the store has no WASI");
        WasiCtxView {
            ctx: &mut state.context,
            table: &mut state.table,
        }
    }
}

/// A linker with all of WASI 0.2: the synchronous functions, or those that wait on a fiber.
pub fn linker(engine: &Engine, interruptible: bool) -> Result<Linker<Data>, Error> {
    let slot = match interruptible {
        true => &engine.wasi_interruptible,
        false => &engine.wasi_direct,
    };
    if let Some(linker) = slot.get() {
        return Ok(linker.clone());
    }
    let mut linker = Linker::new(&engine.engine);
    let added = match interruptible {
        true => wasmtime_wasi::p2::add_to_linker_async(&mut linker),
        false => wasmtime_wasi::p2::add_to_linker_sync(&mut linker),
    };
    added.map_err(|e| Error::from_wasmtime(&e, Code::Internal))?;
    Ok(slot.get_or_init(|| linker).clone())
}

/// The interfaces that [`linker`] defines, without their version.
const INTERFACES: &[&str] = &[
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// The version of WASI under which [`linker`] defines its interfaces.
const VERSION: &str = "0.2.12";

/// The name under which the linkers with WASI define `interface`, which may be of another version. What
/// is defined there besides takes the place of one function and leaves the others.
pub fn own_name(interface: &str) -> Option<String> {
    let (name, version) = interface.split_once('@')?;
    let patch = version.strip_prefix("0.2.")?;
    // Release candidates were other interfaces.
    let released = !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit());
    (released && INTERFACES.contains(&name)).then(|| format!("{name}@{VERSION}"))
}

/// Whether the linkers with WASI define `interface`, e.g. `wasi:io/streams@0.2.9`.
///
/// # Safety
/// `interface` is readable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_wasi_has(interface: Bytes) -> bool {
    // SAFETY: the caller's promise.
    (unsafe { interface.as_str() }).is_ok_and(|interface| own_name(interface).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    fn allows(rules: &[&str], address: &str, usage: SocketAddrUse) -> bool {
        let texts: Vec<String> = rules.iter().map(|rule| rule.to_string()).collect();
        let json = serde_json::json!({"connect": texts, "bind": texts}).to_string();
        let policy = WasiPolicy::parse(&json).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let address: SocketAddr = address.parse().unwrap();
        runtime.block_on(policy.network.allows(address, usage))
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
        // What is mapped is what it maps to.
        assert!(connects("127.0.0.0/8", "[::ffff:127.0.0.1]:1"));
    }

    #[test]
    fn binding_is_not_connecting() {
        let json = |field: &str| format!("{{\"{field}\": [\"127.0.0.1:80\"]}}");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let ask = |policy: &str, address: &str, usage| {
            let policy = WasiPolicy::parse(policy).unwrap();
            runtime.block_on(policy.network.allows(address.parse().unwrap(), usage))
        };
        let (connect, bind) = (json("connect"), json("bind"));
        assert!(ask(&connect, "127.0.0.1:80", SocketAddrUse::TcpConnect));
        assert!(ask(&connect, "0.0.0.0:0", SocketAddrUse::TcpBind));
        assert!(!ask(&connect, "127.0.0.1:80", SocketAddrUse::TcpBind));
        assert!(!ask(&connect, "0.0.0.0:0", SocketAddrUse::TcpListen));
        assert!(ask(&bind, "127.0.0.1:80", SocketAddrUse::TcpListen));
        assert!(!ask(&bind, "127.0.0.1:80", SocketAddrUse::TcpConnect));
        assert!(!ask(&bind, "0.0.0.0:0", SocketAddrUse::TcpBind));
        assert!(!ask("{}", "127.0.0.1:80", SocketAddrUse::TcpConnect));
    }

    #[test]
    fn what_is_no_rule_is_refused() {
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
        ] {
            let json = serde_json::json!({"connect": [rule]}).to_string();
            let error = WasiPolicy::parse(&json)
                .err()
                .unwrap_or_else(|| panic!("'{rule}' is a rule"));
            assert!(error.message().contains("is no network rule"), "{rule}");
        }
    }
}

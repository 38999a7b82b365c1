//! What a store holds for WASI.

use super::descriptor_output::{DescriptorOutput, Target};
use super::descriptors::Descriptors;
use super::folders::Folders;
use super::held::Entries;
use super::outgoing::HttpHooks;
use super::policy::{Clock, Denial, Input, Output, Policy};
use super::requests::RelativePaths;
use super::rules::UdpSocket;
use super::stdio::{CapturedOutput, LineOutput, TailOutput};
use crate::account::{Account, Scope, Total};
use crate::error::{Code, Error};
use crate::store::Data;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::cli::InputFile;
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{
    FsPerms, HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView,
};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// A guest's WASI: its context, its resources, and its captured output.
pub struct WasiState {
    guest: Guest,
    policy: Arc<Policy>,
    /// Standard output and standard error, where they are captured.
    captured: [Option<CapturedOutput>; 2],
    /// The end of a standard error that goes nowhere else.
    tail: TailOutput,
    folders: Folders,
    descriptors: Descriptors,
    entries: Entries,
    relative_paths: RelativePaths,
}

/// What a guest may have, besides what its policy lets it see.
pub struct Grant {
    /// What the host allocates for it is charged to; none where nothing limits it.
    pub account: Option<Arc<Account>>,
    pub max_handles: usize,
    pub max_descriptors: usize,
    pub total: Arc<Total>,
}

enum Guest {
    Component {
        context: WasiCtx,
        table: ResourceTable,
        http: WasiHttpCtx,
        hooks: HttpHooks,
    },
    /// A core module, with preview 1.
    Module(WasiP1Ctx),
}

struct FrozenClock(Duration);

impl HostWallClock for FrozenClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

impl HostMonotonicClock for FrozenClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        0
    }
}

struct OffsetClock(i64);

impl HostWallClock for OffsetClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let offset = Duration::from_nanos(self.0.unsigned_abs());
        match self.0 < 0 {
            true => now.saturating_sub(offset),
            false => now.saturating_add(offset),
        }
    }
}

fn in_file(path: &str, error: &std::io::Error) -> Error {
    Error::new(Code::Io, format!("{path}: {error}"))
}

fn set_output(
    builder: &mut WasiCtxBuilder,
    policy: &Arc<Policy>,
    stream: u32,
    captured: &mut Option<CapturedOutput>,
    tail: &TailOutput,
) -> Result<(), Error> {
    let (output, is_error) = match stream {
        0 => (&policy.standard_output, false),
        _ => (&policy.standard_error, true),
    };
    // The builder takes a type each.
    macro_rules! set {
        ($to:expr) => {
            match is_error {
                false => builder.stdout($to),
                true => builder.stderr($to),
            }
        };
    }
    match output {
        Output::Discard if is_error => {
            builder.stderr(tail.clone());
        }
        Output::Discard => {}
        Output::Inherit if is_error => {
            builder.stderr(DescriptorOutput(Target::StandardError));
        }
        Output::Inherit => {
            builder.stdout(DescriptorOutput(Target::StandardOutput));
        }
        Output::Capture => {
            set!(
                captured
                    .insert(CapturedOutput::new(policy.capture_capacity))
                    .clone()
            );
        }
        Output::Lines => {
            set!(LineOutput::new(policy.clone(), stream));
        }
        Output::File(path) => {
            let file = File::options().append(true).create(true).open(path);
            let file = Arc::new(file.map_err(|e| in_file(path, &e))?);
            set!(DescriptorOutput(Target::File(file)));
        }
    }
    Ok(())
}

/// What was asked for, and the narrowest rule that allows it. Nothing for a stranger's datagram, of which there
/// may be many.
fn describe(usage: SocketAddrUse, address: SocketAddr) -> Option<(Denial, String)> {
    let (kind, protocol) = match usage {
        SocketAddrUse::TcpBind | SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => {
            (Denial::Bind, "tcp")
        }
        SocketAddrUse::UdpBind => (Denial::Bind, "udp"),
        SocketAddrUse::TcpConnect => (Denial::Connect, "tcp"),
        SocketAddrUse::UdpSend => (Denial::Connect, "udp"),
        SocketAddrUse::UdpReceive => return None,
    };
    // Port 0 becomes another one, for which the rules are asked again.
    let endpoint = match (address.port(), address.ip()) {
        (0, IpAddr::V6(v6)) => format!("[{v6}]"),
        (0, v4) => v4.to_string(),
        _ => address.to_string(),
    };
    Some((kind, format!("{protocol}://{endpoint}")))
}

/// Whether the rules let a socket use the address; the policy's owner is told if not.
pub async fn check_address(
    policy: &Policy,
    socket: &UdpSocket,
    address: SocketAddr,
    usage: SocketAddrUse,
) -> bool {
    let allowed = policy.sockets.allows(address, usage, socket).await
        // Whoever is told of denials wants to know where the guest was going to.
        || (policy.tells_denials() && policy.sockets.is_only_a_beginning(address, usage));
    if !allowed && let Some((kind, rule)) = describe(usage, address) {
        policy.denied(kind, &rule);
    }
    allowed
}

fn context(
    policy: &Arc<Policy>,
    captured: &mut [Option<CapturedOutput>; 2],
    tail: &TailOutput,
) -> Result<WasiCtxBuilder, Error> {
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
        Input::File(path) => {
            let file = File::open(path).map_err(|e| in_file(path, &e))?;
            builder.stdin(InputFile::new(file));
        }
    }
    let [output, error] = captured;
    set_output(&mut builder, policy, 0, output, tail)?;
    set_output(&mut builder, policy, 1, error, tail)?;
    // Any guest may make sockets; the rules say what they may be used for. Those of UDP are made elsewhere: see `udp`.
    builder
        .allow_tcp(true)
        .allow_ip_name_lookup(policy.name_lookup);
    let shared = policy.clone();
    builder.socket_addr_check(move |address, usage| {
        let policy = shared.clone();
        Box::pin(async move { check_address(&policy, &UdpSocket::default(), address, usage).await })
    });
    match policy.clock {
        Clock::Real => {}
        Clock::Frozen(at) => {
            builder.wall_clock(FrozenClock(Duration::from_nanos(at)));
            builder.monotonic_clock(FrozenClock(Duration::ZERO));
        }
        Clock::Offset(by) => {
            builder.wall_clock(OffsetClock(by));
        }
    }
    if let Some(seed) = policy.random_seed {
        let mut seeds = StdRng::seed_from_u64(seed);
        let mut next = || seeds.next_u64();
        builder
            .secure_random(StdRng::seed_from_u64(next()))
            .insecure_random(StdRng::seed_from_u64(next()))
            .insecure_random_seed(u128::from(next()) << 64 | u128::from(next()));
    }
    Ok(builder)
}

impl WasiState {
    /// Opens the policy's folders and files. Fails with `Io` where one cannot be opened.
    pub fn for_component(policy: &Arc<Policy>, grant: &Grant) -> Result<WasiState, Error> {
        let _scope = Scope::enter(grant.account.as_deref());
        let mut captured = [None, None];
        let tail = TailOutput::default();
        let descriptors = Descriptors::new(grant.max_descriptors, grant.total.clone());
        let mut table = ResourceTable::new();
        table.set_max_capacity(grant.max_handles);
        Ok(WasiState {
            guest: Guest::Component {
                context: context(policy, &mut captured, &tail)?.build(),
                table,
                http: WasiHttpCtx::new(),
                hooks: HttpHooks::new(policy.clone(), grant.account.clone(), descriptors.permits()),
            },
            policy: policy.clone(),
            captured,
            tail,
            folders: Folders::new(),
            descriptors,
            entries: Entries::new(),
            relative_paths: RelativePaths::default(),
        })
    }

    /// The same for a core module.
    pub fn for_module(policy: &Arc<Policy>, grant: &Grant) -> Result<WasiState, Error> {
        let _scope = Scope::enter(grant.account.as_deref());
        let mut captured = [None, None];
        let tail = TailOutput::default();
        Ok(WasiState {
            guest: Guest::Module(context(policy, &mut captured, &tail)?.build_p1()),
            policy: policy.clone(),
            captured,
            tail,
            folders: Folders::new(),
            descriptors: Descriptors::new(grant.max_descriptors, grant.total.clone()),
            entries: Entries::new(),
            relative_paths: RelativePaths::default(),
        })
    }

    /// What the guest has written to stream 0 (standard output) or 1 (standard error) so far.
    pub fn captured(&self, stream: usize) -> Vec<u8> {
        match self.captured.get(stream) {
            Some(Some(output)) => output.bytes(),
            _ => Vec::new(),
        }
    }

    /// Whether the guest tried to write more to it than is kept.
    pub fn is_truncated(&self, stream: usize) -> bool {
        matches!(self.captured.get(stream), Some(Some(output)) if output.is_truncated())
    }
}

impl Data {
    /// The end of what the guest wrote to a standard error that goes nowhere.
    pub fn error_tail(&self) -> String {
        self.wasi
            .as_ref()
            .map(|wasi| wasi.tail.text())
            .unwrap_or_default()
    }

    /// What the guest may do, where the store has WASI.
    pub fn wasi_policy(&self) -> Option<&Policy> {
        self.wasi.as_ref().map(|wasi| &*wasi.policy)
    }

    /// The same, to be kept.
    pub fn wasi_shared_policy(&self) -> Option<&Arc<Policy>> {
        self.wasi.as_ref().map(|wasi| &wasi.policy)
    }

    pub fn relative_paths_mut(&mut self) -> &mut RelativePaths {
        let wasi = self.wasi.as_mut().expect("the store has no WASI");
        &mut wasi.relative_paths
    }

    /// Where the guest's folders are, of those that its functions gave it.
    pub fn wasi_folders(&self) -> &Folders {
        &self.wasi.as_ref().expect("the store has no WASI").folders
    }

    pub fn wasi_folders_mut(&mut self) -> &mut Folders {
        &mut self.wasi.as_mut().expect("the store has no WASI").folders
    }

    fn wasi_guest(&mut self) -> &mut Guest {
        // A store is made with WASI before anything that imports it is instantiated in it.
        &mut self.wasi.as_mut().expect("the store has no WASI").guest
    }

    /// Charges for directories' entries that the guest has not read.
    pub fn wasi_entries(&mut self) -> &mut Entries {
        &mut self.wasi.as_mut().expect("the store has no WASI").entries
    }

    /// What the guest has open, and the table of its resources. Of a component.
    pub fn wasi_descriptors(&mut self) -> (&mut Descriptors, &mut ResourceTable) {
        let wasi = self.wasi.as_mut().expect("the store has no WASI");
        match &mut wasi.guest {
            Guest::Component { table, .. } => (&mut wasi.descriptors, table),
            Guest::Module(_) => unreachable!("a core module imports preview 1 alone"),
        }
    }

    /// Below which the numbers of a core module's descriptors are: its limit, besides those that it begins with.
    pub fn preview1_max_descriptors(&self) -> usize {
        let wasi = self.wasi.as_ref().expect("the store has no WASI");
        wasi.descriptors.max() + 3 + wasi.policy.folders.len()
    }

    /// Preview 1, of a store that was made for a core module.
    pub fn preview1(&mut self) -> &mut WasiP1Ctx {
        match self.wasi_guest() {
            Guest::Module(context) => context,
            Guest::Component { .. } => unreachable!("a component does not import preview 1"),
        }
    }
}

impl WasiView for Data {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        match self.wasi_guest() {
            Guest::Component { context, table, .. } => WasiCtxView {
                ctx: context,
                table,
            },
            Guest::Module(_) => unreachable!("a core module imports preview 1 alone"),
        }
    }
}

impl WasiHttpView for Data {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        match self.wasi_guest() {
            Guest::Component {
                table, http, hooks, ..
            } => WasiHttpCtxView {
                ctx: http,
                table,
                hooks,
            },
            Guest::Module(_) => unreachable!("a core module imports preview 1 alone"),
        }
    }
}

//! A store's WASI state.

use super::data::Data;
use super::descriptor_output::{DescriptorOutput, Target};
use super::descriptors::Descriptors;
use super::directories::Directories;
use super::held::Entries;
use super::outgoing::HttpHooks;
use super::policy::{Clock, Denial, Input, Output, Policy};
use super::requests::RelativePaths;
use super::rules::UdpSocket;
use super::stdio::{CapturedOutput, LineOutput, TailOutput};
use crate::account::{Account, Scope, Total};
use crate::error::{Code, Error};
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

/// A guest's WASI state: its context, its resources, and its captured output.
pub struct WasiState {
    guest: Guest,
    policy: Arc<Policy>,
    /// Standard output and standard error, if they are captured.
    captured: [Option<CapturedOutput>; 2],
    /// The end of a discarded standard error.
    tail: TailOutput,
    directories: Directories,
    descriptors: Descriptors,
    entries: Entries,
    relative_paths: RelativePaths,
}

/// A guest's resource limits, in addition to its policy.
pub struct Grant {
    /// Host allocations for the guest are charged to it; `None` if they are not limited.
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
    Error::new(Code::Io, format!("opening '{path}': {error}"))
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
    // The builder's methods are generic, so each output type needs a separate call.
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

/// Returns the kind of a denied operation and the narrowest rule that allows it. Returns `None` for received
/// datagrams, of which there may be many.
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
    // Port 0 is replaced by a free port, which the rules check again.
    let endpoint = match (address.port(), address.ip()) {
        (0, IpAddr::V6(v6)) => format!("[{v6}]"),
        (0, v4) => v4.to_string(),
        _ => address.to_string(),
    };
    Some((kind, format!("{protocol}://{endpoint}")))
}

/// Whether the rules let a socket use the address. Reports a denial if not.
pub async fn check_address(
    policy: &Policy,
    socket: &UdpSocket,
    address: SocketAddr,
    usage: SocketAddrUse,
) -> bool {
    let allowed = policy.sockets.allows(address, usage, socket).await
        // If denials are reported, let this pass, so that the next operation is reported with its address.
        || (policy.reports_denials() && policy.sockets.is_preparatory_bind(address, usage));
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
    if let Some(directory) = &policy.working_directory {
        builder.initial_cwd(directory);
    }
    for directory in &policy.directories {
        let permissions = match directory.read_only {
            true => FsPerms::ReadOnly,
            false => FsPerms::ReadWrite,
        };
        builder
            .preopened_dir(&directory.host, &directory.guest, permissions)
            .map_err(|error| {
                let message = format!(
                    "opening the directory '{}': {}",
                    directory.host,
                    error.root_cause()
                );
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
    // Any guest may create sockets; the rules limit their use. UDP sockets are created in `udp`.
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
    /// Opens the policy's directories and files. Fails with `Io` if one cannot be opened.
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
            directories: Directories::new(),
            descriptors,
            entries: Entries::new(),
            relative_paths: RelativePaths::default(),
        })
    }

    /// Like `for_component`, for a core module.
    pub fn for_module(policy: &Arc<Policy>, grant: &Grant) -> Result<WasiState, Error> {
        let _scope = Scope::enter(grant.account.as_deref());
        let mut captured = [None, None];
        let tail = TailOutput::default();
        Ok(WasiState {
            guest: Guest::Module(context(policy, &mut captured, &tail)?.build_p1()),
            policy: policy.clone(),
            captured,
            tail,
            directories: Directories::new(),
            descriptors: Descriptors::new(grant.max_descriptors, grant.total.clone()),
            entries: Entries::new(),
            relative_paths: RelativePaths::default(),
        })
    }

    /// Returns what the guest has written so far to stream 0 (standard output) or 1 (standard error).
    pub fn captured(&self, stream: usize) -> Vec<u8> {
        match self.captured.get(stream) {
            Some(Some(output)) => output.bytes(),
            _ => Vec::new(),
        }
    }

    /// Whether the guest tried to write more to the stream than its capacity.
    pub fn is_truncated(&self, stream: usize) -> bool {
        matches!(self.captured.get(stream), Some(Some(output)) if output.is_truncated())
    }
}

impl Data {
    /// Returns the end of what the guest wrote to a discarded standard error.
    pub fn error_tail(&self) -> String {
        self.wasi
            .as_ref()
            .map(|wasi| wasi.tail.text())
            .unwrap_or_default()
    }

    /// Returns the guest's policy, if the store has WASI.
    pub fn wasi_policy(&self) -> Option<&Policy> {
        self.wasi.as_ref().map(|wasi| &*wasi.policy)
    }

    /// Like `wasi_policy`, as a shared pointer.
    pub fn wasi_shared_policy(&self) -> Option<&Arc<Policy>> {
        self.wasi.as_ref().map(|wasi| &wasi.policy)
    }

    pub fn relative_paths_mut(&mut self) -> &mut RelativePaths {
        let wasi = self.wasi.as_mut().expect("the store has no WASI");
        &mut wasi.relative_paths
    }

    /// Returns the paths of the directories that the guest has obtained.
    pub fn wasi_directories(&self) -> &Directories {
        &self
            .wasi
            .as_ref()
            .expect("the store has no WASI")
            .directories
    }

    pub fn wasi_directories_mut(&mut self) -> &mut Directories {
        &mut self
            .wasi
            .as_mut()
            .expect("the store has no WASI")
            .directories
    }

    fn wasi_guest(&mut self) -> &mut Guest {
        // A store gets WASI before a component that imports it is instantiated in it.
        &mut self.wasi.as_mut().expect("the store has no WASI").guest
    }

    /// Returns the charges for directory entries that the guest has not read.
    pub fn wasi_entries(&mut self) -> &mut Entries {
        &mut self.wasi.as_mut().expect("the store has no WASI").entries
    }

    /// Returns a component's open descriptors and its resource table.
    pub fn wasi_descriptors(&mut self) -> (&mut Descriptors, &mut ResourceTable) {
        let wasi = self.wasi.as_mut().expect("the store has no WASI");
        match &mut wasi.guest {
            Guest::Component { table, .. } => (&mut wasi.descriptors, table),
            Guest::Module(_) => unreachable!("a core module imports only preview 1"),
        }
    }

    /// Returns the bound of a core module's descriptor numbers: its limit plus the descriptors that it starts with.
    pub fn preview1_max_descriptors(&self) -> usize {
        let wasi = self.wasi.as_ref().expect("the store has no WASI");
        wasi.descriptors.max() + 3 + wasi.policy.directories.len()
    }

    /// Returns the preview 1 context of a store that was created for a core module.
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
            Guest::Module(_) => unreachable!("a core module imports only preview 1"),
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
            Guest::Module(_) => unreachable!("a core module imports only preview 1"),
        }
    }
}

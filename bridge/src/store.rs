//! Stores: one guest each, its limits, and the calls into it.
//!
//! There are two kinds. In a direct store guest code runs on the caller's stack; a guest that
//! blocks in WASI blocks the thread. In an interruptible store it runs on a fiber: each call is a
//! future that is polled in place, and where that is pending the thread parks until it is woken,
//! the deadline passes, or the call is interrupted; then the future is dropped. A component that uses
//! the async ABI has one of the second kind always: whatever runs in it may wait for another task.

use crate::abi::{Frame, GUEST_BORROW, GUEST_OWN, Handle};
use crate::account::{Account, FREE_BYTES, Scope, Share};
use crate::component::ExportIndex;
use crate::engine::{Engine, Stores};
use crate::error::{Code, Error, coded};
use crate::ffi::{Buffer, free, give, guard};
use crate::linker::InstancePre;
use crate::module::Module;
use crate::shape::Shape;
use crate::value_path::{FrameScope, Parameters, Return, needs_context};
use crate::wasi::{Grant, Policy, WasiPolicy, WasiState};
use std::cell::Cell;
use std::ffi::c_void;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use wasmtime::component::{Func, Instance, Resource, ResourceAny, TypedFunc};
use wasmtime::{CallHook, GcHeapOutOfMemory, ResourceLimiter, UpdateDeadline};

/// Mirrors `tairitsu::Limits` and what else a store is made with. A limit of 0 is one; none at all is
/// the type's largest value, but for the deadline, where it is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct StoreConfig {
    /// Handed to host functions; the C++ core of the container.
    pub context: *mut c_void,
    pub limit_fuel: bool,
    pub fuel: u64,
    pub deadline_nanoseconds: u64,
    pub max_memory_bytes: u64,
    pub max_table_elements: u64,
    pub max_instances: u32,
    pub max_handles: u32,
    pub max_copied_bytes: u64,
    /// Open files and sockets.
    pub max_descriptors: u32,
    /// What the guest may see of its host; null where it imports no WASI. Used while the store is made.
    pub wasi: *const WasiPolicy,
}

impl StoreConfig {
    pub fn deadline(&self) -> Option<Duration> {
        (self.deadline_nanoseconds != 0).then(|| Duration::from_nanos(self.deadline_nanoseconds))
    }

    /// What a guest's WASI is made with, in a store with these limits.
    pub fn grant(&self, engine: &Stores) -> Grant {
        let counts = self.max_memory_bytes != u64::MAX || engine.total.has_max_bytes();
        Grant {
            account: counts.then(|| Arc::new(Account::new())),
            max_handles: self.max_handles as usize,
            max_descriptors: self.max_descriptors as usize,
            total: engine.total.clone(),
        }
    }

    /// What one call may copy: a guest whose memory is limited cannot have the host copy much more than that.
    fn max_copied_bytes(&self) -> usize {
        let within = (24 << 20) + self.max_memory_bytes / 16;
        usize::try_from(self.max_copied_bytes.min(within)).unwrap_or(usize::MAX)
    }

    /// An empty store with these limits. What happens at an epoch is for the caller to say.
    pub fn make(
        &self,
        engine: &Stores,
        context: *mut c_void,
        grant: &Grant,
        wasi: Option<WasiState>,
    ) -> Result<wasmtime::Store<Data>, Error> {
        let account = grant.account.clone();
        let _scope = Scope::enter(account.as_deref());
        let counts_host = account.is_some();
        let data = Data {
            context,
            wasi: wasi.map(Box::new),
            limits: Limits {
                max_memory_bytes: self.max_memory_bytes,
                max_table_elements: self.max_table_elements,
                max_instances: self.max_instances as usize,
                memory_bytes: 0,
                table_elements: 0,
                grown_bytes: 0,
                refused: false,
                account,
                share: Share::new(engine.total.clone()),
            },
            control: Arc::new(Control {
                interrupted: AtomicBool::new(false),
                stopped: AtomicBool::new(false),
                deadline: Mutex::new(None),
                woken: Mutex::new(false),
                condition: Condvar::new(),
            }),
        };
        let mut store = wasmtime::Store::new(&engine.engine, data);
        store.limiter(|data| &mut data.limits);
        if counts_host {
            store.call_hook(|mut store, hook| match hook {
                CallHook::ReturningFromHost => store.data_mut().limits.check(),
                _ => Ok(()),
            });
        }
        if engine.fuel {
            store
                .set_fuel(self.fuel())
                .map_err(|e| Error::from_wasmtime(&e, Code::Internal))?;
        }
        store.set_max_component_handles(self.max_handles as usize);
        if let Some(table) = store.concurrent_resource_table() {
            // Several for each handle: tasks, threads, streams and futures, and both of their ends.
            table.set_max_capacity((self.max_handles as usize).saturating_mul(4).max(1000));
        }
        store.set_hostcall_fuel(self.max_copied_bytes());
        Ok(store)
    }

    pub fn fuel(&self) -> u64 {
        match self.limit_fuel {
            true => self.fuel,
            false => u64::MAX,
        }
    }
}

/// What host functions and limits find in a store.
pub struct Data {
    pub context: *mut c_void,
    pub wasi: Option<Box<WasiState>>,
    limits: Limits,
    control: Arc<Control>,
}

// SAFETY: C++ promises that a container's core may be used from whatever thread runs the container.
unsafe impl Send for Data {}

impl Data {
    /// What the host allocates for the guest is charged to, where something limits it.
    pub fn account(&self) -> Option<&Arc<Account>> {
        self.limits.account.as_ref()
    }

    /// Fails where the guest would have more memory than it may, with so many bytes more.
    pub fn check_memory(&mut self, more: u64) -> wasmtime::Result<()> {
        self.limits.check_with(more)
    }

    /// Fails if an instance of this shape is more than the store may have.
    pub fn admit(&self, shape: &Shape) -> wasmtime::Result<()> {
        let max = self.limits.max_instances as u64;
        shape
            .fits_in_store(max)
            .map_err(|error| coded(error.code(), error.message()))
    }
}

struct Limits {
    max_memory_bytes: u64,
    max_table_elements: u64,
    max_instances: usize,
    memory_bytes: u64,
    table_elements: u64,
    /// What the memory that grew last grew by, to be taken back where that fails.
    grown_bytes: u64,
    /// A memory was not allowed to grow. That of the GC heap is reported by Wasmtime as a full heap.
    refused: bool,
    /// What is on the heap for the guest; none where nothing limits it.
    account: Option<Arc<Account>>,
    share: Share,
}

impl Limits {
    /// Bytes that count: linear memories, and what is on the heap beyond what is free.
    fn used(&self) -> u64 {
        let heap = self.account.as_ref().map_or(0, |account| account.bytes());
        self.memory_bytes + heap.saturating_sub(FREE_BYTES)
    }

    /// Fails where the guest would have more than it may, with `more` bytes.
    fn check_with(&mut self, more: u64) -> wasmtime::Result<()> {
        let total = self.used().saturating_add(more);
        if total > self.max_memory_bytes {
            return Err(coded(
                Code::MemoryLimit,
                format!(
                    "the guest asked for {total} bytes of memory, its limit is {}",
                    self.max_memory_bytes
                ),
            ));
        }
        if self.share.has_max_bytes() && self.share.differs(total) {
            self.share
                .set_bytes(total)
                .map_err(|error| coded(error.code(), error.message()))?;
        }
        Ok(())
    }

    fn check(&mut self) -> wasmtime::Result<()> {
        self.check_with(0)
    }
}

/// What an element of a table takes.
const TABLE_ELEMENT_BYTES: u64 = 8;

/// Whether Wasmtime is going to refuse to grow, which costs nothing.
fn is_past(maximum: Option<usize>, desired: usize) -> bool {
    maximum.is_some_and(|maximum| desired > maximum)
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.grown_bytes = 0;
        if is_past(maximum, desired) {
            return Ok(true);
        }
        let more = (desired - current) as u64;
        self.refused = true;
        self.check_with(more)?;
        self.refused = false;
        self.grown_bytes = more;
        self.memory_bytes += more;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory_bytes -= std::mem::take(&mut self.grown_bytes);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Of what can fail from here on, only this lets the guest go on.
        if is_past(maximum, desired) {
            return Ok(true);
        }
        let total = self
            .table_elements
            .saturating_add((desired - current) as u64);
        if total > self.max_table_elements {
            return Err(coded(
                Code::TableLimit,
                format!(
                    "the guest asked for {total} table elements, its limit is {}",
                    self.max_table_elements
                ),
            ));
        }
        // Tables are on the heap, where they are charged. In a pool they are not, but bounded by it.
        self.check_with((desired - current) as u64 * TABLE_ELEMENT_BYTES)?;
        self.table_elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.max_instances
    }

    fn memories(&self) -> usize {
        self.max_instances
    }

    fn tables(&self) -> usize {
        self.max_instances
    }
}

/// What another thread may do to a running call, and what the running call waits on.
pub struct Control {
    /// Cuts off the call that runs now.
    interrupted: AtomicBool,
    /// Cuts off this call and any later one.
    stopped: AtomicBool,
    deadline: Mutex<Option<Instant>>,
    woken: Mutex<bool>,
    condition: Condvar,
}

/// Why a call was cut off.
fn cut_off(code: Code) -> wasmtime::Error {
    coded(
        code,
        match code {
            Code::DeadlineExceeded => "the call took longer than the container's deadline",
            _ => "the call was interrupted",
        },
    )
}

impl Control {
    fn check(&self, deadline: Option<Instant>) -> wasmtime::Result<()> {
        if self.interrupted.load(Ordering::Relaxed) || self.stopped.load(Ordering::Relaxed) {
            return Err(cut_off(Code::Interrupted));
        }
        match deadline {
            Some(deadline) if Instant::now() >= deadline => Err(cut_off(Code::DeadlineExceeded)),
            _ => Ok(()),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parks the thread until it is woken, or until the call is to be cut off.
    fn wait(&self) -> wasmtime::Result<()> {
        let deadline = self.deadline();
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        while !*woken {
            self.check(deadline)?;
            let left = deadline.map_or(Duration::from_secs(3600), |deadline| {
                deadline.saturating_duration_since(Instant::now())
            });
            woken = self
                .condition
                .wait_timeout(woken, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        *woken = false;
        drop(woken);
        self.check(deadline)
    }

    fn interrupt(&self, for_good: bool) {
        if for_good {
            self.stopped.store(true, Ordering::Relaxed);
        }
        self.interrupted.store(true, Ordering::Relaxed);
        // Under the lock, so that a call about to park sees the flag or the notification.
        let _woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        self.condition.notify_all();
    }
}

impl Wake for Control {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.condition.notify_all();
    }
}

/// Runs timers and blocking work for guests that wait in WASI. Started when first needed.
fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("tairitsu-wasi")
            .on_thread_start(crate::sigpipe::block)
            .enable_all()
            .build()
            .expect("threads for WASI could not be started")
    })
}

/// WASI looks for a current Tokio runtime. A thread enters it once and for all, for entering takes as
/// long as a short call. It is never blocked on: a host function may in turn call a container of this
/// kind, and Tokio forbids to block within a block.
fn enter_runtime() {
    thread_local! {
        static ENTERED: Cell<bool> = const { Cell::new(false) };
    }
    if !ENTERED.replace(true) {
        // It outlives the guest that needs it first.
        let _scope = Scope::enter(None);
        std::mem::forget(runtime().enter());
    }
}

/// One guest: its store and, once instantiated, its instance. One thread at a time.
pub struct Store {
    store: wasmtime::Store<Data>,
    instance: Option<Instance>,
    /// `None` for a direct store.
    waker: Option<Waker>,
    control: Arc<Control>,
    deadline: Option<Duration>,
    account: Option<Arc<Account>>,
}

/// A function of one store's instance.
pub struct Function {
    function: Func,
}

/// Cuts off calls from any thread.
pub struct InterruptHandle {
    control: Arc<Control>,
}

/// Polls a future on this thread until it is done or cut off.
fn drive<R>(
    control: &Control,
    waker: &Waker,
    frame: *mut Frame,
    future: impl Future<Output = wasmtime::Result<R>>,
) -> wasmtime::Result<R> {
    enter_runtime();
    let mut future = pin!(future);
    let mut context = Context::from_waker(waker);
    loop {
        {
            let _scope = FrameScope::enter(frame);
            if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
                return result;
            }
        }
        control.wait()?;
    }
}

/// What a store is for.
enum Guest {
    Component {
        interruptible: bool,
    },
    /// Always interruptible: what is linked for core modules waits on a fiber.
    Module,
}

impl Store {
    fn new(engine: &Engine, guest: Guest, config: &StoreConfig) -> Result<Store, Error> {
        // SAFETY: null or live, the caller's promise.
        let policy = unsafe { config.wasi.as_ref() };
        let (make_state, interruptible): (fn(&Arc<Policy>, &Grant) -> _, _) = match guest {
            Guest::Component { interruptible } => (WasiState::for_component, interruptible),
            Guest::Module => (WasiState::for_module, true),
        };
        let engine = &engine.stores;
        let grant = config.grant(engine);
        let wasi = policy
            .map(|policy| make_state(&policy.0, &grant))
            .transpose()?;
        let mut store = config.make(engine, config.context, &grant, wasi)?;
        if engine.epochs {
            store.set_epoch_deadline(1);
            store.epoch_deadline_callback(|store| {
                let control = &store.data().control;
                control.check(control.deadline())?;
                Ok(UpdateDeadline::Continue(1))
            });
        }
        let control = store.data().control.clone();
        Ok(Store {
            store,
            instance: None,
            waker: interruptible.then(|| Waker::from(control.clone())),
            control,
            deadline: config.deadline(),
            account: grant.account,
        })
    }

    /// Wasmtime's own store and the instance in it: for the differential test, whose oracle calls it.
    #[doc(hidden)]
    pub fn inner(&mut self) -> (&mut wasmtime::Store<Data>, Option<Instance>) {
        (&mut self.store, self.instance)
    }

    /// What every entry into the guest begins with.
    #[inline]
    fn begin(&mut self) {
        if self.store.data().wasi.is_some() {
            enter_runtime();
        }
        self.control.interrupted.store(false, Ordering::Relaxed);
        if let Some(limit) = self.deadline {
            *self
                .control
                .deadline
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Instant::now().checked_add(limit);
        }
    }

    fn instantiate(&mut self, pre: &InstancePre) -> wasmtime::Result<()> {
        self.begin();
        let _scope = self.account.as_deref().map(|own| Scope::enter(Some(own)));
        self.store.data().admit(&pre.shape)?;
        self.instance = Some(match &self.waker {
            None => pre.pre.instantiate(&mut self.store)?,
            Some(waker) => drive(
                &self.control,
                waker,
                std::ptr::null_mut(),
                pre.pre.instantiate_async(&mut self.store),
            )?,
        });
        Ok(())
    }

    /// What the guest does in `body`, with its error.
    #[inline]
    fn enter<R>(
        &mut self,
        body: impl FnOnce(&mut Store) -> wasmtime::Result<R>,
    ) -> Result<R, Error> {
        body(self).map_err(|error| failed(&mut self.store, &error))
    }

    /// # Safety
    /// `frame` is live, and of the function's own type.
    #[inline]
    unsafe fn call(&mut self, function: Func, frame: *mut Frame) -> wasmtime::Result<()> {
        self.begin();
        let _scope = self.account.as_deref().map(|own| Scope::enter(Some(own)));
        // SAFETY: the caller's promise.
        match needs_context(unsafe { (*frame).flags }) {
            // SAFETY: C++ lowers and lifts by the function's own type, which it has checked.
            true => self.call_typed(unsafe { typed::<true>(function) }, frame),
            // SAFETY: as above.
            false => self.call_typed(unsafe { typed::<false>(function) }, frame),
        }
    }

    #[inline]
    fn call_typed<const CONTEXT: bool>(
        &mut self,
        function: TypedFunc<Parameters<CONTEXT>, Return<CONTEXT>>,
        frame: *mut Frame,
    ) -> wasmtime::Result<()> {
        if self.waker.is_some() {
            return self.call_on_fiber(function, frame);
        }
        let _scope = FrameScope::enter(frame);
        function
            .call(&mut self.store, Parameters(frame))
            .map(|_| ())
    }

    /// Apart, so that the frame of a direct call stays small.
    #[inline(never)]
    fn call_on_fiber<const CONTEXT: bool>(
        &mut self,
        function: TypedFunc<Parameters<CONTEXT>, Return<CONTEXT>>,
        frame: *mut Frame,
    ) -> wasmtime::Result<()> {
        let Some(waker) = &self.waker else {
            return Ok(());
        };
        let call = function.call_async(&mut self.store, Parameters(frame));
        drive(&self.control, waker, frame, call).map(|_| ())
    }

    /// Calls `wasi:cli/run#run`: whether the guest says that it succeeded.
    fn run_command(&mut self, export: &ExportIndex) -> wasmtime::Result<bool> {
        self.begin();
        let _scope = self.account.as_deref().map(|own| Scope::enter(Some(own)));
        let Some(instance) = self.instance else {
            wasmtime::bail!("the store has no instance");
        };
        let run: TypedFunc<(), (Result<(), ()>,)> =
            instance.get_typed_func(&mut self.store, export.index)?;
        let (ended,) = match &self.waker {
            None => run.call(&mut self.store, ())?,
            Some(waker) => {
                let call = run.call_async(&mut self.store, ());
                drive(&self.control, waker, std::ptr::null_mut(), call)?
            }
        };
        Ok(ended.is_ok())
    }

    /// Instantiates a core module and calls its `_start`.
    fn run_module(&mut self, module: &Module) -> wasmtime::Result<()> {
        self.begin();
        let _scope = self.account.as_deref().map(|own| Scope::enter(Some(own)));
        self.store.data().admit(module.shape())?;
        let Some(waker) = &self.waker else {
            wasmtime::bail!("the store is not one of a core module");
        };
        let run = async {
            let instance = module.pre.instantiate_async(&mut self.store).await?;
            let start = instance.get_typed_func::<(), ()>(&mut self.store, "_start")?;
            start.call_async(&mut self.store, ()).await
        };
        drive(&self.control, waker, std::ptr::null_mut(), run)
    }

    fn drop_resource(&mut self, handle: &Handle) -> wasmtime::Result<()> {
        if !matches!(handle.kind, GUEST_OWN | GUEST_BORROW) {
            return Ok(());
        }
        self.begin();
        let _scope = self.account.as_deref().map(|own| Scope::enter(Some(own)));
        // SAFETY: handles of these kinds are made by `Handle::guest`.
        let resource = unsafe { handle.as_guest() };
        match &self.waker {
            None => resource.resource_drop(&mut self.store),
            Some(waker) => drive(
                &self.control,
                waker,
                std::ptr::null_mut(),
                resource.resource_drop_async(&mut self.store),
            ),
        }
    }
}

/// # Safety
/// Frames that the function is called with lower and lift by its own type, and need a context only
/// where `CONTEXT` says so.
unsafe fn typed<const CONTEXT: bool>(
    function: Func,
) -> TypedFunc<Parameters<CONTEXT>, Return<CONTEXT>> {
    // SAFETY: the caller's promise.
    unsafe { TypedFunc::new_unchecked(function) }
}

/// The error of what ran in `store`, which is not entered again.
#[cold]
pub fn failed(store: &mut wasmtime::Store<Data>, error: &wasmtime::Error) -> Error {
    let otherwise = if Error::find_code(error).is_some() {
        Code::Trap
    } else if store.data().limits.refused && error.is::<GcHeapOutOfMemory<()>>() {
        Code::MemoryLimit
    } else if has_no_handle_left(store) {
        Code::HandleLimit
    } else {
        Code::Trap
    };
    Error::from_wasmtime(error, otherwise).with_output(&store.data().error_tail())
}

/// Whether the guest holds as many handles as it may. Wasmtime does not count them for us: that it refuses one and
/// gives it when the limit is lifted shows it.
fn has_no_handle_left(store: &mut wasmtime::Store<Data>) -> bool {
    struct Probe;
    let mut takes_one = || {
        let probe = Resource::<Probe>::new_own(0);
        ResourceAny::try_from_resource(probe, &mut *store).is_ok()
    };
    if takes_one() {
        return false;
    }
    store.set_max_component_handles(usize::MAX);
    let probe = Resource::<Probe>::new_own(0);
    ResourceAny::try_from_resource(probe, store).is_ok()
}

/// Makes a store for an instance of `pre`.
///
/// # Safety
/// `engine` and `pre` are live and of one engine, `config` readable, its `wasi` null or live, `out` valid for a
/// write; `config.context` outlives the store.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_new(
    engine: *const Engine,
    pre: *const InstancePre,
    config: *const StoreConfig,
    out: *mut *mut Store,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let (engine, pre, config) = unsafe { (&*engine, &*pre, &*config) };
        let guest = Guest::Component {
            interruptible: pre.interruptible,
        };
        let store = Store::new(engine, guest, config)?;
        // SAFETY: the caller's promise.
        unsafe { give(out, store) };
        Ok(())
    })
}

/// Makes a store for one run of a core module.
///
/// # Safety
/// As for `tairitsu_bridge_store_new`; `config.wasi` is not null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_new_for_module(
    engine: *const Engine,
    config: *const StoreConfig,
    out: *mut *mut Store,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let store = unsafe { Store::new(&*engine, Guest::Module, &*config)? };
        // SAFETY: the caller's promise.
        unsafe { give(out, store) };
        Ok(())
    })
}

/// Runs a core module as a command. That it ends by `proc_exit` is the error `GuestExited`.
///
/// # Safety
/// `store` was made by `tairitsu_bridge_store_new_for_module`, for the engine of `module`, and is used once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_run_module(
    store: *mut Store,
    module: *const Module,
) -> *mut Error {
    // SAFETY: the caller's promise.
    guard(|| unsafe { (*store).enter(|store| store.run_module(&*module)) })
}

/// Calls a function of the type of `wasi:cli/run#run`, of 0.2 or 0.3: whether it succeeded.
///
/// # Safety
/// `store` is live and instantiated, and no call runs in it; `export` is of its component, `out` valid for a
/// write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_run_command(
    store: *mut Store,
    export: *const ExportIndex,
    out: *mut bool,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let ended = unsafe { (*store).enter(|store| store.run_command(&*export)) }?;
        // SAFETY: the caller's promise.
        unsafe { out.write(ended) };
        Ok(())
    })
}

/// Instantiates the component in the store: the guest's initialisers run.
///
/// # Safety
/// `store` is live and was made for `pre`, which is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_instantiate(
    store: *mut Store,
    pre: *const InstancePre,
) -> *mut Error {
    // SAFETY: the caller's promise.
    guard(|| unsafe { (*store).enter(|store| store.instantiate(&*pre)) })
}

/// Frees the store and the guest in it. No guest code runs.
///
/// # Safety
/// `store` is null or live, not used afterwards, and no call runs in it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_free(store: *mut Store) {
    // SAFETY: the caller's promise.
    unsafe { free(store) }
}

/// The function behind an export, in this store. The C++ side has checked its type.
///
/// # Safety
/// `store` and `export` are live and of one component, `out` valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_function(
    store: *mut Store,
    export: *const ExportIndex,
    out: *mut *mut Function,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let (store, export) = unsafe { (&mut *store, &*export) };
        let function: Option<Func> = match store.instance {
            Some(instance) => instance.get_func(&mut store.store, export.index),
            None => None,
        };
        let function =
            function.ok_or_else(|| Error::new(Code::NotFound, "the export is no function"))?;
        // SAFETY: the caller's promise.
        unsafe { give(out, Function { function }) };
        Ok(())
    })
}

/// # Safety
/// `function` is null or live, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_function_free(function: *mut Function) {
    // SAFETY: the caller's promise.
    unsafe { free(function) }
}

/// Calls a function: `frame` lowers its parameters and lifts its result. After an error the guest
/// must not be entered again.
///
/// # Safety
/// `store` is live and `function` is of it; no other call runs in the store; `frame` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_call(
    store: *mut Store,
    function: *const Function,
    frame: *mut Frame,
) -> *mut Error {
    // SAFETY: the caller's promise.
    guard(|| unsafe { (*store).enter(|store| store.call((*function).function, frame)) })
}

/// Drops a guest's resource: its destructor runs in the guest where the handle owns it.
///
/// # Safety
/// `store` is live and no call runs in it; `handle` came from it and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_drop_resource(
    store: *mut Store,
    handle: *const Handle,
) -> *mut Error {
    // SAFETY: the caller's promise.
    guard(|| unsafe { (*store).enter(|store| store.drop_resource(&*handle)) })
}

/// The fuel that is left; an error where the engine does not count fuel.
///
/// # Safety
/// `store` is live and no call runs in it, `out` valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_fuel(
    store: *const Store,
    out: *mut u64,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let fuel = unsafe { (*store).store.get_fuel() };
        let fuel = fuel.map_err(|e| Error::from_wasmtime(&e, Code::InvalidArgument))?;
        // SAFETY: the caller's promise.
        unsafe { out.write(fuel) };
        Ok(())
    })
}

/// Sets the fuel that is left.
///
/// # Safety
/// `store` is live and no call runs in it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_set_fuel(
    store: *mut Store,
    fuel: u64,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let set = unsafe { (*store).store.set_fuel(fuel) };
        set.map_err(|e| Error::from_wasmtime(&e, Code::InvalidArgument))
    })
}

/// The bytes of linear memory that the guest has.
///
/// # Safety
/// `store` is live and no call runs in it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_memory_bytes(store: *const Store) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { (*store).store.data().limits.memory_bytes }
}

/// What the guest has written so far to a captured stream: 0 standard output, 1 standard error.
///
/// # Safety
/// `store` is live and no call runs in it, `out` valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_captured(
    store: *const Store,
    stream: u32,
    out: *mut *mut Buffer,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let wasi = unsafe { (*store).store.data().wasi.as_ref() };
        let bytes = wasi
            .map(|wasi| wasi.captured(stream as usize))
            .unwrap_or_default();
        // SAFETY: the caller's promise.
        unsafe { give(out, Buffer(bytes)) };
        Ok(())
    })
}

/// Whether the guest tried to write more to a captured stream than is kept.
///
/// # Safety
/// `store` is live and no call runs in it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_captured_is_truncated(
    store: *const Store,
    stream: u32,
) -> bool {
    // SAFETY: the caller's promise.
    let wasi = unsafe { (*store).store.data().wasi.as_ref() };
    wasi.is_some_and(|wasi| wasi.is_truncated(stream as usize))
}

/// A handle that cuts off the store's calls; it may outlive the store.
///
/// # Safety
/// `store` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_interrupt_handle(
    store: *const Store,
) -> *mut InterruptHandle {
    // SAFETY: the caller's promise.
    let control = unsafe { (*store).control.clone() };
    Box::into_raw(Box::new(InterruptHandle { control }))
}

/// Cuts off the call that runs now, if one does; `for_good` also those that come. Where the guest
/// computes, the engine's epoch has to move on for it to notice. Any thread.
///
/// # Safety
/// `handle` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_interrupt(handle: *const InterruptHandle, for_good: bool) {
    // SAFETY: the caller's promise.
    unsafe { (*handle).control.interrupt(for_good) }
}

/// # Safety
/// `handle` is null or live, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_interrupt_handle_free(handle: *mut InterruptHandle) {
    // SAFETY: the caller's promise.
    unsafe { free(handle) }
}

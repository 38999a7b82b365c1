//! Stores: each holds one guest with its limits, and runs the calls into it.
//!
//! There are two kinds. In a *direct* store, guest code runs on the caller's stack, and a guest that
//! blocks in WASI blocks the thread. In an *interruptible* store, it runs on a fiber: each call is a
//! future that is polled in place. While the future is pending, the thread parks until it is woken,
//! the deadline passes, or the call is interrupted; in the last two cases the future is dropped. A
//! component that uses the async ABI always gets an interruptible store, because its tasks may wait
//! for each other.

use crate::abi::{Frame, GUEST_BORROW, GUEST_OWN, Handle};
use crate::account::{Account, Scope, Share};
use crate::component::ExportIndex;
use crate::control::Control;
use crate::engine::{Engine, Stores};
use crate::error::{Code, Error, coded};
use crate::ffi::{Buffer, free, give, guard};
use crate::limits::Limits;
use crate::linker::InstancePre;
use crate::module::Module;
use crate::shape::Shape;
use crate::value_path::{FrameScope, Parameters, Return, needs_context};
use crate::wasi::{Data, Grant, Policy, WasiPolicy, WasiState};
use std::cell::Cell;
use std::ffi::c_void;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use wasmtime::component::{Func, Instance, Resource, ResourceAny, TypedFunc};
use wasmtime::{CallHook, GcHeapOutOfMemory, UpdateDeadline};

/// Mirrors `tairitsu::Limits`, with the other parameters of a store. A limit of 0 permits nothing. The
/// type's largest value means no limit; for the deadline, 0 does.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct StoreConfig {
    /// Passed to host functions: the container's core in C++.
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
    /// What the guest may access; null if it imports no WASI. Only read while the store is created.
    pub wasi: *const WasiPolicy,
}

impl StoreConfig {
    pub fn deadline(&self) -> Option<Duration> {
        (self.deadline_nanoseconds != 0).then(|| Duration::from_nanos(self.deadline_nanoseconds))
    }

    /// Returns the grant for the WASI of a guest in a store with these limits.
    pub fn grant(&self, engine: &Stores) -> Grant {
        let counts = self.max_memory_bytes != u64::MAX || engine.total.has_max_bytes();
        Grant {
            account: counts.then(|| Arc::new(Account::new())),
            max_handles: self.max_handles as usize,
            max_descriptors: self.max_descriptors as usize,
            total: engine.total.clone(),
        }
    }

    /// How much one call may copy: at most what was configured, and at most 24 MiB plus 1/16 of the
    /// memory limit.
    fn max_copied_bytes(&self) -> usize {
        let within = (24 << 20) + self.max_memory_bytes / 16;
        usize::try_from(self.max_copied_bytes.min(within)).unwrap_or(usize::MAX)
    }

    /// Creates an empty store with these limits. The caller sets what happens at an epoch.
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
            limits: Limits::new(
                self.max_memory_bytes,
                self.max_table_elements,
                self.max_instances as usize,
                account,
                Share::new(engine.total.clone()),
            ),
            control: Arc::default(),
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
            // Each handle takes several entries: tasks, threads, and both ends of streams and futures.
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

impl Data {
    /// Fails if an instance of this shape exceeds the store's limit.
    pub fn admit(&self, shape: &Shape) -> wasmtime::Result<()> {
        shape
            .fits_in_store(self.limits.max_instances() as u64)
            .map_err(|error| coded(error.code(), error.message()))
    }
}

/// Runs timers and blocking work for guests that wait in WASI. Started on first use.
fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("tairitsu-wasi")
            .on_thread_start(crate::sigpipe::block)
            .enable_all()
            .build()
            .expect("cannot start the threads for WASI")
    })
}

/// Enters the Tokio runtime, which WASI expects to be current. A thread enters it once and never leaves,
/// because entering takes as long as a short call. Nothing blocks on the runtime: a host function may
/// call another interruptible container, and Tokio forbids nested blocking.
fn enter_runtime() {
    thread_local! {
        static ENTERED: Cell<bool> = const { Cell::new(false) };
    }
    if !ENTERED.replace(true) {
        // The runtime outlives the guest that happens to start it.
        let _scope = Scope::enter(None);
        std::mem::forget(runtime().enter());
    }
}

/// One guest: its store and, once instantiated, its instance. One thread at a time.
pub struct Store {
    store: wasmtime::Store<Data>,
    instance: Option<Instance>,
    /// `None` in a direct store.
    waker: Option<Waker>,
    control: Arc<Control>,
    deadline: Option<Duration>,
    account: Option<Arc<Account>>,
}

/// An exported function of a store's instance.
pub struct Function {
    function: Func,
}

/// Interrupts a store's calls from any thread.
pub struct InterruptHandle {
    control: Arc<Control>,
}

/// Polls a future on this thread until it is ready. Fails if the call is interrupted.
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

/// What runs in a store.
enum Guest {
    Component {
        interruptible: bool,
    },
    /// Always interruptible: the functions that core modules are linked with wait on a fiber.
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

    /// Returns Wasmtime's store and the instance in it. Only for the differential test.
    #[doc(hidden)]
    pub fn inner(&mut self) -> (&mut wasmtime::Store<Data>, Option<Instance>) {
        (&mut self.store, self.instance)
    }

    /// Prepares an entry into the guest.
    #[inline]
    fn begin(&mut self) {
        if self.store.data().wasi.is_some() {
            enter_runtime();
        }
        self.control.begin(self.deadline);
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

    /// Runs `body`, which enters the guest, and converts its error.
    #[inline]
    fn enter<R>(
        &mut self,
        body: impl FnOnce(&mut Store) -> wasmtime::Result<R>,
    ) -> Result<R, Error> {
        body(self).map_err(|error| failed(&mut self.store, &error))
    }

    /// # Safety
    /// `frame` is live, and matches the function's type.
    #[inline]
    unsafe fn call(&mut self, function: Func, frame: *mut Frame) -> wasmtime::Result<()> {
        self.begin();
        let _scope = self.account.as_deref().map(|own| Scope::enter(Some(own)));
        // SAFETY: the caller's promise.
        match needs_context(unsafe { (*frame).flags }) {
            // SAFETY: C++ lowers and lifts by the function's type, which it has checked.
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

    /// A separate function, so that the frame of a direct call stays small.
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

    /// Calls `wasi:cli/run#run`. Returns whether the guest reports success.
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
            wasmtime::bail!("the store was not created for a core module");
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
        // SAFETY: handles of these kinds come from `Handle::guest`.
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
/// Every frame that the function is called with lowers and lifts by its type, and needs no context
/// unless `CONTEXT`.
unsafe fn typed<const CONTEXT: bool>(
    function: Func,
) -> TypedFunc<Parameters<CONTEXT>, Return<CONTEXT>> {
    // SAFETY: the caller's promise.
    unsafe { TypedFunc::new_unchecked(function) }
}

/// Converts an error of code that ran in `store`, which must not be entered again.
#[cold]
pub fn failed(store: &mut wasmtime::Store<Data>, error: &wasmtime::Error) -> Error {
    let otherwise = if Error::find_code(error).is_some() {
        Code::Trap
    } else if store.data().limits.was_refused() && error.is::<GcHeapOutOfMemory<()>>() {
        Code::MemoryLimit
    } else if has_no_handle_left(store) {
        Code::HandleLimit
    } else {
        Code::Trap
    };
    Error::from_wasmtime(error, otherwise).with_output(&store.data().error_tail())
}

/// Whether the guest has reached its limit of handles. Wasmtime does not expose the count, so this tries to add a
/// handle with the limit and without it.
fn has_no_handle_left(store: &mut wasmtime::Store<Data>) -> bool {
    struct Probe;
    let mut accepts_one = || {
        let probe = Resource::<Probe>::new_own(0);
        ResourceAny::try_from_resource(probe, &mut *store).is_ok()
    };
    if accepts_one() {
        return false;
    }
    store.set_max_component_handles(usize::MAX);
    let probe = Resource::<Probe>::new_own(0);
    ResourceAny::try_from_resource(probe, store).is_ok()
}

/// Creates a store for an instance of `pre`.
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

/// Creates a store for one run of a core module.
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

/// Runs a core module as a command. Fails with `GuestExited` if it calls `proc_exit`.
///
/// # Safety
/// `store` comes from `tairitsu_bridge_store_new_for_module`, for the engine of `module`, and is used once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_run_module(
    store: *mut Store,
    module: *const Module,
) -> *mut Error {
    // SAFETY: the caller's promise.
    guard(|| unsafe { (*store).enter(|store| store.run_module(&*module)) })
}

/// Calls an export of the type of `wasi:cli/run#run`, of 0.2 or 0.3. Writes whether the guest reports success.
///
/// # Safety
/// `store` is live and instantiated, and no call runs in it; `export` belongs to its component, `out` is valid
/// for a write.
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

/// Instantiates the component in the store, which runs the guest's initialisers.
///
/// # Safety
/// `store` is live and was created for `pre`, which is live.
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
/// `store` is null or live, no call runs in it, and it is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_free(store: *mut Store) {
    // SAFETY: the caller's promise.
    unsafe { free(store) }
}

/// Looks up an exported function in this store. C++ has checked its type. Fails with `NotFound`.
///
/// # Safety
/// `store` and `export` are live and belong to one component, `out` is valid for a write.
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
            function.ok_or_else(|| Error::new(Code::NotFound, "the export is not a function"))?;
        // SAFETY: the caller's promise.
        unsafe { give(out, Function { function }) };
        Ok(())
    })
}

/// # Safety
/// `function` is null or live, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_function_free(function: *mut Function) {
    // SAFETY: the caller's promise.
    unsafe { free(function) }
}

/// Calls a function. `frame` lowers its parameters and lifts its result. After an error the guest
/// must not be entered again.
///
/// # Safety
/// `store` is live and `function` belongs to it; no other call runs in the store; `frame` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_call(
    store: *mut Store,
    function: *const Function,
    frame: *mut Frame,
) -> *mut Error {
    // SAFETY: the caller's promise.
    guard(|| unsafe { (*store).enter(|store| store.call((*function).function, frame)) })
}

/// Drops a handle to a guest resource. If the handle owns the resource, its destructor runs in the guest.
///
/// # Safety
/// `store` is live and no call runs in it; `handle` comes from it and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_drop_resource(
    store: *mut Store,
    handle: *const Handle,
) -> *mut Error {
    // SAFETY: the caller's promise.
    guard(|| unsafe { (*store).enter(|store| store.drop_resource(&*handle)) })
}

/// Writes the remaining fuel. Fails with `InvalidArgument` if the engine does not count fuel.
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

/// Sets the remaining fuel. Fails with `InvalidArgument` if the engine does not count fuel.
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

/// Returns how many bytes of linear memory the guest has.
///
/// # Safety
/// `store` is live and no call runs in it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_store_memory_bytes(store: *const Store) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { (*store).store.data().limits.memory_bytes() }
}

/// Copies what the guest has written to a captured stream: 0 standard output, 1 standard error.
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

/// Returns whether the guest wrote more to a captured stream than was kept.
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

/// Returns a handle that interrupts the store's calls. It may outlive the store.
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

/// Interrupts the current call, if any; if `for_good`, every later call too. A guest that computes only
/// notices when the engine's epoch advances. Any thread may call this.
///
/// # Safety
/// `handle` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_interrupt(handle: *const InterruptHandle, for_good: bool) {
    // SAFETY: the caller's promise.
    unsafe { (*handle).control.interrupt(for_good) }
}

/// # Safety
/// `handle` is null or live, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_interrupt_handle_free(handle: *mut InterruptHandle) {
    // SAFETY: the caller's promise.
    unsafe { free(handle) }
}

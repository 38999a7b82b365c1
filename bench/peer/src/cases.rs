//! The benchmark cases, one function each: set up, then measure. The names match those in `bench/run.py`.

use std::future::Future;
use std::hint::black_box;
use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use wasmtime::component::{
    Component, ComponentType, Func, Instance, InstancePre, Lift, Linker, Lower, ResourceTable, Val,
};
use wasmtime::error::Context as _;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result, Store,
    UpdateDeadline, bail, format_err,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::bindings;
use crate::measure::{per_call, per_item};

/// A case: takes the guests and how long to measure, and returns nanoseconds per call.
pub type Case = fn(&Guests, Duration) -> Result<f64>;

pub const CASES: &[(&str, Case)] = &[
    ("nop", nop),
    ("add-u32", add_u32),
    ("echo-bytes-64k", echo_bytes),
    ("echo-points-1000", echo_points),
    ("echo-strings-1000", echo_strings),
    ("host-call-u32", host_call_u32),
    ("host-call-string", host_call_string),
    ("bindings-nop", bindings::nop),
    ("bindings-add-u32", bindings::add_u32),
    ("bindings-echo-bytes-64k", bindings::echo_bytes),
    ("bindings-echo-points-1000", bindings::echo_points),
    ("bindings-echo-strings-1000", bindings::echo_strings),
    ("bindings-host-call-u32", bindings::host_call_u32),
    ("bindings-host-call-string", bindings::host_call_string),
    ("val-add-u32", val_add_u32),
    ("val-echo-points-1000", val_echo_points),
    ("instantiate", instantiate),
    ("instantiate-pooling", instantiate_pooling),
    ("instantiate-wasi-async", instantiate_wasi_async),
    ("wasi-async-add-u32", wasi_async_add_u32),
    ("load-artifact", load_artifact),
];

/// The directories with guests. A file is read from the first directory that contains it.
pub struct Guests {
    pub directories: Vec<PathBuf>,
}

impl Guests {
    fn path(&self, file: &str) -> Result<PathBuf> {
        self.directories
            .iter()
            .map(|directory| directory.join(file))
            .find(|path| path.is_file())
            .ok_or_else(|| {
                format_err!(
                    "guest {file:?} not found in {:?}; pass its directory with --guests",
                    self.directories
                )
            })
    }

    pub fn component(&self, engine: &Engine, file: &str) -> Result<Component> {
        let path = self.path(file)?;
        Component::from_file(engine, &path).with_context(|| format!("compiling {path:?}"))
    }
}

pub fn config() -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.concurrency_support(false);
    config
}

fn calls(guests: &Guests) -> Result<(Store<()>, Instance)> {
    let engine = Engine::new(&config())?;
    let component = guests.component(&engine, "calls.wat")?;
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate(&mut store, &component)?;
    Ok((store, instance))
}

fn func(store: &mut Store<()>, instance: Instance, name: &str) -> Result<Func> {
    instance
        .get_func(store, name)
        .ok_or_else(|| format_err!("the guest does not export function {name:?}"))
}

#[derive(ComponentType, Lift, Lower, Clone, Copy)]
#[component(record)]
struct Point {
    x: f64,
    y: f64,
    z: f64,
}

fn points() -> Vec<Point> {
    (0..1000)
        .map(|i| Point {
            x: f64::from(i),
            y: f64::from(i) * 0.5,
            z: f64::from(i) * 0.25,
        })
        .collect()
}

pub fn strings() -> Vec<String> {
    (0..1000).map(|i| format!("string number {i}")).collect()
}

fn nop(guests: &Guests, time: Duration) -> Result<f64> {
    let (mut store, instance) = calls(guests)?;
    let nop = instance.get_typed_func::<(), ()>(&mut store, "nop")?;
    per_call(time, || nop.call(&mut store, ()))
}

fn add_u32(guests: &Guests, time: Duration) -> Result<f64> {
    let (mut store, instance) = calls(guests)?;
    let add = instance.get_typed_func::<(u32, u32), (u32,)>(&mut store, "add")?;
    per_call(time, || {
        black_box(add.call(&mut store, black_box((1, 2)))?);
        Ok(())
    })
}

fn echo_bytes(guests: &Guests, time: Duration) -> Result<f64> {
    let (mut store, instance) = calls(guests)?;
    let echo = instance.get_typed_func::<(&[u8],), (Vec<u8>,)>(&mut store, "echo-bytes")?;
    let bytes = vec![7u8; 64 * 1024];
    per_call(time, || {
        let (back,) = echo.call(&mut store, (&bytes,))?;
        expect(black_box(back).len(), bytes.len())
    })
}

fn echo_points(guests: &Guests, time: Duration) -> Result<f64> {
    let (mut store, instance) = calls(guests)?;
    let echo = instance.get_typed_func::<(&[Point],), (Vec<Point>,)>(&mut store, "echo-points")?;
    let points = points();
    per_call(time, || {
        let (back,) = echo.call(&mut store, (&points,))?;
        expect(black_box(back).len(), points.len())
    })
}

fn echo_strings(guests: &Guests, time: Duration) -> Result<f64> {
    let (mut store, instance) = calls(guests)?;
    let echo =
        instance.get_typed_func::<(&[String],), (Vec<String>,)>(&mut store, "echo-strings")?;
    let strings = strings();
    per_call(time, || {
        let (back,) = echo.call(&mut store, (&strings,))?;
        expect(black_box(back).len(), strings.len())
    })
}

fn val_add_u32(guests: &Guests, time: Duration) -> Result<f64> {
    let (mut store, instance) = calls(guests)?;
    let add = func(&mut store, instance, "add")?;
    per_call(time, || {
        let mut results = [Val::Bool(false)];
        add.call(&mut store, &[Val::U32(1), Val::U32(2)], &mut results)?;
        match results[0] {
            Val::U32(3) => Ok(()),
            _ => bail!("add returned {:?}", results[0]),
        }
    })
}

/// The measured time includes building and reading the values field by field.
fn val_echo_points(guests: &Guests, time: Duration) -> Result<f64> {
    let (mut store, instance) = calls(guests)?;
    let echo = func(&mut store, instance, "echo-points")?;
    let points = points();
    per_call(time, || {
        let list = points
            .iter()
            .map(|point| {
                Val::Record(vec![
                    ("x".to_string(), Val::Float64(point.x)),
                    ("y".to_string(), Val::Float64(point.y)),
                    ("z".to_string(), Val::Float64(point.z)),
                ])
            })
            .collect();
        let mut results = [Val::Bool(false)];
        echo.call(&mut store, &[Val::List(list)], &mut results)?;
        let Val::List(list) = &results[0] else {
            bail!("echo-points did not return a list");
        };
        let mut back = Vec::with_capacity(list.len());
        for item in list {
            let Val::Record(fields) = item else {
                bail!("echo-points did not return records");
            };
            match fields.as_slice() {
                [
                    (_, Val::Float64(x)),
                    (_, Val::Float64(y)),
                    (_, Val::Float64(z)),
                ] => {
                    back.push(Point {
                        x: *x,
                        y: *y,
                        z: *z,
                    });
                }
                _ => bail!("echo-points returned unexpected fields"),
            }
        }
        expect(black_box(back).len(), points.len())
    })
}

/// Effects of the host functions, so that the optimiser cannot remove their work.
#[derive(Default)]
struct Seen {
    ticks: u64,
    bytes: u64,
}

fn host_calls(guests: &Guests) -> Result<(Store<Seen>, Instance)> {
    let engine = Engine::new(&config())?;
    let component = guests.component(&engine, "host_calls.wat")?;
    let mut linker = Linker::<Seen>::new(&engine);
    linker.root().func_wrap("tick", |mut store, (a,): (u32,)| {
        store.data_mut().ticks += 1;
        Ok((a.wrapping_add(1),))
    })?;
    linker
        .root()
        .func_wrap("log", |mut store, (line,): (String,)| {
            store.data_mut().bytes += black_box(line).len() as u64;
            Ok(())
        })?;
    let mut store = Store::new(&engine, Seen::default());
    let instance = linker.instantiate(&mut store, &component)?;
    Ok((store, instance))
}

fn host_call_u32(guests: &Guests, time: Duration) -> Result<f64> {
    let (mut store, instance) = host_calls(guests)?;
    let run = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "run")?;
    per_item(time, |n| {
        store.data_mut().ticks = 0;
        black_box(run.call(&mut store, (n,))?);
        expect(store.data().ticks as usize, n as usize)
    })
}

fn host_call_string(guests: &Guests, time: Duration) -> Result<f64> {
    let (mut store, instance) = host_calls(guests)?;
    let run = instance.get_typed_func::<(u32,), ()>(&mut store, "runlog")?;
    per_item(time, |n| {
        store.data_mut().bytes = 0;
        run.call(&mut store, (n,))?;
        expect(store.data().bytes as usize, n as usize * 34)
    })
}

/// Measures creating a store and an instance from a pre-instantiation, and dropping both.
fn instances(guests: &Guests, time: Duration, config: &Config) -> Result<f64> {
    let engine = Engine::new(config)?;
    let component = guests.component(&engine, "calls.wat")?;
    let pre = Linker::<()>::new(&engine).instantiate_pre(&component)?;
    per_call(time, || {
        let mut store = Store::new(&engine, ());
        black_box(pre.instantiate(&mut store)?);
        Ok(())
    })
}

fn instantiate(guests: &Guests, time: Duration) -> Result<f64> {
    instances(guests, time, &config())
}

fn instantiate_pooling(guests: &Guests, time: Duration) -> Result<f64> {
    // The same pool settings as Tairitsu's Engine: keep the two in sync.
    let mut pooling = PoolingAllocationConfig::new();
    pooling.total_core_instances(4000);
    pooling.total_tables(4000);
    pooling.pagemap_scan(Enabled::Auto);
    pooling.linear_memory_keep_resident(1 << 20);
    pooling.table_keep_resident(64 << 10);
    pooling.async_stack_keep_resident(128 << 10);
    let mut config = config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling));
    instances(guests, time, &config)
}

/// The store data of a guest that imports WASI.
pub struct Wasi {
    pub ctx: WasiCtx,
    pub table: ResourceTable,
}

impl Wasi {
    /// Denies everything: no environment, directories or network, and output is discarded.
    fn new() -> Self {
        Self {
            ctx: WasiCtx::builder().build(),
            table: ResourceTable::new(),
        }
    }
}

impl WasiView for Wasi {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.ctx,
            table: &mut self.table,
        }
    }
}

/// Sets up a guest with epochs, like an interruptible container of Tairitsu.
fn wasi_guest(guests: &Guests) -> Result<(Engine, InstancePre<Wasi>)> {
    let mut config = config();
    config.epoch_interruption(true);
    let engine = Engine::new(&config)?;
    let component = guests.component(&engine, "wasi_add.wasm")?;
    let mut linker = Linker::<Wasi>::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    let pre = linker.instantiate_pre(&component)?;
    Ok((engine, pre))
}

fn wasi_store(engine: &Engine) -> Store<Wasi> {
    let mut store = Store::new(engine, Wasi::new());
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Continue(1)));
    store
}

fn instantiate_wasi_async(guests: &Guests, time: Duration) -> Result<f64> {
    let (engine, pre) = wasi_guest(guests)?;
    per_call(time, || {
        let mut store = wasi_store(&engine);
        black_box(poll_in_place(pre.instantiate_async(&mut store))??);
        Ok(())
    })
}

fn wasi_async_add_u32(guests: &Guests, time: Duration) -> Result<f64> {
    let (engine, pre) = wasi_guest(guests)?;
    let mut store = wasi_store(&engine);
    let instance = poll_in_place(pre.instantiate_async(&mut store))??;
    let add = instance.get_typed_func::<(u32, u32), (u32,)>(&mut store, "add")?;
    per_call(time, || {
        black_box(poll_in_place(
            add.call_async(&mut store, black_box((1, 2))),
        )??);
        Ok(())
    })
}

/// Polls a future once, in place: the guests here never wait.
fn poll_in_place<F: Future>(future: F) -> Result<F::Output> {
    match pin!(future).poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => bail!("the guest waits, but benchmark guests must not"),
    }
}

/// Measures loading a 12 MB component from its artifact on disk, until it can be instantiated, and
/// dropping it. `--make-big` generates the component.
fn load_artifact(guests: &Guests, time: Duration) -> Result<f64> {
    let source = guests.path("big.wasm")?;
    let engine = Engine::new(&config())?;
    let artifact = source.with_extension("peer.cwasm");
    let newer = |artifact: &PathBuf| -> Result<bool> {
        Ok(artifact.metadata()?.modified()? > source.metadata()?.modified()?)
    };
    // SAFETY: this program wrote the artifact, below.
    let load = || unsafe { Component::deserialize_file(&engine, &artifact) };
    if !newer(&artifact).unwrap_or(false) || load().is_err() {
        let bytes = engine.precompile_component(&std::fs::read(&source)?)?;
        // Rename it into place, so that another run never maps an incomplete file.
        let partial = source.with_extension(format!("{}.partial", std::process::id()));
        std::fs::write(&partial, bytes)?;
        std::fs::rename(&partial, &artifact)?;
    }
    per_call(time, || {
        black_box(load()?);
        Ok(())
    })
}

pub fn expect(got: usize, wanted: usize) -> Result<()> {
    if got == wanted {
        Ok(())
    } else {
        bail!("the guest returned {got} items instead of {wanted}")
    }
}

//! The cases that call through generated bindings: `bindgen!` here, `tairitsu bindgen host` in Tairitsu's benchmark.

use std::hint::black_box;
use std::time::Duration;

use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Engine, Result, Store};

use crate::cases::{Guests, config, expect, strings};
use crate::measure::{per_call, per_item};

mod calls {
    wasmtime::component::bindgen!({ path: "../guests/calls.wit", world: "calls" });
}

mod host_calls {
    wasmtime::component::bindgen!({ path: "../guests/calls.wit", world: "host-calls" });
}

fn calls(guests: &Guests) -> Result<(Store<()>, calls::Calls)> {
    let engine = Engine::new(&config())?;
    let component = guests.component(&engine, "calls.wat")?;
    let mut store = Store::new(&engine, ());
    let calls = calls::Calls::instantiate(&mut store, &component, &Linker::new(&engine))?;
    Ok((store, calls))
}

pub fn nop(guests: &Guests, time: Duration) -> Result<f64> {
    let (mut store, calls) = calls(guests)?;
    per_call(time, || calls.call_nop(&mut store))
}

pub fn add_u32(guests: &Guests, time: Duration) -> Result<f64> {
    let (mut store, calls) = calls(guests)?;
    per_call(time, || {
        black_box(calls.call_add(&mut store, black_box(1), black_box(2))?);
        Ok(())
    })
}

pub fn echo_bytes(guests: &Guests, time: Duration) -> Result<f64> {
    let (mut store, calls) = calls(guests)?;
    let bytes = vec![7u8; 64 * 1024];
    per_call(time, || {
        let back = calls.call_echo_bytes(&mut store, &bytes)?;
        expect(black_box(back).len(), bytes.len())
    })
}

pub fn echo_points(guests: &Guests, time: Duration) -> Result<f64> {
    let (mut store, calls) = calls(guests)?;
    let points: Vec<calls::Point> = (0..1000)
        .map(|i| calls::Point {
            x: f64::from(i),
            y: f64::from(i) * 0.5,
            z: f64::from(i) * 0.25,
        })
        .collect();
    per_call(time, || {
        let back = calls.call_echo_points(&mut store, &points)?;
        expect(black_box(back).len(), points.len())
    })
}

pub fn echo_strings(guests: &Guests, time: Duration) -> Result<f64> {
    let (mut store, calls) = calls(guests)?;
    let strings = strings();
    per_call(time, || {
        let back = calls.call_echo_strings(&mut store, &strings)?;
        expect(black_box(back).len(), strings.len())
    })
}

/// Effects of the host functions, so that the optimiser cannot remove their work.
#[derive(Default)]
struct Seen {
    ticks: u64,
    bytes: u64,
}

impl host_calls::HostCallsImports for Seen {
    fn tick(&mut self, a: u32) -> u32 {
        self.ticks += 1;
        a.wrapping_add(1)
    }

    fn log(&mut self, line: String) {
        self.bytes += black_box(line).len() as u64;
    }
}

fn host_calls(guests: &Guests) -> Result<(Store<Seen>, host_calls::HostCalls)> {
    let engine = Engine::new(&config())?;
    let component = guests.component(&engine, "host_calls.wat")?;
    let mut linker = Linker::<Seen>::new(&engine);
    host_calls::HostCalls::add_to_linker::<_, HasSelf<_>>(&mut linker, |seen| seen)?;
    let mut store = Store::new(&engine, Seen::default());
    let calls = host_calls::HostCalls::instantiate(&mut store, &component, &linker)?;
    Ok((store, calls))
}

pub fn host_call_u32(guests: &Guests, time: Duration) -> Result<f64> {
    let (mut store, calls) = host_calls(guests)?;
    per_item(time, |n| {
        store.data_mut().ticks = 0;
        black_box(calls.call_run(&mut store, n)?);
        expect(store.data().ticks as usize, n as usize)
    })
}

pub fn host_call_string(guests: &Guests, time: Duration) -> Result<f64> {
    let (mut store, calls) = host_calls(guests)?;
    per_item(time, |n| {
        store.data_mut().bytes = 0;
        calls.call_runlog(&mut store, n)?;
        expect(store.data().bytes as usize, n as usize * 34)
    })
}

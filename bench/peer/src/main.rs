//! The benchmarks' peer: the cases of `bench/run.py`, with Wasmtime's Rust API.
//!
//! ```text
//! tairitsu-bench-peer --guests DIR [--guests DIR]… [--case NAME]… [--seconds S] [--list]
//! tairitsu-bench-peer --make-big FILE
//! tairitsu-bench-peer --serve FILE [--reuse COUNT]
//! tairitsu-bench-peer --precompile FILE ARTIFACT
//! tairitsu-bench-peer --run ARTIFACT [ARGUMENT]…
//! ```
//!
//! Prints one line per case, `{"case": "nop", "ns": 102.4}`: the median of several batches, in
//! nanoseconds per call. Unless a case says otherwise, the engine is configured as Tairitsu's is by
//! default: component model on, concurrency support off, no fuel, no epochs, on-demand allocation. A
//! case does the same work as the case of that name in `bench/tairitsu_bench.cc`: keep them in sync.

mod big;
mod bindings;
mod cases;
mod measure;
mod serve;
mod start;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use wasmtime::error::Context as _;
use wasmtime::{Result, bail, format_err};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tairitsu-bench-peer: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut directories = Vec::new();
    let mut wanted = Vec::new();
    let mut seconds = 0.5f64;
    let mut served = None;
    let mut reuse = 0;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| format_err!("{argument}: missing value"))
        };
        match argument.as_str() {
            "--guests" => directories.push(PathBuf::from(value()?)),
            "--case" => wanted.push(value()?),
            "--seconds" => {
                seconds = value()?
                    .parse::<f64>()
                    .context("--seconds: expected a number of seconds")?
            }
            "--serve" => served = Some(PathBuf::from(value()?)),
            "--reuse" => {
                reuse = value()?
                    .parse::<usize>()
                    .context("--reuse: expected a number")?
            }
            "--precompile" => {
                return start::precompile(Path::new(&value()?), Path::new(&value()?));
            }
            "--run" => {
                let artifact = value()?;
                return start::run(Path::new(&artifact), &arguments.collect::<Vec<_>>());
            }
            "--list" => {
                for (name, _) in cases::CASES {
                    println!("{name}");
                }
                return Ok(());
            }
            "--make-big" => {
                let path = value()?;
                return std::fs::write(&path, big::component())
                    .with_context(|| format!("writing {path:?}"));
            }
            _ => bail!(
                "unknown argument {argument:?}; expected --guests DIR, --case NAME, --seconds S, --list, --make-big FILE, --serve FILE, --reuse COUNT, --precompile FILE ARTIFACT, --run ARTIFACT [ARGUMENT]…"
            ),
        }
    }
    if let Some(path) = served {
        return serve::run(&path, reuse);
    }
    if !(seconds > 0.0 && seconds < 1e6) {
        bail!("--seconds: expected a positive number");
    }
    for name in &wanted {
        if !cases::CASES.iter().any(|(known, _)| known == name) {
            bail!("unknown case {name:?}; --list prints the names");
        }
    }

    let guests = cases::Guests { directories };
    let time = Duration::from_secs_f64(seconds);
    for (name, case) in cases::CASES {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        let ns = case(&guests, time).with_context(|| format!("running case {name:?}"))?;
        println!("{{\"case\": \"{name}\", \"ns\": {ns:.1}}}");
    }
    Ok(())
}

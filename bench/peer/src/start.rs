//! A process that runs a precompiled command, like `wasmtime run --allow-precompiled`.

use std::path::Path;

use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Result, Store, bail};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::p2::bindings::Command;

use crate::cases::Wasi;

fn engine() -> Result<Engine> {
    let mut config = Config::new();
    config.concurrency_support(false);
    Engine::new(&config)
}

/// Compiles `source` to `artifact`.
pub fn precompile(source: &Path, artifact: &Path) -> Result<()> {
    let compiled = engine()?.precompile_component(&std::fs::read(source)?)?;
    std::fs::write(artifact, compiled)?;
    Ok(())
}

/// Runs an artifact that `precompile` wrote, with these arguments after the program name.
pub fn run(artifact: &Path, arguments: &[String]) -> Result<()> {
    let engine = engine()?;
    // SAFETY: `precompile` wrote the artifact.
    let component = unsafe { Component::deserialize_file(&engine, artifact)? };
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    let state = Wasi {
        ctx: WasiCtx::builder()
            .inherit_stdio()
            .arg("hello")
            .args(arguments)
            .build(),
        table: ResourceTable::new(),
    };
    let mut store = Store::new(&engine, state);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_time()
        .enable_io()
        .build()?;
    let result = runtime.block_on(async {
        let command = Command::instantiate_async(&mut store, &component, &linker).await?;
        command.wasi_cli_run().call_run(&mut store).await
    })?;
    match result {
        Ok(()) => Ok(()),
        Err(()) => bail!("the guest failed"),
    }
}

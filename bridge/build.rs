//! Finds the WIT of WASI in the sources of the crates that implement it, so that `src/wit.rs` has it built in.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a version's packages are, those that others use first: crate, folder, files.
type Version = &'static [(&'static str, &'static str, &'static [&'static str])];

const VERSIONS: &[Version] = &[
    &[
        (
            "wasmtime-wasi",
            "src/p2/wit/deps",
            &["io", "clocks", "random", "filesystem", "sockets", "cli"],
        ),
        ("wasmtime-wasi-http", "wit/deps", &["http"]),
    ],
    &[
        (
            "wasmtime-wasi",
            "src/p3/wit/deps",
            &["clocks", "random", "filesystem", "sockets", "cli"],
        ),
        ("wasmtime-wasi-http", "src/p3/wit/deps", &["http"]),
    ],
];

/// What cargo knows of the packages. Not all of them need be downloaded yet where only some were built.
fn metadata() -> serde_json::Value {
    let cargo = std::env::var("CARGO").expect("cargo sets it");
    let run = |offline: &[&str]| {
        Command::new(&cargo)
            .args(["metadata", "--format-version=1", "--locked"])
            .args(offline)
            .output()
            .expect("cargo can be run")
    };
    let mut output = run(&["--offline"]);
    if !output.status.success() {
        output = run(&[]);
    }
    assert!(
        output.status.success(),
        "cargo metadata failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("cargo metadata writes JSON")
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../Cargo.lock");
    let metadata = metadata();
    let folder_of = |name: &str| -> PathBuf {
        let packages = metadata["packages"].as_array().expect("packages");
        let package = packages
            .iter()
            .find(|package| package["name"] == name)
            .unwrap_or_else(|| panic!("{name} is no dependency"));
        let manifest = package["manifest_path"].as_str().expect("a path");
        Path::new(manifest).parent().expect("a folder").to_owned()
    };
    let mut source = String::from("&[\n");
    for version in VERSIONS {
        source += "    &[\n";
        for (package, folder, files) in *version {
            for file in *files {
                let path = folder_of(package).join(folder).join(format!("{file}.wit"));
                assert!(path.is_file(), "{} is not there", path.display());
                source += &format!("        include_str!({:?}),\n", path.display().to_string());
            }
        }
        source += "    ],\n";
    }
    source += "]\n";
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    std::fs::write(Path::new(&out).join("wasi_wit.rs"), source).expect("the file can be written");
}

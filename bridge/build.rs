//! Finds the WIT of WASI in the sources of the crates that implement it, and builds it into `src/wit.rs`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The packages of a version, dependencies first: crate, directory, files.
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

/// Returns cargo's metadata. Tries without network access first: it fails if cargo has not downloaded all packages.
fn metadata() -> serde_json::Value {
    let cargo = std::env::var("CARGO").expect("cargo sets this variable");
    let run = |offline: &[&str]| {
        Command::new(&cargo)
            .args(["metadata", "--format-version=1", "--locked"])
            .args(offline)
            .output()
            .expect("running cargo failed")
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
    serde_json::from_slice(&output.stdout).expect("invalid JSON from cargo metadata")
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../Cargo.lock");
    let metadata = metadata();
    let directory_of = |name: &str| -> PathBuf {
        let packages = metadata["packages"]
            .as_array()
            .expect("no packages in the metadata");
        let package = packages
            .iter()
            .find(|package| package["name"] == name)
            .unwrap_or_else(|| panic!("dependency {name} not found"));
        let manifest = package["manifest_path"]
            .as_str()
            .expect("no manifest path in the metadata");
        Path::new(manifest)
            .parent()
            .expect("the manifest has no directory")
            .to_owned()
    };
    let mut source = String::from("&[\n");
    for version in VERSIONS {
        source += "    &[\n";
        for (package, directory, files) in *version {
            for file in *files {
                let path = directory_of(package)
                    .join(directory)
                    .join(format!("{file}.wit"));
                assert!(path.is_file(), "file not found: {}", path.display());
                source += &format!("        include_str!({:?}),\n", path.display().to_string());
            }
        }
        source += "    ],\n";
    }
    source += "]\n";
    let out = std::env::var("OUT_DIR").expect("cargo sets this variable");
    std::fs::write(Path::new(&out).join("wasi_wit.rs"), source)
        .expect("writing wasi_wit.rs failed");
}

//! A WASI 0.3 program. Its first argument selects what it does.

mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "command",
        generate_all,
    });
    use super::Program;
    export!(Program);
}

use bindings::wasi::cli::{stderr, stdin, stdout};
use bindings::wasi::clocks::monotonic_clock;
use bindings::wasi::filesystem::preopens;
use bindings::wasi::filesystem::types::{
    Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags,
};
use bindings::wit_stream;
use wit_bindgen::StreamResult;

struct Program;

async fn print(bytes: Vec<u8>) {
    let (mut sender, receiver) = wit_stream::new();
    let written = stdout::write_via_stream(receiver);
    sender.write_all(bytes).await;
    drop(sender);
    written.await.expect("standard output");
}

async fn complain(text: &str) {
    let (mut sender, receiver) = wit_stream::new();
    let written = stderr::write_via_stream(receiver);
    sender.write_all(text.as_bytes().to_vec()).await;
    drop(sender);
    written.await.expect("standard error");
}

/// Returns the preopened directory that contains `path`, and the path inside it.
fn find(path: &str) -> Result<(Descriptor, String), ErrorCode> {
    for (directory, name) in preopens::get_directories() {
        if let Some(rest) = path.strip_prefix(&name) {
            let rest = rest.trim_start_matches('/');
            let inner = if rest.is_empty() { "." } else { rest };
            return Ok((directory, inner.to_owned()));
        }
    }
    Err(ErrorCode::NoEntry)
}

async fn read(path: &str) -> Result<Vec<u8>, ErrorCode> {
    let (directory, inner) = find(path)?;
    let flags = (PathFlags::SYMLINK_FOLLOW, OpenFlags::empty(), DescriptorFlags::READ);
    let file = directory.open_at(flags.0, inner, flags.1, flags.2).await?;
    let (stream, ended) = file.read_via_stream(0);
    let bytes = stream.collect().await;
    ended.await?;
    Ok(bytes)
}

async fn write(path: &str, text: &str) -> Result<(), ErrorCode> {
    let (directory, inner) = find(path)?;
    let create = OpenFlags::CREATE | OpenFlags::TRUNCATE;
    let file = directory
        .open_at(PathFlags::empty(), inner, create, DescriptorFlags::WRITE)
        .await?;
    let (mut sender, receiver) = wit_stream::new();
    let written = file.write_via_stream(receiver, 0);
    sender.write_all(text.as_bytes().to_vec()).await;
    drop(sender);
    written.await
}

async fn list(path: &str) -> Result<Vec<u8>, ErrorCode> {
    let (directory, inner) = find(path)?;
    let flags = (PathFlags::SYMLINK_FOLLOW, OpenFlags::DIRECTORY, DescriptorFlags::READ);
    let opened = directory.open_at(flags.0, inner, flags.1, flags.2).await?;
    let (entries, ended) = opened.read_directory();
    let mut names: Vec<String> = entries.collect().await.into_iter().map(|entry| entry.name).collect();
    ended.await?;
    names.sort();
    Ok(names.iter().flat_map(|name| format!("{name}\n").into_bytes()).collect())
}

/// Copies the input in upper case as it arrives.
async fn input() {
    let (mut source, ended) = stdin::read_via_stream();
    let (mut sender, receiver) = wit_stream::new();
    let written = stdout::write_via_stream(receiver);
    loop {
        let (status, bytes) = source.read(Vec::with_capacity(4096)).await;
        sender.write_all(bytes.to_ascii_uppercase()).await;
        if !matches!(status, StreamResult::Complete(_)) {
            break;
        }
    }
    drop(sender);
    written.await.expect("standard output");
    ended.await.expect("standard input");
}

impl bindings::exports::wasi::cli::run::Guest for Program {
    async fn run() -> Result<(), ()> {
        // The standard library uses WASI 0.2, next to 0.3.
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let done = match words[..] {
            ["environment"] => {
                let all: String = std::env::vars().map(|(k, v)| format!("{k}={v}\n")).collect();
                print(all.into_bytes()).await;
                Ok(())
            }
            ["input"] => {
                input().await;
                Ok(())
            }
            ["read", path] => match read(path).await {
                Ok(bytes) => {
                    print(bytes).await;
                    Ok(())
                }
                Err(code) => Err(code),
            },
            ["write", path, text] => write(path, text).await,
            ["list", path] => match list(path).await {
                Ok(bytes) => {
                    print(bytes).await;
                    Ok(())
                }
                Err(code) => Err(code),
            },
            ["sleep", seconds] => {
                let seconds: u64 = seconds.parse().expect("a number");
                monotonic_clock::wait_for(seconds * 1_000_000_000).await;
                Ok(())
            }
            ["spin"] => loop {
                std::hint::black_box(0);
            },
            ["exit", code] => {
                bindings::wasi::cli::exit::exit_with_code(code.parse().expect("a number"));
                Ok(())
            }
            ["panic"] => panic!("as asked"),
            _ => return Err(()),
        };
        if let Err(code) = done {
            complain(&format!("{code:?}\n")).await;
            return Err(());
        }
        Ok(())
    }
}

fn main() {
    unreachable!("this is the command of WASI 0.2");
}

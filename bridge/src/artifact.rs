//! Precompiled artifacts: what Wasmtime serialises, an ELF file, followed by a trailer of ours.

use crate::engine::{Engine, fingerprint};
use crate::error::{Code, Error};
use crate::shape::{FIELDS, Shape};
use sha2::{Digest, Sha256};
use std::path::Path;
use wasmtime::Precompiled;

// The trailer stands last so that Wasmtime can map the file as it is.
//
//   bytes  content
//   8      the length of the ELF file; all numbers are little-endian
//   8      the size of the source
//   32     SHA-256 of the source
//   16     the fingerprint of the engine that compiled it
//   80     what the source consists of: `Shape::to_fields`
//   8      the first bytes of SHA-256 of the 144 bytes before
//   8      TRAILER_MAGIC
const TRAILER_MAGIC: &[u8; 8] = b"tairits2";
const FIELDS_SIZE: usize = 64 + 8 * FIELDS;
const TRAILER_SIZE: usize = FIELDS_SIZE + 16;

/// What an artifact says of its source, and of how it was compiled.
#[derive(Clone)]
pub struct Trailer {
    artifact_size: u64,
    pub source_size: u64,
    pub source_digest: [u8; 32],
    fingerprint: [u8; 16],
    pub shape: Shape,
}

impl Trailer {
    /// Of what `engine` compiled just now.
    pub fn of_source(source: &[u8], engine: &wasmtime::Engine, shape: Shape) -> Trailer {
        Trailer {
            artifact_size: 0,
            source_size: source.len() as u64,
            source_digest: Sha256::digest(source).into(),
            fingerprint: fingerprint(engine),
            shape,
        }
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(TRAILER_SIZE);
        bytes.extend(self.artifact_size.to_le_bytes());
        bytes.extend(self.source_size.to_le_bytes());
        bytes.extend(self.source_digest);
        bytes.extend(self.fingerprint);
        bytes.extend(
            self.shape
                .to_fields()
                .into_iter()
                .flat_map(u64::to_le_bytes),
        );
        let checksum = Self::checksum(&bytes);
        bytes.extend(checksum);
        bytes.extend(TRAILER_MAGIC);
        bytes
    }

    fn checksum(fields: &[u8]) -> [u8; 8] {
        let mut first = [0; 8];
        first.copy_from_slice(&Sha256::digest(fields)[..8]);
        first
    }

    /// Reads the trailer at the end of `bytes` and checks it against their length.
    pub fn read(end: &[u8], total: u64) -> Result<Trailer, Error> {
        let damaged = |why: &str| {
            Error::new(
                Code::ArtifactDamaged,
                format!("not a precompiled artifact of ours: {why}"),
            )
        };
        let bytes = end
            .last_chunk::<TRAILER_SIZE>()
            .ok_or_else(|| damaged("it is too short"))?;
        if &bytes[FIELDS_SIZE + 8..] != TRAILER_MAGIC {
            return Err(damaged(
                "it does not end as one does; it may be truncated, or from another version or program",
            ));
        }
        if bytes[FIELDS_SIZE..FIELDS_SIZE + 8] != Self::checksum(&bytes[..FIELDS_SIZE]) {
            return Err(damaged("its end was changed"));
        }
        let number =
            |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap_or_default());
        let trailer = Trailer {
            artifact_size: number(0),
            source_size: number(8),
            source_digest: bytes[16..48].try_into().unwrap_or_default(),
            fingerprint: bytes[48..64].try_into().unwrap_or_default(),
            shape: Shape::from_fields(std::array::from_fn(|index| number(64 + 8 * index))),
        };
        if trailer.artifact_size.checked_add(TRAILER_SIZE as u64) != Some(total) {
            return Err(damaged("its length is not the one it was written with"));
        }
        Ok(trailer)
    }
}

/// What can be compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Component,
    Module,
}

/// `found` is what Wasmtime detects in the bytes or the file.
fn check_kind(found: Option<Precompiled>, wanted: Kind) -> Result<(), Error> {
    let damaged = |message: &str| Err(Error::new(Code::ArtifactDamaged, message));
    match (found, wanted) {
        (Some(Precompiled::Component), Kind::Component)
        | (Some(Precompiled::Module), Kind::Module) => Ok(()),
        (Some(Precompiled::Module), Kind::Component) => {
            damaged("a precompiled core module, not a component")
        }
        (Some(Precompiled::Component), Kind::Module) => {
            damaged("a precompiled component, not a core module")
        }
        (None, _) => damaged("not a precompiled artifact: it has no code of Wasmtime's in it"),
    }
}

/// Why an artifact did not load. `found` is what Wasmtime detects in it: what loads needs no such look.
pub fn load_error(
    error: &wasmtime::Error,
    found: Option<Precompiled>,
    wanted: Kind,
    trailer: &Trailer,
    engine: &Engine,
) -> Error {
    if let Err(other) = check_kind(found, wanted) {
        return other;
    }
    let failed = Error::from_wasmtime(error, Code::ArtifactDamaged);
    if trailer.fingerprint != fingerprint(&engine.engine) {
        return Error::new(
            Code::ArtifactMismatch,
            format!(
                "the artifact is for another engine: {}; compile the component again",
                failed.message()
            ),
        );
    }
    match engine.admit(&trailer.shape) {
        Ok(()) => failed,
        Err(refused) => refused,
    }
}

/// The trailer of a file.
fn read_trailer(path: &Path) -> Result<Trailer, Error> {
    use std::io::{Read, Seek, SeekFrom};
    let read = || -> std::io::Result<(Vec<u8>, u64)> {
        let mut file = std::fs::File::open(path)?;
        let total = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(total.saturating_sub(TRAILER_SIZE as u64)))?;
        let mut end = Vec::new();
        file.read_to_end(&mut end)?;
        Ok((end, total))
    };
    let (end, total) = read().map_err(|e| Error::new(Code::Io, e.to_string()))?;
    Trailer::read(&end, total)
}

/// An artifact of what Wasmtime has serialised.
pub fn seal(mut serialised: Vec<u8>, source: &Trailer) -> Vec<u8> {
    // What was mapped from a file comes back with the trailer that it had there.
    if Trailer::read(&serialised, serialised.len() as u64).is_ok() {
        serialised.truncate(serialised.len() - TRAILER_SIZE);
    }
    let trailer = Trailer {
        artifact_size: serialised.len() as u64,
        ..source.clone()
    };
    serialised.extend(trailer.write());
    serialised
}

/// What Wasmtime has serialised, without its trailer.
pub fn unseal(artifact: &[u8]) -> Result<(&[u8], Trailer), Error> {
    let trailer = Trailer::read(artifact, artifact.len() as u64)?;
    Ok((&artifact[..artifact.len() - TRAILER_SIZE], trailer))
}

/// Loads an artifact from a file by `load`, Wasmtime's own function for its kind.
pub fn load_file<T>(
    engine: &Engine,
    path: &Path,
    wanted: Kind,
    load: impl FnOnce() -> wasmtime::Result<T>,
) -> Result<(T, Trailer), Error> {
    let trailer = read_trailer(path)?;
    let loaded = load().map_err(
        |error| match wasmtime::Engine::detect_precompiled_file(path) {
            Ok(found) => load_error(&error, found, wanted, &trailer, engine),
            Err(unreadable) => Error::from_wasmtime(&unreadable, Code::Io),
        },
    )?;
    Ok((loaded, trailer))
}

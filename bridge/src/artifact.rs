//! Precompiled artifacts: the ELF file that Wasmtime serialises, followed by our trailer.

use crate::engine::{Engine, fingerprint};
use crate::error::{Code, Error};
use crate::ffi::{Bytes, guard};
use crate::shape::{FIELDS, Shape};
use sha2::{Digest, Sha256};
use std::ffi::c_void;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use wasmtime::Precompiled;

// The trailer comes last, so that Wasmtime can map the file unchanged.
//
//   bytes  content
//   8      the length of the ELF file; all numbers are little-endian
//   8      the size of the source
//   32     SHA-256 of the source
//   16     the fingerprint of the engine that compiled it
//   80     the shape of the source: `Shape::to_fields`
//   32     the seal: keyed BLAKE3 of all bytes before it, a name, and the name's length in 8 bytes; zeros if the
//          artifact has none
//   8      the first bytes of the SHA-256 of the 176 bytes before
//   8      TRAILER_MAGIC
const TRAILER_MAGIC: &[u8; 8] = b"tairits2";
const SEAL_AT: usize = 64 + 8 * FIELDS;
const CHECKSUM_AT: usize = SEAL_AT + 32;
const MAGIC_AT: usize = CHECKSUM_AT + 8;
const TRAILER_SIZE: usize = MAGIC_AT + 8;
pub const KEY_SIZE: usize = 32;

/// What an artifact states about its source and its compilation.
#[derive(Clone)]
pub struct Trailer {
    artifact_size: u64,
    pub source_size: u64,
    pub source_digest: [u8; 32],
    fingerprint: [u8; 16],
    pub shape: Shape,
}

impl Trailer {
    /// Describes a source that `engine` has just compiled.
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
        bytes.extend([0; CHECKSUM_AT - SEAL_AT]);
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

    /// Reads the trailer at the end of `end`. `total` is the length of the artifact. Fails with `ArtifactDamaged`.
    pub fn read(end: &[u8], total: u64) -> Result<Trailer, Error> {
        let damaged = |why: &str| {
            Error::new(
                Code::ArtifactDamaged,
                format!("invalid precompiled artifact: {why}"),
            )
        };
        let bytes = end
            .last_chunk::<TRAILER_SIZE>()
            .ok_or_else(|| damaged("too short"))?;
        if &bytes[MAGIC_AT..] != TRAILER_MAGIC {
            return Err(damaged(
                "trailer not found: the artifact may be truncated, or from another version or program",
            ));
        }
        if bytes[CHECKSUM_AT..MAGIC_AT] != Self::checksum(&bytes[..CHECKSUM_AT]) {
            return Err(damaged("checksum mismatch in the trailer"));
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
            return Err(damaged("wrong length"));
        }
        Ok(trailer)
    }
}

/// What an artifact was compiled from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Component,
    Module,
}

/// Fails with `ArtifactDamaged` if the artifact is not of the wanted kind. `found` is what Wasmtime detects.
fn check_kind(found: Option<Precompiled>, wanted: Kind) -> Result<(), Error> {
    let damaged = |message: &str| Err(Error::new(Code::ArtifactDamaged, message));
    match (found, wanted) {
        (Some(Precompiled::Component), Kind::Component)
        | (Some(Precompiled::Module), Kind::Module) => Ok(()),
        (Some(Precompiled::Module), Kind::Component) => {
            damaged("expected a precompiled component, found a core module")
        }
        (Some(Precompiled::Component), Kind::Module) => {
            damaged("expected a precompiled core module, found a component")
        }
        (None, _) => damaged("invalid precompiled artifact: it does not contain code of Wasmtime"),
    }
}

/// Returns why an artifact did not load. `found` is what Wasmtime detects in it.
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
                "the artifact was compiled for another engine: {}; compile the component again",
                failed.message()
            ),
        );
    }
    match engine.admit(&trailer.shape) {
        Ok(()) => failed,
        Err(refused) => refused,
    }
}

/// Reads the trailer of a file.
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

/// Returns an artifact: what Wasmtime has serialised, with a trailer.
pub fn seal(mut serialised: Vec<u8>, source: &Trailer) -> Vec<u8> {
    // If the code was mapped from an artifact, Wasmtime returns it with the trailer of that artifact.
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

/// Splits an artifact into what Wasmtime has serialised, and the trailer.
pub fn unseal(artifact: &[u8]) -> Result<(&[u8], Trailer), Error> {
    let trailer = Trailer::read(artifact, artifact.len() as u64)?;
    Ok((&artifact[..artifact.len() - TRAILER_SIZE], trailer))
}

/// Loads an artifact from a file with `load`, which calls Wasmtime's function for the wanted kind.
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

/// Proves that the owner of a key put an artifact into a cache under a name. An artifact that was copied over another
/// one has the wrong name.
#[derive(Clone, Copy)]
pub struct Seal<'a> {
    key: &'a [u8; KEY_SIZE],
    name: &'a [u8],
}

impl<'a> Seal<'a> {
    pub fn new(key: &'a [u8], name: &'a [u8]) -> Result<Seal<'a>, Error> {
        let key = key.try_into().map_err(|_| {
            let message = format!("invalid key: {} bytes instead of {KEY_SIZE}", key.len());
            Error::new(Code::InvalidArgument, message)
        })?;
        Ok(Seal { key, name })
    }

    /// Computes the seal from the artifact's bytes before it.
    fn of(&self, before: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(self.key);
        hasher.update(before);
        hasher.update(self.name);
        hasher.update(&(self.name.len() as u64).to_le_bytes());
        hasher.finalize()
    }

    /// Writes the seal into the artifact.
    pub fn apply(&self, artifact: &mut [u8]) -> Result<(), Error> {
        Trailer::read(artifact, artifact.len() as u64)?;
        let trailer = artifact.len() - TRAILER_SIZE;
        let seal = *self.of(&artifact[..trailer + SEAL_AT]).as_bytes();
        let end = &mut artifact[trailer..];
        end[SEAL_AT..CHECKSUM_AT].copy_from_slice(&seal);
        let checksum = Trailer::checksum(&end[..CHECKSUM_AT]);
        end[CHECKSUM_AT..MAGIC_AT].copy_from_slice(&checksum);
        Ok(())
    }

    fn check(&self, artifact: &[u8]) -> Result<Trailer, Error> {
        let trailer = Trailer::read(artifact, artifact.len() as u64)?;
        let at = artifact.len() - TRAILER_SIZE + SEAL_AT;
        let mut found = [0; CHECKSUM_AT - SEAL_AT];
        found.copy_from_slice(&artifact[at..at + CHECKSUM_AT - SEAL_AT]);
        // `blake3::Hash` compares in constant time.
        match self.of(&artifact[..at]) == blake3::Hash::from_bytes(found) {
            true => Ok(trailer),
            false => Err(Error::new(
                Code::ArtifactDamaged,
                "the artifact was modified, or was not put into the cache under this name",
            )),
        }
    }
}

/// A file mapped into memory.
struct Mapped {
    start: *mut c_void,
    size: usize,
}

impl Mapped {
    fn new(file: &File) -> std::io::Result<Mapped> {
        let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        if size == 0 {
            return Ok(Mapped {
                start: std::ptr::null_mut(),
                size,
            });
        }
        // SAFETY: creates a new mapping at an address that the kernel chooses.
        let start = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                size,
                rustix::mm::ProtFlags::READ,
                rustix::mm::MapFlags::PRIVATE | rustix::mm::MapFlags::POPULATE,
                file,
                0,
            )
        }?;
        Ok(Mapped { start, size })
    }

    fn bytes(&self) -> &[u8] {
        match self.size {
            0 => &[],
            // SAFETY: the mapping lives as long as `self`. Files of the cache are never written in place.
            size => unsafe { std::slice::from_raw_parts(self.start.cast(), size) },
        }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if self.size != 0 {
            // SAFETY: nothing borrows from the mapping any more. If unmapping fails, the mapping leaks.
            let _ = unsafe { rustix::mm::munmap(self.start, self.size) };
        }
    }
}

/// Loads an artifact from a cache with `load`, which calls Wasmtime's function for its kind. Fails with
/// `ArtifactDamaged` if the artifact does not have this seal.
pub fn load_sealed<T>(
    path: &Path,
    seal: Seal<'_>,
    load: impl FnOnce(&Path) -> wasmtime::Result<T>,
) -> Result<(T, Trailer), Error> {
    let io = |error: std::io::Error| Error::new(Code::Io, format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(io)?;
    let trailer = seal.check(Mapped::new(&file).map_err(io)?.bytes())?;
    // Loaded through the open file, because the path may refer to another file by now.
    let opened = format!("/proc/self/fd/{}", file.as_raw_fd());
    let loaded = load(Path::new(&opened))
        .map_err(|error| Error::from_wasmtime(&error, Code::ArtifactDamaged))?;
    Ok((loaded, trailer))
}

/// Seals an artifact for a cache, in place. The key has 32 bytes. Fails with `InvalidArgument` for another size, and
/// with `ArtifactDamaged`.
///
/// # Safety
/// `artifact` points at `size` writable bytes; `key` and `name` are readable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_artifact_seal(
    artifact: *mut u8,
    size: usize,
    key: Bytes,
    name: Bytes,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let (artifact, key, name) = unsafe {
            (
                std::slice::from_raw_parts_mut(artifact, size),
                key.as_slice(),
                name.as_slice(),
            )
        };
        Seal::new(key, name)?.apply(artifact)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trailer() -> Trailer {
        Trailer {
            artifact_size: 0,
            source_size: 7,
            source_digest: [3; 32],
            fingerprint: [4; 16],
            shape: Shape::default(),
        }
    }

    fn sealed(key: u8, name: &[u8]) -> Vec<u8> {
        let mut artifact = seal(b"machine code".repeat(1000), &trailer());
        let key = [key; KEY_SIZE];
        Seal::new(&key, name).unwrap().apply(&mut artifact).unwrap();
        artifact
    }

    fn has_valid_seal(artifact: &[u8], key: u8, name: &[u8]) -> bool {
        let key = [key; KEY_SIZE];
        Seal::new(&key, name).unwrap().check(artifact).is_ok()
    }

    #[test]
    fn a_seal_is_valid_for_one_key_and_one_name() {
        let artifact = sealed(1, b"a-1");
        assert!(has_valid_seal(&artifact, 1, b"a-1"));
        assert!(!has_valid_seal(&artifact, 2, b"a-1"));
        assert!(!has_valid_seal(&artifact, 1, b"a-2"));
        assert!(!has_valid_seal(&artifact, 1, b"a-"));
        assert!(!has_valid_seal(&artifact, 1, b""));
        assert!(Seal::new(b"short", b"a").is_err());
        // A sealed artifact is an ordinary artifact, and sealing it again changes nothing.
        assert_eq!(unseal(&artifact).unwrap().0, b"machine code".repeat(1000));
        let mut again = artifact.clone();
        Seal::new(&[1; KEY_SIZE], b"a-1")
            .unwrap()
            .apply(&mut again)
            .unwrap();
        assert_eq!(again, artifact);
        // An artifact without a seal is refused.
        assert!(!has_valid_seal(
            &seal(b"machine code".to_vec(), &trailer()),
            1,
            b"a-1"
        ));
    }

    #[test]
    fn a_seal_detects_every_changed_bit() {
        let artifact = sealed(1, b"a-1");
        for at in (0..artifact.len())
            .step_by(37)
            .chain(artifact.len() - TRAILER_SIZE..artifact.len())
        {
            let mut changed = artifact.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(!has_valid_seal(&changed, 1, b"a-1"), "byte {at}");
        }
        for size in [0, 1, TRAILER_SIZE - 1, TRAILER_SIZE, artifact.len() - 1] {
            assert!(
                !has_valid_seal(&artifact[..size], 1, b"a-1"),
                "{size} bytes"
            );
            assert!(!has_valid_seal(
                &artifact[artifact.len() - size..],
                1,
                b"a-1"
            ));
        }
        let mut longer = artifact;
        longer.push(0);
        assert!(!has_valid_seal(&longer, 1, b"a-1"));
    }
}

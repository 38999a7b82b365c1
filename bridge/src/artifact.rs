//! Precompiled artifacts: what Wasmtime serialises, an ELF file, followed by a trailer of ours.

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

// The trailer stands last so that Wasmtime can map the file as it is.
//
//   bytes  content
//   8      the length of the ELF file; all numbers are little-endian
//   8      the size of the source
//   32     SHA-256 of the source
//   16     the fingerprint of the engine that compiled it
//   80     what the source consists of: `Shape::to_fields`
//   32     the seal: BLAKE3 of all bytes before it, then of a name and the name's length in 8 bytes, keyed; zeros
//          if the artifact has none
//   8      the first bytes of SHA-256 of the 176 bytes before
//   8      TRAILER_MAGIC
const TRAILER_MAGIC: &[u8; 8] = b"tairits2";
const SEAL_AT: usize = 64 + 8 * FIELDS;
const CHECKSUM_AT: usize = SEAL_AT + 32;
const MAGIC_AT: usize = CHECKSUM_AT + 8;
const TRAILER_SIZE: usize = MAGIC_AT + 8;
pub const KEY_SIZE: usize = 32;

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
        if &bytes[MAGIC_AT..] != TRAILER_MAGIC {
            return Err(damaged(
                "it does not end as one does; it may be truncated, or from another version or program",
            ));
        }
        if bytes[CHECKSUM_AT..MAGIC_AT] != Self::checksum(&bytes[..CHECKSUM_AT]) {
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

/// Who put an artifact into a cache, and as what: nobody else has the key, and an artifact that was copied over
/// another has the wrong name.
#[derive(Clone, Copy)]
pub struct Seal<'a> {
    key: &'a [u8; KEY_SIZE],
    name: &'a [u8],
}

impl<'a> Seal<'a> {
    pub fn new(key: &'a [u8], name: &'a [u8]) -> Result<Seal<'a>, Error> {
        let key = key.try_into().map_err(|_| {
            let message = format!("a key of {} bytes, and one has {KEY_SIZE}", key.len());
            Error::new(Code::InvalidArgument, message)
        })?;
        Ok(Seal { key, name })
    }

    /// Of the artifact's bytes before the seal.
    fn of(&self, before: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(self.key);
        hasher.update(before);
        hasher.update(self.name);
        hasher.update(&(self.name.len() as u64).to_le_bytes());
        hasher.finalize()
    }

    /// Puts it into an artifact that has none.
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
        // Hashes compare in constant time.
        match self.of(&artifact[..at]) == blake3::Hash::from_bytes(found) {
            true => Ok(trailer),
            false => Err(Error::new(
                Code::ArtifactDamaged,
                "the artifact was changed, or was not put into the cache under this name",
            )),
        }
    }
}

/// A file that was read through once, so that what is mapped as code is what was checked.
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
        // SAFETY: a new mapping, of no memory that is in use.
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
            // SAFETY: mapped for as long as this lives. A file of the cache is never written in place by us.
            size => unsafe { std::slice::from_raw_parts(self.start.cast(), size) },
        }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if self.size != 0 {
            // SAFETY: nothing borrows from it any more. If it fails, the mapping stays, which harms nobody.
            let _ = unsafe { rustix::mm::munmap(self.start, self.size) };
        }
    }
}

/// Loads an artifact from a cache by `load`, Wasmtime's own function for its kind, if it has this seal.
pub fn load_sealed<T>(
    path: &Path,
    seal: Seal<'_>,
    load: impl FnOnce(&Path) -> wasmtime::Result<T>,
) -> Result<(T, Trailer), Error> {
    let io = |error: std::io::Error| Error::new(Code::Io, format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(io)?;
    let trailer = seal.check(Mapped::new(&file).map_err(io)?.bytes())?;
    // By the open file, not by its name: that may be another's by now.
    let opened = format!("/proc/self/fd/{}", file.as_raw_fd());
    let loaded = load(Path::new(&opened))
        .map_err(|error| Error::from_wasmtime(&error, Code::ArtifactDamaged))?;
    Ok((loaded, trailer))
}

/// Seals an artifact for a cache, in place. The key has 32 bytes.
///
/// # Safety
/// `artifact` points to `size` bytes that may be written; `key` and `name` are readable.
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

    fn is_good(artifact: &[u8], key: u8, name: &[u8]) -> bool {
        let key = [key; KEY_SIZE];
        Seal::new(&key, name).unwrap().check(artifact).is_ok()
    }

    #[test]
    fn a_seal_is_of_one_key_and_one_name() {
        let artifact = sealed(1, b"a-1");
        assert!(is_good(&artifact, 1, b"a-1"));
        assert!(!is_good(&artifact, 2, b"a-1"));
        assert!(!is_good(&artifact, 1, b"a-2"));
        assert!(!is_good(&artifact, 1, b"a-"));
        assert!(!is_good(&artifact, 1, b""));
        assert!(Seal::new(b"short", b"a").is_err());
        // It is an artifact like any other, and sealed again it is the same.
        assert_eq!(unseal(&artifact).unwrap().0, b"machine code".repeat(1000));
        let mut again = artifact.clone();
        Seal::new(&[1; KEY_SIZE], b"a-1")
            .unwrap()
            .apply(&mut again)
            .unwrap();
        assert_eq!(again, artifact);
        // One that was never sealed is no better than a damaged one.
        assert!(!is_good(
            &seal(b"machine code".to_vec(), &trailer()),
            1,
            b"a-1"
        ));
    }

    #[test]
    fn a_seal_breaks_at_the_first_bit() {
        let artifact = sealed(1, b"a-1");
        for at in (0..artifact.len())
            .step_by(37)
            .chain(artifact.len() - TRAILER_SIZE..artifact.len())
        {
            let mut changed = artifact.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(!is_good(&changed, 1, b"a-1"), "byte {at}");
        }
        for size in [0, 1, TRAILER_SIZE - 1, TRAILER_SIZE, artifact.len() - 1] {
            assert!(!is_good(&artifact[..size], 1, b"a-1"), "{size} bytes");
            assert!(!is_good(&artifact[artifact.len() - size..], 1, b"a-1"));
        }
        let mut longer = artifact;
        longer.push(0);
        assert!(!is_good(&longer, 1, b"a-1"));
    }
}

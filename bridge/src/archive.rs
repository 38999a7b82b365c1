//! Reads tar archives, plain or compressed with gzip, from a stream, and writes plain ones to a stream.
//!
//! Nothing is unpacked here: C++ gets each entry's path, kind and size, and reads as much of it as it wants.

use crate::error::{Code, Coded, Error};
use crate::ffi::{Bytes, free, give, guard};
use std::ffi::c_void;
use std::io::{self, BufReader, Cursor, Read};
use tar::EntryType;

/// Reads the next bytes of an archive into `to`. Returns how many, 0 at the end, a negative number on failure.
pub type ArchiveSource =
    unsafe extern "C" fn(context: *mut c_void, to: *mut u8, size: usize) -> isize;
/// Writes the next bytes of an archive. Returns false on failure.
pub type ArchiveSink =
    unsafe extern "C" fn(context: *mut c_void, data: *const u8, size: usize) -> bool;

const BLOCK: u64 = 512;
/// The most bytes of headers per entry, long names included. They are read into memory.
const MAX_HEADERS: u64 = 1 << 20;

/// The kind of an entry. Mirrors `tairitsu::detail::ArchiveKind`; C++ asserts that the two match.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArchiveKind {
    File,
    Directory,
    Link,
    Device,
    Sparse,
    Other,
}

/// An entry of an archive. The path is valid until the reader is used again.
#[repr(C)]
pub struct ArchiveEntry {
    pub path: Bytes,
    pub kind: ArchiveKind,
    pub size: u64,
}

/// A C++ source, borrowed for as long as the reader lives.
struct Source {
    read: ArchiveSource,
    context: *mut c_void,
}

impl Read for Source {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        // SAFETY: the source outlives the reader, and `to` is writable.
        let count = unsafe { (self.read)(self.context, to.as_mut_ptr(), to.len()) };
        match usize::try_from(count) {
            Ok(count) if count <= to.len() => Ok(count),
            _ => Err(coded(Code::Io, "reading the source failed")),
        }
    }
}

fn coded(code: Code, message: impl Into<String>) -> io::Error {
    io::Error::other(Coded {
        code,
        message: message.into(),
    })
}

fn truncated() -> io::Error {
    coded(Code::InvalidManifest, "it is truncated")
}

/// Converts an error: [`Coded`] errors keep their code, errors of the decoders become `InvalidManifest`.
fn to_error(error: &io::Error) -> Error {
    // The tar crate wraps the errors of its reader.
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(ours) = error.downcast_ref::<Coded>() {
            return Error::new(ours.code, ours.message.as_str());
        }
        // `source` of an `io::Error` skips the error that it wraps.
        cause = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return to_error(&truncated());
    }
    // The message may quote untrusted bytes.
    let text: String = error
        .to_string()
        .chars()
        .take(100)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    Error::new(
        Code::InvalidManifest,
        format!("not a tar archive, or a damaged one: {text}"),
    )
}

/// Reads the unpacked bytes and enforces the limits.
struct Counted {
    inner: Box<dyn Read>,
    most: u64,
    left: u64,
    /// How many bytes of headers may still be read, while headers are read.
    headers: Option<u64>,
    ended: bool,
}

impl Read for Counted {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(to)?;
        self.ended |= count == 0 && !to.is_empty();
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            coded(
                Code::InvalidManifest,
                format!(
                    "it is larger than {} bytes when unpacked, which is the limit",
                    self.most
                ),
            )
        })?;
        if let Some(headers) = &mut self.headers {
            *headers = headers.checked_sub(count as u64).ok_or_else(|| {
                coded(
                    Code::InvalidManifest,
                    format!("an entry has more than {MAX_HEADERS} bytes of headers"),
                )
            })?;
        }
        Ok(count)
    }
}

struct Head {
    /// `None` for headers that apply to the archive as a whole.
    kind: Option<ArchiveKind>,
    size: u64,
    path: Vec<u8>,
}

/// Reads the entries of an archive in order. One thread at a time.
pub struct ArchiveReader {
    input: Counted,
    /// Unread bytes of the current entry.
    left: u64,
    padding: u64,
    path: Vec<u8>,
    /// Whether nothing was read yet.
    new: bool,
}

/// Whether an archive may begin with this block: an entry's header with a valid checksum, or the end marker.
fn is_tar_header(block: &[u8]) -> bool {
    let Ok(block): Result<&[u8; BLOCK as usize], _> = block.try_into() else {
        return false;
    };
    let header = tar::Header::from_byte_slice(block);
    // The checksum is the sum of all bytes, with its own eight bytes taken as spaces.
    let sum: u32 = block[..148]
        .iter()
        .chain(&block[156..])
        .map(|byte| u32::from(*byte))
        .sum();
    block.iter().all(|byte| *byte == 0) || header.cksum().is_ok_and(|own| own == sum + 8 * 32)
}

impl ArchiveReader {
    fn new(mut source: Source, most: u64) -> io::Result<ArchiveReader> {
        const OTHERS: [(&[u8], &str); 4] = [
            (b"\x28\xb5\x2f\xfd", "zstd"),
            (b"\xfd7zXZ\0", "xz"),
            (b"BZh", "bzip2"),
            (b"PK\x03\x04", "zip"),
        ];
        let mut magic = Vec::new();
        source.by_ref().take(6).read_to_end(&mut magic)?;
        if let Some((_, name)) = OTHERS.iter().find(|(begin, _)| magic.starts_with(begin)) {
            return Err(coded(
                Code::InvalidManifest,
                format!("unsupported compression: {name} instead of gzip"),
            ));
        }
        let is_gzip = magic.starts_with(b"\x1f\x8b");
        let input = BufReader::with_capacity(64 << 10, Cursor::new(magic).chain(source));
        Ok(ArchiveReader {
            input: Counted {
                inner: if is_gzip {
                    Box::new(flate2::bufread::MultiGzDecoder::new(input))
                } else {
                    Box::new(input)
                },
                most,
                left: most,
                headers: None,
                ended: false,
            },
            left: 0,
            padding: 0,
            path: Vec::new(),
            new: true,
        })
    }

    /// Fails if the input does not begin like a tar archive.
    fn check_begin(&mut self) -> io::Result<()> {
        let mut block = Vec::new();
        self.input.by_ref().take(BLOCK).read_to_end(&mut block)?;
        if !is_tar_header(&block) {
            return Err(coded(
                Code::InvalidManifest,
                "not a tar archive, plain or compressed with gzip",
            ));
        }
        let inner = std::mem::replace(&mut self.input.inner, Box::new(io::empty()));
        self.input.inner = Box::new(Cursor::new(block).chain(inner));
        self.input.left += BLOCK;
        Ok(())
    }

    fn next(&mut self) -> io::Result<Option<(ArchiveKind, u64)>> {
        if std::mem::take(&mut self.new) {
            self.check_begin()?;
        }
        let rest = self.left.saturating_add(self.padding);
        self.left = 0;
        self.padding = 0;
        self.skip(rest)?;
        self.input.headers = Some(MAX_HEADERS);
        loop {
            let Some(head) = self.head()? else {
                return self.end().map(|()| None);
            };
            let padding = head.size.wrapping_neg() % BLOCK;
            let Some(kind) = head.kind else {
                // The limit on headers still applies.
                self.skip(head.size.saturating_add(padding))?;
                continue;
            };
            self.input.headers = None;
            self.left = head.size;
            self.padding = padding;
            self.path = head.path;
            return Ok(Some((kind, head.size)));
        }
    }

    /// Reads the headers of the next entry, including its long names and pax records, but no content.
    fn head(&mut self) -> io::Result<Option<Head>> {
        // A new one for each entry, because its iterator borrows it. It keeps no state between entries.
        let mut archive = tar::Archive::new(&mut self.input);
        let Some(mut entry) = archive.entries()?.next().transpose()? else {
            return Ok(None);
        };
        Ok(Some(Head {
            kind: kind_of(&mut entry)?,
            size: entry.size(),
            path: entry.path_bytes().into_owned(),
        }))
    }

    /// Reads the rest after the last entry. Fails if the end marker is missing.
    fn end(&mut self) -> io::Result<()> {
        if self.input.ended {
            return Err(truncated());
        }
        self.input.headers = None;
        // Read everything: gzip's checksum comes last, and the writer of a pipe expects it to be drained.
        io::copy(&mut self.input, &mut io::sink()).map(drop)
    }

    fn skip(&mut self, count: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.input.by_ref().take(count), &mut io::sink())?;
        if skipped == count {
            Ok(())
        } else {
            Err(truncated())
        }
    }

    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let most = self.left.min(to.len() as u64) as usize;
        if most == 0 {
            return Ok(0);
        }
        let count = self.input.read(&mut to[..most])?;
        if count == 0 {
            return Err(truncated());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

fn kind_of<R: Read>(entry: &mut tar::Entry<'_, R>) -> io::Result<Option<ArchiveKind>> {
    let kind = match entry.header().entry_type() {
        EntryType::Regular => ArchiveKind::File,
        EntryType::Directory => ArchiveKind::Directory,
        EntryType::Link | EntryType::Symlink => ArchiveKind::Link,
        EntryType::Char | EntryType::Block | EntryType::Fifo => ArchiveKind::Device,
        EntryType::GNUSparse => ArchiveKind::Sparse,
        EntryType::XGlobalHeader => return Ok(None),
        _ => ArchiveKind::Other,
    };
    // For other kinds, this could read the entry's content.
    if kind == ArchiveKind::File {
        // In the pax format a sparse file looks like a regular file, but its bytes are not those of the file.
        for record in entry.pax_extensions()?.into_iter().flatten() {
            if record?.key_bytes().starts_with(b"GNU.sparse.") {
                return Ok(Some(ArchiveKind::Sparse));
            }
        }
    }
    Ok(Some(kind))
}

/// Writes an archive. One thread at a time.
pub struct ArchiveWriter {
    write: ArchiveSink,
    context: *mut c_void,
    /// Bytes of the current entry that are still to be written.
    left: u64,
    padding: u64,
}

impl ArchiveWriter {
    fn put(&self, bytes: &[u8]) -> Result<(), Error> {
        // SAFETY: the sink outlives the writer, and `bytes` are readable.
        if unsafe { (self.write)(self.context, bytes.as_ptr(), bytes.len()) } {
            Ok(())
        } else {
            Err(Error::new(Code::Io, "writing to the sink failed"))
        }
    }

    /// Pads the entry to a full block. Fails if bytes of the entry are missing.
    fn end_entry(&mut self) -> Result<(), Error> {
        if self.left != 0 {
            return Err(Error::new(
                Code::InvalidArgument,
                format!("{} bytes of the previous entry are missing", self.left),
            ));
        }
        let padding = std::mem::take(&mut self.padding);
        if padding == 0 {
            return Ok(());
        }
        self.put(&[0; BLOCK as usize][..padding as usize])
    }

    fn begin(&mut self, path: &str, size: u64) -> Result<(), Error> {
        self.end_entry()?;
        let mut header = tar::Header::new_ustar();
        header
            .set_path(path)
            .map_err(|error| Error::new(Code::InvalidArgument, error.to_string()))?;
        header.set_size(size);
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        // No owner and no time, so that the same content produces the same archive.
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_cksum();
        self.put(header.as_bytes())?;
        self.left = size;
        self.padding = size.wrapping_neg() % BLOCK;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let left = self.left.checked_sub(bytes.len() as u64).ok_or_else(|| {
            Error::new(
                Code::InvalidArgument,
                "more bytes than the size of the entry",
            )
        })?;
        self.put(bytes)?;
        self.left = left;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.end_entry()?;
        self.put(&[0; 2 * BLOCK as usize])
    }
}

/// Creates a reader of an archive, which may have up to `most` bytes when unpacked. Fails with
/// `InvalidManifest` if the compression is unsupported, and with `Io` if the source fails.
///
/// # Safety
/// The source may be called on the thread that uses the reader, until the reader is freed; `out` is valid
/// for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_archive_reader_new(
    source: ArchiveSource,
    context: *mut c_void,
    most: u64,
    out: *mut *mut ArchiveReader,
) -> *mut Error {
    guard(|| {
        let source = Source {
            read: source,
            context,
        };
        let reader = ArchiveReader::new(source, most).map_err(|error| to_error(&error))?;
        // SAFETY: the caller's promise.
        unsafe { give(out, reader) };
        Ok(())
    })
}

/// Advances to the next entry, skipping what was not read of the current one, and writes whether there is
/// one. If there is none, the source has been read to its end. Fails with `InvalidManifest` if the archive is
/// invalid, truncated or too large, and with `Io` if the source fails. After a failure the reader must not be
/// used again.
///
/// # Safety
/// `reader` is a live reader, and `entry` and `found` are valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_archive_reader_next(
    reader: *mut ArchiveReader,
    entry: *mut ArchiveEntry,
    found: *mut bool,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let reader = unsafe { &mut *reader };
        let next = reader.next().map_err(|error| to_error(&error))?;
        if let Some((kind, size)) = next {
            let next = ArchiveEntry {
                path: Bytes::new(&reader.path),
                kind,
                size,
            };
            // SAFETY: the caller's promise.
            unsafe { entry.write(next) };
        }
        // SAFETY: the caller's promise.
        unsafe { found.write(next.is_some()) };
        Ok(())
    })
}

/// Reads the next bytes of the entry into `to` and writes how many to `count`, 0 at the entry's end. Fails as
/// `tairitsu_bridge_archive_reader_next` does.
///
/// # Safety
/// `reader` is a live reader, `to` points at `size` writable bytes, and `count` is valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_archive_reader_read(
    reader: *mut ArchiveReader,
    to: *mut u8,
    size: usize,
    count: *mut usize,
) -> *mut Error {
    guard(|| {
        if size == 0 {
            return Err(Error::new(Code::InvalidArgument, "empty buffer"));
        }
        // SAFETY: the caller's promise; `to` holds plain bytes.
        let (reader, to) = unsafe { (&mut *reader, std::slice::from_raw_parts_mut(to, size)) };
        let read = reader.read(to).map_err(|error| to_error(&error))?;
        // SAFETY: the caller's promise.
        unsafe { count.write(read) };
        Ok(())
    })
}

/// # Safety
/// `reader` is null or a live reader, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_archive_reader_free(reader: *mut ArchiveReader) {
    // SAFETY: the caller's promise.
    unsafe { free(reader) }
}

/// Creates a writer of an archive.
///
/// # Safety
/// The sink may be called on the thread that uses the writer, until the writer is freed; `out` is valid for a
/// write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_archive_writer_new(
    sink: ArchiveSink,
    context: *mut c_void,
    out: *mut *mut ArchiveWriter,
) -> *mut Error {
    guard(|| {
        let writer = ArchiveWriter {
            write: sink,
            context,
            left: 0,
            padding: 0,
        };
        // SAFETY: the caller's promise.
        unsafe { give(out, writer) };
        Ok(())
    })
}

/// Begins a file of `size` bytes. Fails with `InvalidArgument` if the path is too long or the previous file
/// is incomplete, and with `Io` if the sink fails.
///
/// # Safety
/// `writer` is a live writer, and `path` is readable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_archive_writer_begin(
    writer: *mut ArchiveWriter,
    path: Bytes,
    size: u64,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let (writer, path) = unsafe { (&mut *writer, path.as_str()?) };
        writer.begin(path, size)
    })
}

/// Writes the next bytes of the file. Fails as `tairitsu_bridge_archive_writer_begin` does.
///
/// # Safety
/// `writer` is a live writer, and `bytes` are readable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_archive_writer_write(
    writer: *mut ArchiveWriter,
    bytes: Bytes,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let (writer, bytes) = unsafe { (&mut *writer, bytes.as_slice()) };
        writer.write(bytes)
    })
}

/// Writes the end of the archive; called once. Fails as `tairitsu_bridge_archive_writer_begin` does.
///
/// # Safety
/// `writer` is a live writer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_archive_writer_finish(
    writer: *mut ArchiveWriter,
) -> *mut Error {
    guard(|| {
        // SAFETY: the caller's promise.
        let writer = unsafe { &mut *writer };
        writer.finish()
    })
}

/// # Safety
/// `writer` is null or a live writer, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_archive_writer_free(writer: *mut ArchiveWriter) {
    // SAFETY: the caller's promise.
    unsafe { free(writer) }
}

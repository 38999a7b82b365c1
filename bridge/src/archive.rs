//! Tar archives, plain or compressed by gzip, from a stream and to one.
//!
//! Nothing is unpacked here: C++ is told each entry's path, kind and size, and reads what it wants of it.

use crate::error::{Code, Coded, Error};
use crate::ffi::{Bytes, free, give, guard};
use std::ffi::c_void;
use std::io::{self, BufReader, Cursor, Read};
use tar::EntryType;

/// Gives the next bytes of an archive: how many were written to `to`, 0 at the end, less on failure.
pub type ArchiveSource =
    unsafe extern "C" fn(context: *mut c_void, to: *mut u8, size: usize) -> isize;
/// Takes the next bytes of an archive; false on failure.
pub type ArchiveSink =
    unsafe extern "C" fn(context: *mut c_void, data: *const u8, size: usize) -> bool;

const BLOCK: u64 = 512;
/// What the headers of one entry may have, with its long names: they are read into memory.
const MAX_HEADERS: u64 = 1 << 20;

/// What an entry is. Mirrors `tairitsu::detail::ArchiveKind`; C++ asserts that the two agree.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArchiveKind {
    File,
    Folder,
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

/// A C++ source, lent for as long as the reader lives.
struct Source {
    read: ArchiveSource,
    context: *mut c_void,
}

impl Read for Source {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        // SAFETY: the source is lent to the reader, and `to` is writable.
        let count = unsafe { (self.read)(self.context, to.as_mut_ptr(), to.len()) };
        match usize::try_from(count) {
            Ok(count) if count <= to.len() => Ok(count),
            _ => Err(coded(Code::Io, "the source failed")),
        }
    }
}

fn coded(code: Code, message: impl Into<String>) -> io::Error {
    io::Error::other(Coded {
        code,
        message: message.into(),
    })
}

fn cut_off() -> io::Error {
    coded(Code::InvalidManifest, "it is cut off")
}

/// Ours keep their code; what the decoders say is that the bytes are not what they should be.
fn to_error(error: &io::Error) -> Error {
    // tar wraps what its reader fails with.
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(ours) = error.downcast_ref::<Coded>() {
            return Error::new(ours.code, ours.message.as_str());
        }
        // `source` of such an error skips the one that it was made of.
        cause = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return to_error(&cut_off());
    }
    // They repeat what they could not read.
    let text: String = error
        .to_string()
        .chars()
        .take(100)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    Error::new(
        Code::InvalidManifest,
        format!("it is no tar archive, or a damaged one: {text}"),
    )
}

/// The unpacked bytes, counted.
struct Counted {
    inner: Box<dyn Read>,
    most: u64,
    left: u64,
    /// What may still be read of headers, while these are read.
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
                    "it has more than {} bytes, unpacked, and these are the most",
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
    /// None where it is about the archive as a whole.
    kind: Option<ArchiveKind>,
    size: u64,
    path: Vec<u8>,
}

/// The entries of an archive, in its order. One thread at a time.
pub struct ArchiveReader {
    input: Counted,
    /// Of the entry that is read.
    left: u64,
    padding: u64,
    path: Vec<u8>,
    /// Nothing was read yet.
    new: bool,
}

/// Whether an archive begins with this: the header of an entry, by its checksum, or the end of all entries.
fn is_tar_header(block: &[u8]) -> bool {
    let Ok(block): Result<&[u8; BLOCK as usize], _> = block.try_into() else {
        return false;
    };
    let header = tar::Header::from_byte_slice(block);
    // The sum of all bytes, with spaces for its own eight.
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
                format!("it is compressed by {name}, and only gzip is known"),
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

    /// Says of something that is no archive at all that it is not one.
    fn check_begin(&mut self) -> io::Result<()> {
        let mut block = Vec::new();
        self.input.by_ref().take(BLOCK).read_to_end(&mut block)?;
        if !is_tar_header(&block) {
            return Err(coded(
                Code::InvalidManifest,
                "this is not a tar archive, plain or compressed by gzip",
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
                // Under the bound of headers, too.
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

    /// Reads the headers of the next entry, with its long names and pax records, and no further.
    fn head(&mut self) -> io::Result<Option<Head>> {
        // One of its own for each entry, for its iterator borrows it; it keeps nothing for the next one.
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

    /// The end of the entries was found, or that of the bytes.
    fn end(&mut self) -> io::Result<()> {
        if self.input.ended {
            return Err(cut_off());
        }
        self.input.headers = None;
        // To the end: gzip's checksum comes last, and who writes into a pipe wants it read.
        io::copy(&mut self.input, &mut io::sink()).map(drop)
    }

    fn skip(&mut self, count: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.input.by_ref().take(count), &mut io::sink())?;
        if skipped == count {
            Ok(())
        } else {
            Err(cut_off())
        }
    }

    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let most = self.left.min(to.len() as u64) as usize;
        if most == 0 {
            return Ok(0);
        }
        let count = self.input.read(&mut to[..most])?;
        if count == 0 {
            return Err(cut_off());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

fn kind_of<R: Read>(entry: &mut tar::Entry<'_, R>) -> io::Result<Option<ArchiveKind>> {
    let kind = match entry.header().entry_type() {
        EntryType::Regular => ArchiveKind::File,
        EntryType::Directory => ArchiveKind::Folder,
        EntryType::Link | EntryType::Symlink => ArchiveKind::Link,
        EntryType::Char | EntryType::Block | EntryType::Fifo => ArchiveKind::Device,
        EntryType::GNUSparse => ArchiveKind::Sparse,
        EntryType::XGlobalHeader => return Ok(None),
        _ => ArchiveKind::Other,
    };
    // Of other kinds it might read the content.
    if kind == ArchiveKind::File {
        // In pax's form a sparse file looks like another, and its bytes are not those of the file.
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
    /// Of the entry that is written.
    left: u64,
    padding: u64,
}

impl ArchiveWriter {
    fn put(&self, bytes: &[u8]) -> Result<(), Error> {
        // SAFETY: the sink is lent to the writer, and `bytes` are readable.
        if unsafe { (self.write)(self.context, bytes.as_ptr(), bytes.len()) } {
            Ok(())
        } else {
            Err(Error::new(Code::Io, "the sink failed"))
        }
    }

    /// Fills the last block of the entry, whose bytes have all been written.
    fn end_entry(&mut self) -> Result<(), Error> {
        if self.left != 0 {
            return Err(Error::new(
                Code::InvalidArgument,
                format!("{} bytes of the entry before are missing", self.left),
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
        // Nobody's and of no time, so that the same content is the same archive.
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
                "more bytes than the entry should have",
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

/// Begins to read an archive, which may have `most` bytes when it is unpacked. Fails with `InvalidManifest`
/// where it is compressed by something else than gzip, and with `Io` where the source fails.
///
/// # Safety
/// The source may be called on the thread that uses the reader until that is freed; `out` is valid for a
/// write.
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

/// Goes on to the next entry, past what was not read of the one before; `found` says whether there is one.
/// Where there is none the source has been read to its end. Fails with `InvalidManifest` for what is no
/// archive, is cut off or too large, and with `Io` where the source fails; the reader is not used again then.
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

/// Reads the next bytes of the entry into `to`; `count` is how many, 0 at its end. Fails as
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
            return Err(Error::new(Code::InvalidArgument, "no room to read into"));
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
/// `reader` is null or a live reader, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_archive_reader_free(reader: *mut ArchiveReader) {
    // SAFETY: the caller's promise.
    unsafe { free(reader) }
}

/// Begins to write an archive.
///
/// # Safety
/// The sink may be called on the thread that uses the writer until that is freed; `out` is valid for a write.
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

/// Begins a file of `size` bytes. Fails with `InvalidArgument` for a path that is too long, and where the
/// file before is not complete; with `Io` where the sink fails.
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

/// Ends the archive. Fails as `tairitsu_bridge_archive_writer_begin` does. Once.
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
/// `writer` is null or a live writer, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_archive_writer_free(writer: *mut ArchiveWriter) {
    // SAFETY: the caller's promise.
    unsafe { free(writer) }
}

//! Accounting for memory that the host allocates on a guest's behalf.
//!
//! Every allocation of this library has a header that names the account it is charged to, if any: the
//! account of the guest that the thread is working for. So everything that a guest makes the host hold is
//! counted, wherever it is allocated: HTTP bodies and fields, resource table entries, handles, stream
//! buffers, tables, instances. The charge ends when the memory is freed, by any thread.
//!
//! Allocations cannot be refused, because Rust code cannot continue without them. So the account is checked
//! when the guest is entered again; by then one host function may have exceeded the limit by as much as one
//! call allocates (`Limits::copied_bytes_per_call`). Linear memories, which are not on this heap, are
//! checked before they grow.

use crate::error::{Code, Error};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

/// Heap bytes that do not count towards the limit. In most guests they are the instance itself.
pub(crate) const FREE_BYTES: u64 = 1 << 20;

/// The [`Account`]'s share of `balance`, which keeps the ledger alive.
const OWNED: u64 = 1 << 62;

struct Ledger {
    /// Bytes on the heap, plus `OWNED` while the [`Account`] exists.
    balance: AtomicU64,
}

/// Counts the heap bytes that are charged to one guest. Charged memory may outlive it.
pub struct Account(NonNull<Ledger>);

// SAFETY: the ledger is only used through atomic operations, and freed by its last user.
unsafe impl Send for Account {}
// SAFETY: as above.
unsafe impl Sync for Account {}

impl Default for Account {
    fn default() -> Account {
        Account::new()
    }
}

impl Account {
    pub fn new() -> Account {
        let _none = Scope::enter(None);
        let ledger = Box::new(Ledger {
            balance: AtomicU64::new(OWNED),
        });
        // SAFETY: a box is not null.
        Account(unsafe { NonNull::new_unchecked(Box::into_raw(ledger)) })
    }

    fn ledger(&self) -> &Ledger {
        // SAFETY: the ledger lives while its balance includes `OWNED`.
        unsafe { self.0.as_ref() }
    }

    /// Returns the number of heap bytes that are charged now.
    pub fn bytes(&self) -> u64 {
        self.ledger().balance.load(Ordering::Relaxed) & (OWNED - 1)
    }

    /// Charges bytes that a thread outside the account's scopes allocates.
    pub fn charge(self: &Arc<Self>, bytes: u64) -> Charge {
        self.ledger().balance.fetch_add(bytes, Ordering::Relaxed);
        Charge {
            account: self.clone(),
            bytes,
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // SAFETY: the owner's share is released only here.
        unsafe { release(self.0.as_ptr(), OWNED) };
    }
}

/// # Safety
/// `ledger` is live, and `amount` was added to its balance and not released yet.
unsafe fn release(ledger: *mut Ledger, amount: u64) {
    // SAFETY: the caller's promise.
    let before = unsafe { (*ledger).balance.fetch_sub(amount, Ordering::AcqRel) };
    if before == amount {
        // SAFETY: the balance is zero, so that nothing else refers to the ledger.
        drop(unsafe { Box::from_raw(ledger) });
    }
}

/// A charge that ends when it is dropped.
pub struct Charge {
    account: Arc<Account>,
    bytes: u64,
}

impl Drop for Charge {
    fn drop(&mut self) {
        let balance = &self.account.ledger().balance;
        balance.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

thread_local! {
    static CURRENT: Cell<*mut Ledger> = const { Cell::new(null_mut()) };
}

/// While it lives, this thread's allocations are charged to an account, or to none.
pub struct Scope {
    before: *mut Ledger,
    /// Must stay on the thread that created it.
    _thread: PhantomData<*const ()>,
}

impl Scope {
    #[inline]
    pub fn enter(account: Option<&Account>) -> Scope {
        let ledger = account.map_or(null_mut(), |account| account.0.as_ptr());
        Scope {
            before: CURRENT.replace(ledger),
            _thread: PhantomData,
        }
    }
}

impl Drop for Scope {
    #[inline]
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

/// A future whose allocations are charged to an account.
pub struct Charged<F> {
    account: Option<Arc<Account>>,
    future: Pin<Box<F>>,
}

impl<F> Charged<F> {
    pub fn new(account: Option<Arc<Account>>, future: F) -> Charged<F> {
        let future = {
            let _scope = Scope::enter(account.as_deref());
            Box::pin(future)
        };
        Charged { account, future }
    }
}

impl<F: Future> Future for Charged<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let _scope = Scope::enter(this.account.as_deref());
        this.future.as_mut().poll(context)
    }
}

/// The limits on all guests of an engine together.
pub struct Total {
    max_bytes: u64,
    bytes: AtomicU64,
    max_descriptors: usize,
    descriptors: AtomicUsize,
}

impl Total {
    pub fn new(max_bytes: u64, max_descriptors: usize) -> Total {
        Total {
            max_bytes,
            bytes: AtomicU64::new(0),
            max_descriptors,
            descriptors: AtomicUsize::new(0),
        }
    }

    pub fn has_max_bytes(&self) -> bool {
        self.max_bytes != u64::MAX
    }
}

/// One guest's part of a total, released when dropped.
pub struct Share {
    total: Arc<Total>,
    bytes: u64,
    descriptors: usize,
}

impl Share {
    pub fn new(total: Arc<Total>) -> Share {
        Share {
            total,
            bytes: 0,
            descriptors: 0,
        }
    }

    pub fn has_max_bytes(&self) -> bool {
        self.total.has_max_bytes()
    }

    /// Whether `bytes` differs enough from the recorded part to update the total.
    pub fn differs(&self, bytes: u64) -> bool {
        bytes.abs_diff(self.bytes) >= 64 << 10
    }

    /// Updates the guest's part. Fails with `MemoryLimit` if it grew and all guests together exceed the limit.
    pub fn set_bytes(&mut self, bytes: u64) -> Result<(), Error> {
        let all = match bytes.checked_sub(self.bytes) {
            Some(more) => self.total.bytes.fetch_add(more, Ordering::Relaxed) + more,
            None => {
                let less = self.bytes - bytes;
                self.total.bytes.fetch_sub(less, Ordering::Relaxed) - less
            }
        };
        let grew = bytes > self.bytes;
        self.bytes = bytes;
        match grew && all > self.total.max_bytes {
            true => Err(Error::new(
                Code::MemoryLimit,
                format!(
                    "all containers of the engine together need {all} bytes; their limit is {}",
                    self.total.max_bytes
                ),
            )),
            false => Ok(()),
        }
    }

    /// Like `set_bytes`, for open files and sockets. Fails with `DescriptorLimit`.
    pub fn set_descriptors(&mut self, count: usize) -> Result<(), Error> {
        let total = &self.total;
        total.descriptors.fetch_add(count, Ordering::Relaxed);
        let all = total
            .descriptors
            .fetch_sub(self.descriptors, Ordering::Relaxed)
            - self.descriptors;
        let grew = count > self.descriptors;
        self.descriptors = count;
        match grew && all > total.max_descriptors {
            true => Err(Error::new(
                Code::DescriptorLimit,
                format!(
                    "all containers of the engine together need {all} file descriptors; their limit is {}",
                    total.max_descriptors
                ),
            )),
            false => Ok(()),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.total.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.total
            .descriptors
            .fetch_sub(self.descriptors, Ordering::Relaxed);
    }
}

/// The exit status when memory runs out; with 0 Rust aborts the process.
static STATUS_WITHOUT_MEMORY: AtomicI32 = AtomicI32::new(0);

/// Makes the process exit with this status when memory runs out, instead of aborting. For a process that only
/// compiles, within limits that its parent has set.
#[unsafe(no_mangle)]
pub extern "C" fn tairitsu_bridge_exit_without_memory(status: i32) {
    STATUS_WITHOUT_MEMORY.store(status, Ordering::Relaxed);
}

#[cold]
fn without_memory() -> *mut u8 {
    let status = STATUS_WITHOUT_MEMORY.load(Ordering::Relaxed);
    if status != 0 {
        // SAFETY: this ends the process without running any of its code.
        unsafe { libc::_exit(status) };
    }
    null_mut()
}

/// The system's allocator, with a header for the account.
struct Accounting;

#[global_allocator]
static ALLOCATOR: Accounting = Accounting;

/// Returns the header's size, which keeps the block after it aligned.
const fn header(align: usize) -> usize {
    if align > 8 { align } else { 8 }
}

/// Returns the layout of the header and the block. A layout's size, rounded up to its alignment, is at most
/// `isize::MAX`, so that only the sum can be too large.
fn with_header(layout: Layout) -> Option<Layout> {
    let size = layout.size().checked_add(header(layout.align()))?;
    Layout::from_size_align(size, layout.align().max(8)).ok()
}

/// Returns what an allocation is charged: its size, the header, and about what the system's allocator adds.
const fn cost(size: usize) -> u64 {
    size as u64 + 24
}

/// Writes the header and charges the allocation.
///
/// # Safety
/// `whole` is null or the beginning of an allocation of `with_header(layout)`.
#[inline]
unsafe fn finish(whole: *mut u8, layout: Layout, ledger: *mut Ledger) -> *mut u8 {
    if whole.is_null() {
        return without_memory();
    }
    // SAFETY: the allocation begins with the header.
    let block = unsafe { whole.add(header(layout.align())) };
    if !ledger.is_null() {
        // SAFETY: a scope's ledger is live.
        let balance = unsafe { &(*ledger).balance };
        balance.fetch_add(cost(layout.size()), Ordering::Relaxed);
    }
    // SAFETY: as above; the alignment is at least a pointer's.
    unsafe { block.cast::<*mut Ledger>().sub(1).write(ledger) };
    block
}

// SAFETY: it forwards to the system's allocator, and hides the header from the caller.
unsafe impl GlobalAlloc for Accounting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(whole) = with_header(layout) else {
            return null_mut();
        };
        // SAFETY: the size is not zero.
        unsafe { finish(System.alloc(whole), layout, CURRENT.get()) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(whole) = with_header(layout) else {
            return null_mut();
        };
        // SAFETY: the size is not zero.
        unsafe { finish(System.alloc_zeroed(whole), layout, CURRENT.get()) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `finish` wrote the header.
        let ledger = unsafe { block.cast::<*mut Ledger>().sub(1).read() };
        let header = header(layout.align());
        // SAFETY: the block was allocated with this layout.
        unsafe {
            let whole =
                Layout::from_size_align_unchecked(layout.size() + header, layout.align().max(8));
            System.dealloc(block.sub(header), whole);
        }
        if !ledger.is_null() {
            // SAFETY: the ledger lives while anything is charged to it.
            unsafe { release(ledger, cost(layout.size())) };
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        let Some(new) = with_header(wanted) else {
            return null_mut();
        };
        // SAFETY: `finish` wrote the header.
        let ledger = unsafe { block.cast::<*mut Ledger>().sub(1).read() };
        let header = header(layout.align());
        // SAFETY: the block was allocated with this layout.
        let whole = unsafe {
            let old =
                Layout::from_size_align_unchecked(layout.size() + header, layout.align().max(8));
            System.realloc(block.sub(header), old, new.size())
        };
        // SAFETY: `whole` is null or has the new layout. The old charge is released after the new one is made, so
        // that the ledger stays alive.
        unsafe {
            let block = finish(whole, wanted, ledger);
            if !block.is_null() && !ledger.is_null() {
                release(ledger, cost(layout.size()));
            }
            block
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charges_allocations_of_a_scope_until_any_thread_frees_them() {
        let account = Account::new();
        let kept = {
            let _scope = Scope::enter(Some(&account));
            let mut kept = vec![1_u8; 100_000];
            kept.extend(vec![2_u8; 200_000]);
            kept
        };
        assert!(account.bytes() >= 300_000, "{}", account.bytes());
        let outside = vec![3_u8; 1 << 20];
        assert!(account.bytes() < 1 << 20);
        std::thread::spawn(move || drop(kept)).join().unwrap();
        drop(outside);
        assert_eq!(account.bytes(), 0);
    }

    #[test]
    fn charged_memory_outlives_its_account() {
        let account = Account::new();
        let scope = Scope::enter(Some(&account));
        let kept = vec![7_u64; 1000];
        drop(scope);
        drop(account);
        let grown: Vec<u64> = kept.into_iter().chain(0..1000).collect();
        assert_eq!(grown[999], 7);
    }

    #[test]
    fn supports_large_alignments() {
        #[repr(align(4096))]
        struct Page([u8; 4096]);
        let account = Account::new();
        let _scope = Scope::enter(Some(&account));
        // Without `black_box` the optimiser removes the allocation.
        let page = std::hint::black_box(Box::new(Page([9; 4096])));
        assert_eq!(&raw const *page as usize % 4096, 0);
        assert_eq!(page.0[4095], 9);
        assert!(account.bytes() >= 4096);
        drop(page);
        assert_eq!(account.bytes(), 0);
    }

    #[test]
    fn scopes_nest() {
        let (outer, inner) = (Account::new(), Account::new());
        let first = Scope::enter(Some(&outer));
        let second = Scope::enter(Some(&inner));
        let of_inner = vec![0_u8; 50_000];
        let third = Scope::enter(None);
        let unaccounted = vec![0_u8; 50_000];
        drop(third);
        drop(second);
        let of_outer = vec![0_u8; 10_000];
        drop(first);
        assert!(inner.bytes() >= 50_000 && inner.bytes() < 60_000);
        assert!(outer.bytes() >= 10_000 && outer.bytes() < 20_000);
        drop((of_inner, unaccounted, of_outer));
    }

    #[test]
    fn guests_share_a_total() {
        let total = Arc::new(Total::new(100, 3));
        let (mut a, mut b) = (Share::new(total.clone()), Share::new(total));
        assert!(a.set_bytes(60).is_ok());
        assert_eq!(b.set_bytes(60).unwrap_err().code(), Code::MemoryLimit);
        assert!(a.set_bytes(0).is_ok());
        assert!(b.set_bytes(80).is_ok());
        assert!(a.set_descriptors(3).is_ok());
        assert_eq!(
            b.set_descriptors(1).unwrap_err().code(),
            Code::DescriptorLimit
        );
        drop(b);
        assert!(a.set_descriptors(2).is_ok());
    }
}

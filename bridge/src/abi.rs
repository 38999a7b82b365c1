//! The structs of the hot path, which `include/tairitsu/abi.h` declares for C++ and documents.
//!
//! The C++ test `AbiLayout` compares sizes and offsets with [`tairitsu_bridge_abi_layout`].

use std::ffi::c_void;
use std::mem::{align_of, offset_of, size_of};
use wasmtime::ValRaw;
use wasmtime::component::ResourceAny;

/// One flat core value.
pub type Slot = ValRaw;

pub const PARAMETERS_USE_MEMORY: u32 = 1;
pub const RESULT_USES_MEMORY: u32 = 2;
pub const RESULT_HAS_HANDLES: u32 = 4;
pub const PARAMETERS_HAVE_HANDLES: u32 = 8;

#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum StringEncoding {
    Utf8 = 0,
    Utf16 = 1,
    Latin1OrUtf16 = 2,
}

pub const HOST_OWN: u32 = 0;
pub const HOST_BORROW: u32 = 1;
pub const GUEST_OWN: u32 = 2;
pub const GUEST_BORROW: u32 = 3;

/// A resource handle as plain bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Handle {
    pub kind: u32,
    pub rep: u32,
    pub resource_type: u32,
    pub reserved: u32,
    pub guest: [u64; 6],
}

const _: () = assert!(size_of::<ResourceAny>() <= size_of::<[u64; 6]>());
const _: () = assert!(align_of::<ResourceAny>() <= align_of::<u64>());
const _: () = assert!(size_of::<Slot>() == 16 && align_of::<Slot>() == 8);

impl Handle {
    pub fn host(rep: u32, resource_type: u32, owned: bool) -> Handle {
        Handle {
            kind: if owned { HOST_OWN } else { HOST_BORROW },
            rep,
            resource_type,
            reserved: 0,
            guest: [0; 6],
        }
    }

    pub fn guest(resource: ResourceAny) -> Handle {
        let mut handle = Handle {
            kind: if resource.owned() {
                GUEST_OWN
            } else {
                GUEST_BORROW
            },
            rep: 0,
            resource_type: 0,
            reserved: 0,
            guest: [0; 6],
        };
        // SAFETY: the words are as large and as aligned as ResourceAny (asserted above), which is
        // Copy and has no destructor.
        unsafe {
            handle
                .guest
                .as_mut_ptr()
                .cast::<ResourceAny>()
                .write(resource)
        };
        handle
    }

    /// # Safety
    /// The handle must come from [`Handle::guest`].
    pub unsafe fn as_guest(&self) -> ResourceAny {
        // SAFETY: the caller's promise.
        unsafe { self.guest.as_ptr().cast::<ResourceAny>().read() }
    }
}

#[repr(C)]
pub struct Lowering {
    pub context: *mut c_void,
    pub reallocate: unsafe extern "C" fn(*mut Lowering, usize, u32) -> usize,
    pub lower_handle: unsafe extern "C" fn(*mut Lowering, *const Handle, u32) -> u32,
    pub memory: *mut u8,
    pub encoding: StringEncoding,
}

#[repr(C)]
pub struct Lifting {
    pub memory: *const u8,
    pub memory_size: usize,
    pub handles: *const Handle,
    pub handle_count: usize,
    pub encoding: StringEncoding,
}

#[repr(C)]
pub struct Frame {
    pub lower: unsafe extern "C" fn(*mut Frame, *mut Lowering, *mut Slot) -> bool,
    pub lift: unsafe extern "C" fn(*mut Frame, *const Lifting, *const Slot) -> bool,
    pub flags: u32,
}

#[repr(C)]
pub struct HostResult {
    pub lower: unsafe extern "C" fn(*mut HostResult, *mut Lowering, *mut Slot, usize) -> bool,
    pub destroy: unsafe extern "C" fn(*mut HostResult),
}

#[repr(C)]
pub struct HostCall {
    pub context: *mut c_void,
    pub parameters: *const Slot,
    pub address: usize,
    pub lifting: Lifting,
    pub result: Slot,
    pub host_result: *mut HostResult,
}

pub type HostFunctionCallback = unsafe extern "C" fn(*mut c_void, *mut HostCall) -> bool;
pub type HostResourceDestructor = unsafe extern "C" fn(*mut c_void, u32, u32) -> bool;

/// Writes up to `capacity` sizes and offsets of the structs above, in the order that the C++ test
/// expects. Returns how many there are.
///
/// # Safety
/// `out` is valid for `capacity` writes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tairitsu_bridge_abi_layout(out: *mut usize, capacity: usize) -> usize {
    let layout = [
        size_of::<Slot>(),
        size_of::<Handle>(),
        offset_of!(Handle, rep),
        offset_of!(Handle, resource_type),
        offset_of!(Handle, guest),
        size_of::<Lowering>(),
        offset_of!(Lowering, reallocate),
        offset_of!(Lowering, lower_handle),
        offset_of!(Lowering, memory),
        offset_of!(Lowering, encoding),
        size_of::<Lifting>(),
        offset_of!(Lifting, memory_size),
        offset_of!(Lifting, handles),
        offset_of!(Lifting, handle_count),
        offset_of!(Lifting, encoding),
        size_of::<Frame>(),
        offset_of!(Frame, lift),
        offset_of!(Frame, flags),
        size_of::<HostResult>(),
        offset_of!(HostResult, destroy),
        size_of::<HostCall>(),
        offset_of!(HostCall, parameters),
        offset_of!(HostCall, address),
        offset_of!(HostCall, lifting),
        offset_of!(HostCall, result),
        offset_of!(HostCall, host_result),
    ];
    for (index, value) in layout.iter().take(capacity).enumerate() {
        // SAFETY: index < capacity, the caller's promise.
        unsafe { out.add(index).write(*value) };
    }
    layout.len()
}

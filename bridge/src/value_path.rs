//! The value path: passes values between C++ and a guest's memory without a Rust type for each.
//!
//! Wasmtime's typed calls are generic over types that lift and lower themselves. This file implements
//! those traits once, for types that only pass the caller's flat slots, the guest's memory and its
//! `realloc` to C++, which implements the canonical ABI. The traits' methods are not a stable interface
//! of Wasmtime, which is why its version is pinned exactly.
//!
//! Resource handles are the exception, because Wasmtime owns their tables. They are lifted here, in
//! the order of the values, before C++ lifts the values, and lowered here when C++ asks for it.

use crate::abi::{
    Frame, GUEST_BORROW, GUEST_OWN, HOST_BORROW, HOST_OWN, Handle, HostCall, HostFunctionCallback,
    HostResult, Lifting, Lowering, PARAMETERS_HAVE_HANDLES, PARAMETERS_USE_MEMORY,
    RESULT_HAS_HANDLES, RESULT_USES_MEMORY, Slot, StringEncoding,
};
use crate::error::{Code, Error, coded};
use std::cell::Cell;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wasmtime::component::__internal::{
    CanonicalAbiInfo, ComponentTypes, InstanceType, InterfaceType, LiftContext, LowerContext,
};
use wasmtime::component::{
    ComponentNamedList, ComponentType, Lift, Lower, ResourceAny, ResourceDynamic,
};
use wasmtime::{Result, ValRaw, bail};
use wasmtime_environ::component::{
    CanonicalOptions, CanonicalOptionsDataModel, StringEncoding as GuestEncoding,
};

// ---- Canonical options

/// Returns the encoding of strings; `None` if the function has no memory.
#[inline]
fn memory_encoding(options: &CanonicalOptions) -> Option<StringEncoding> {
    match options.data_model {
        CanonicalOptionsDataModel::LinearMemory(memory) => memory.memory?,
        CanonicalOptionsDataModel::Gc {} => return None,
    };
    Some(match options.string_encoding {
        GuestEncoding::Utf8 => StringEncoding::Utf8,
        GuestEncoding::Utf16 => StringEncoding::Utf16,
        GuestEncoding::CompactUtf16 => StringEncoding::Latin1OrUtf16,
    })
}

// ---- Lowering

/// A `Lowering`, followed by what its callbacks need. `abi` comes first: C++ holds a pointer to it.
#[repr(C)]
struct LoweringState {
    abi: Lowering,
    /// The parameters as a tuple, or the results; contains the types of handles.
    ty: InterfaceType,
    /// The handle types in `ty`, in depth-first order; filled on first use.
    handle_types: Option<Vec<InterfaceType>>,
    /// The error of a callback; takes precedence over what C++ reports.
    error: Option<wasmtime::Error>,
}

/// Lets C++ lower: `body` gets the `Lowering` and returns whether it succeeded.
fn lower<T: 'static>(
    cx: &mut LowerContext<'_, T>,
    ty: InterfaceType,
    with_memory: bool,
    body: impl FnOnce(*mut Lowering) -> bool,
) -> Result<()> {
    let mut memory = std::ptr::null_mut();
    let mut string_encoding = StringEncoding::Utf8;
    if with_memory && let Some(encoding) = memory_encoding(cx.options()) {
        string_encoding = encoding;
        memory = cx.as_slice_mut().as_mut_ptr();
    }
    let mut state = LoweringState {
        abi: Lowering {
            context: (&raw mut *cx).cast(),
            reallocate: reallocate::<T>,
            lower_handle: lower_handle::<T>,
            memory,
            encoding: string_encoding,
        },
        ty,
        handle_types: None,
        error: None,
    };
    let lowered = body((&raw mut state).cast());
    match (state.error, lowered) {
        (Some(error), _) => Err(error),
        (None, true) => Ok(()),
        (None, false) => Err(not_lowered()),
    }
}

/// Runs the body of a callback. Stores an error or a panic in the state, for `lower` to return.
///
/// # Safety
/// `lowering` is the pointer that `lower::<T>` passed to C++, and that call still runs.
unsafe fn in_lowering<T: 'static, R>(
    lowering: *mut Lowering,
    otherwise: R,
    body: impl FnOnce(&mut LowerContext<'_, T>, &mut LoweringState) -> Result<R>,
) -> R {
    // SAFETY: the caller's promise. While `lower` runs, the state and its context are only used
    // through this pointer.
    let state = unsafe { &mut *lowering.cast::<LoweringState>() };
    // SAFETY: as above; `lower::<T>` put a `LowerContext<T>` there.
    let cx = unsafe { &mut *state.abi.context.cast::<LowerContext<'_, T>>() };
    match catch_unwind(AssertUnwindSafe(|| body(cx, state))) {
        Ok(Ok(value)) => return value,
        Ok(Err(error)) => state.error = Some(error),
        Err(_) => state.error = Some(coded(Code::Internal, "the engine panicked while lowering")),
    }
    otherwise
}

unsafe extern "C" fn reallocate<T: 'static>(
    lowering: *mut Lowering,
    size: usize,
    align: u32,
) -> usize {
    // SAFETY: C++ calls this with the pointer that `lower` passed to it.
    unsafe {
        in_lowering::<T, usize>(lowering, usize::MAX, |cx, _| {
            cx.realloc(0, 0, align, size)
                .map_err(|error| match Error::find_code(&error) {
                    Some(_) => error,
                    // The guest did not trap: it returned an invalid pointer.
                    None => coded(Code::InvalidValue, format!("{error:#}")),
                })
        })
    }
}

unsafe extern "C" fn lower_handle<T: 'static>(
    lowering: *mut Lowering,
    handle: *const Handle,
    ordinal: u32,
) -> u32 {
    // SAFETY: C++ calls this with the pointer that `lower` passed to it.
    unsafe {
        in_lowering::<T, u32>(lowering, u32::MAX, |cx, state| {
            let types = state
                .handle_types
                .get_or_insert_with(|| handle_types(cx.types, state.ty));
            let Some(ty) = types.get(ordinal as usize).copied() else {
                bail!("handle {ordinal} is not in the function's type");
            };
            let mut slot = MaybeUninit::new([ValRaw::u32(0)]);
            // SAFETY: an array of one slot is that slot.
            let flat = &mut *slot.as_mut_ptr().cast::<MaybeUninit<ValRaw>>();
            // SAFETY: C++ passes a live handle.
            let handle = &*handle;
            match handle.kind {
                HOST_OWN => ResourceDynamic::new_own(handle.rep, handle.resource_type)
                    .linear_lower_to_flat(cx, ty, flat)?,
                HOST_BORROW => ResourceDynamic::new_borrow(handle.rep, handle.resource_type)
                    .linear_lower_to_flat(cx, ty, flat)?,
                // SAFETY: handles of these kinds come from `Handle::guest`.
                GUEST_OWN | GUEST_BORROW => handle.as_guest().linear_lower_to_flat(cx, ty, flat)?,
                kind => bail!("unknown kind of handle {kind}"),
            }
            // SAFETY: initialised above.
            Ok(slot.assume_init()[0].get_u32())
        })
    }
}

/// Returns the handle types in a type, in depth-first order.
fn handle_types(types: &ComponentTypes, ty: InterfaceType) -> Vec<InterfaceType> {
    fn walk(types: &ComponentTypes, ty: InterfaceType, out: &mut Vec<InterfaceType>) {
        match ty {
            InterfaceType::Own(_) | InterfaceType::Borrow(_) => out.push(ty),
            _ => for_each_child(types, ty, &mut |child| walk(types, child, out)),
        }
    }
    let mut out = Vec::new();
    walk(types, ty, &mut out);
    out
}

fn has_handles(types: &ComponentTypes, ty: InterfaceType) -> bool {
    match ty {
        InterfaceType::Own(_) | InterfaceType::Borrow(_) => true,
        _ => {
            let mut found = false;
            for_each_child(types, ty, &mut |child| {
                found = found || has_handles(types, child);
            });
            found
        }
    }
}

fn for_each_child(types: &ComponentTypes, ty: InterfaceType, visit: &mut dyn FnMut(InterfaceType)) {
    match ty {
        InterfaceType::Record(t) => types[t].fields.iter().for_each(|field| visit(field.ty)),
        InterfaceType::Tuple(t) => types[t].types.iter().for_each(|ty| visit(*ty)),
        InterfaceType::List(t) => visit(types[t].element),
        InterfaceType::Option(t) => visit(types[t].ty),
        InterfaceType::Variant(t) => types[t].cases.values().flatten().for_each(|ty| visit(*ty)),
        InterfaceType::Result(t) => {
            types[t].ok.into_iter().for_each(&mut *visit);
            types[t].err.into_iter().for_each(visit);
        }
        // Types that the value path does not support are refused when a function is bound.
        _ => {}
    }
}

// ---- Lifting handles

/// Lifts every handle in a value, in the order in which C++ encounters them when it lifts the value.
pub struct HandleLifter<'a, 'b> {
    cx: &'a mut LiftContext<'b>,
    handles: Vec<Handle>,
}

impl HandleLifter<'_, '_> {
    fn lift(&mut self, ty: InterfaceType, index: u32) -> Result<()> {
        let slot = ValRaw::u32(index);
        let of_host = ResourceDynamic::typecheck(&ty, &self.cx.instance_type()).is_ok();
        self.handles.push(if of_host {
            let resource = ResourceDynamic::linear_lift_from_flat(self.cx, ty, &slot)?;
            Handle::host(resource.rep(), resource.ty(), resource.owned())
        } else {
            Handle::guest(ResourceAny::linear_lift_from_flat(self.cx, ty, &slot)?)
        });
        Ok(())
    }

    /// Takes the value's slots from the front of `slots`.
    fn lift_flat(&mut self, ty: InterfaceType, slots: &mut &[ValRaw]) -> Result<()> {
        let types = self.cx.types;
        let count = usize::from(types.canonical_abi(&ty).flat_count.unwrap_or(u8::MAX));
        let Some((mut own, rest)) = slots.split_at_checked(count) else {
            bail!("a value has fewer flat slots than its type");
        };
        *slots = rest;
        match ty {
            InterfaceType::Own(_) | InterfaceType::Borrow(_) => self.lift(ty, own[0].get_u32())?,
            InterfaceType::Record(t) => {
                for field in types[t].fields.iter() {
                    self.lift_flat(field.ty, &mut own)?;
                }
            }
            InterfaceType::Tuple(t) => {
                for ty in types[t].types.iter() {
                    self.lift_flat(*ty, &mut own)?;
                }
            }
            InterfaceType::List(t) => {
                let (address, length) = (own[0].get_u32(), own[1].get_u32());
                self.list(types[t].element, address, length)?;
            }
            _ => {
                if let Some(payload) = payload(types, ty, || Ok(own[0].get_u32()))? {
                    self.lift_flat(payload, &mut &own[1..])?;
                }
            }
        }
        Ok(())
    }

    fn lift_memory(&mut self, ty: InterfaceType, address: usize) -> Result<()> {
        let types = self.cx.types;
        match ty {
            InterfaceType::Own(_) | InterfaceType::Borrow(_) => {
                let index = u32::from_le_bytes(self.bytes(address)?);
                self.lift(ty, index)?;
            }
            InterfaceType::Record(t) => {
                let mut offset = 0;
                for field in types[t].fields.iter() {
                    let at = types.canonical_abi(&field.ty).next_field32(&mut offset);
                    self.lift_memory(field.ty, address + at as usize)?;
                }
            }
            InterfaceType::Tuple(t) => {
                let mut offset = 0;
                for ty in types[t].types.iter() {
                    let at = types.canonical_abi(ty).next_field32(&mut offset);
                    self.lift_memory(*ty, address + at as usize)?;
                }
            }
            InterfaceType::List(t) => {
                let start = u32::from_le_bytes(self.bytes(address)?);
                let length = u32::from_le_bytes(self.bytes(address + 4)?);
                self.list(types[t].element, start, length)?;
            }
            InterfaceType::Variant(_) | InterfaceType::Option(_) | InterfaceType::Result(_) => {
                let (size, offset) = match ty {
                    InterfaceType::Variant(t) => {
                        (types[t].info.size, types[t].info.payload_offset32)
                    }
                    InterfaceType::Option(t) => {
                        (types[t].info.size, types[t].info.payload_offset32)
                    }
                    InterfaceType::Result(t) => {
                        (types[t].info.size, types[t].info.payload_offset32)
                    }
                    _ => unreachable!(),
                };
                let discriminant = || {
                    Ok(match usize::from(size) {
                        1 => u32::from(self.bytes::<1>(address)?[0]),
                        2 => u32::from(u16::from_le_bytes(self.bytes(address)?)),
                        _ => u32::from_le_bytes(self.bytes(address)?),
                    })
                };
                if let Some(payload) = payload(types, ty, discriminant)? {
                    self.lift_memory(payload, address + offset as usize)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn list(&mut self, element: InterfaceType, address: u32, length: u32) -> Result<()> {
        let types = self.cx.types;
        if !has_handles(types, element) {
            return Ok(());
        }
        let abi = types.canonical_abi(&element);
        let end = u64::from(address) + u64::from(length) * u64::from(abi.size32);
        if !address.is_multiple_of(abi.align32) || end > self.cx.memory().len() as u64 {
            return Err(invalid("list pointer/length out of bounds of memory"));
        }
        // A value can contain the same list many times, so walking an element counts as copying it.
        self.cx
            .consume_fuel_array(length as usize, abi.size32.max(1) as usize)
            .map_err(|error| coded(Code::CopyLimit, error.to_string()))?;
        for index in 0..length as usize {
            self.lift_memory(element, address as usize + index * abi.size32 as usize)?;
        }
        Ok(())
    }

    fn bytes<const N: usize>(&self, address: usize) -> Result<[u8; N]> {
        match self
            .cx
            .memory()
            .get(address..)
            .and_then(|bytes| bytes.first_chunk())
        {
            Some(bytes) => Ok(*bytes),
            None => Err(invalid("pointer out of bounds of memory")),
        }
    }
}

/// Returns the payload type of the case with this discriminant, if the payload contains handles.
fn payload(
    types: &ComponentTypes,
    ty: InterfaceType,
    discriminant: impl FnOnce() -> Result<u32>,
) -> Result<Option<InterfaceType>> {
    let case = match ty {
        InterfaceType::Variant(t) => {
            let discriminant = discriminant()?;
            types[t]
                .cases
                .get_index(discriminant as usize)
                .map(|(_, ty)| *ty)
        }
        InterfaceType::Option(t) => match discriminant()? {
            0 => Some(None),
            1 => Some(Some(types[t].ty)),
            _ => None,
        },
        InterfaceType::Result(t) => match discriminant()? {
            0 => Some(types[t].ok),
            1 => Some(types[t].err),
            _ => None,
        },
        _ => Some(None),
    };
    match case {
        Some(payload) => Ok(payload.filter(|ty| has_handles(types, *ty))),
        None => Err(invalid("unexpected discriminant")),
    }
}

// ---- A call into a guest

thread_local! {
    /// The frame of the innermost call on this thread. `Lift` has no other access to it.
    static FRAME: Cell<*mut Frame> = const { Cell::new(std::ptr::null_mut()) };
}

/// Makes a frame the thread's innermost until this is dropped.
pub struct FrameScope {
    previous: *mut Frame,
}

impl FrameScope {
    pub fn enter(frame: *mut Frame) -> FrameScope {
        FrameScope {
            previous: FRAME.replace(frame),
        }
    }
}

impl Drop for FrameScope {
    fn drop(&mut self) {
        FRAME.set(self.previous);
    }
}

/// Returns whether a call needs the guest's memory or handle tables to lower its parameters or lift
/// its result. Calls with only scalars do not, so Wasmtime's contexts are never set up for them.
pub fn needs_context(flags: u32) -> bool {
    flags
        & (PARAMETERS_USE_MEMORY
            | PARAMETERS_HAVE_HANDLES
            | RESULT_USES_MEMORY
            | RESULT_HAS_HANDLES)
        != 0
}

/// The parameters of a call into a guest, which C++ lowers. `CONTEXT` is [`needs_context`] of the frame.
pub struct Parameters<const CONTEXT: bool>(pub *mut Frame);

// SAFETY: the frame is only used during the call that it was created for, by the thread that polls it.
unsafe impl<const CONTEXT: bool> Send for Parameters<CONTEXT> {}
// SAFETY: as above.
unsafe impl<const CONTEXT: bool> Sync for Parameters<CONTEXT> {}

// SAFETY: parameters take at most 16 slots, and C++ fills those that the function has; its signature
// was checked against the component's when the function was bound.
unsafe impl<const CONTEXT: bool> ComponentType for Parameters<CONTEXT> {
    type Lower = [ValRaw; 16];
    const ABI: CanonicalAbiInfo = CanonicalAbiInfo::SCALAR4;
    fn typecheck(_: &InterfaceType, _: &InstanceType<'_>) -> Result<()> {
        Ok(())
    }
}

// SAFETY: see ComponentType above.
unsafe impl<const CONTEXT: bool> ComponentNamedList for Parameters<CONTEXT> {}

// SAFETY: see ComponentType above.
unsafe impl<const CONTEXT: bool> Lower for Parameters<CONTEXT> {
    #[inline]
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        slots: &mut MaybeUninit<Self::Lower>,
    ) -> Result<()> {
        // SAFETY: C++ keeps the frame alive for the call.
        let (flags, callback) = unsafe { ((*self.0).flags, (*self.0).lower) };
        if CONTEXT {
            lower(cx, ty, flags & PARAMETERS_USE_MEMORY != 0, |lowering| {
                // SAFETY: frame, lowering and slots are live during this call.
                unsafe { callback(self.0, lowering, slots.as_mut_ptr().cast()) }
            })
        } else {
            let mut nothing = Lowering {
                context: std::ptr::null_mut(),
                reallocate: no_memory,
                lower_handle: no_handles,
                memory: std::ptr::null_mut(),
                encoding: StringEncoding::Utf8,
            };
            // SAFETY: as above.
            if unsafe { callback(self.0, &mut nothing, slots.as_mut_ptr().cast()) } {
                Ok(())
            } else {
                Err(not_lowered())
            }
        }
    }

    fn linear_lower_to_memory<T>(
        &self,
        _: &mut LowerContext<'_, T>,
        _: InterfaceType,
        _: usize,
    ) -> Result<()> {
        bail!("parameters are lowered flat: C++ stores them in memory")
    }
}

unsafe extern "C" fn no_memory(_: *mut Lowering, _: usize, _: u32) -> usize {
    usize::MAX
}

unsafe extern "C" fn no_handles(_: *mut Lowering, _: *const Handle, _: u32) -> u32 {
    u32::MAX
}

#[cold]
fn invalid(message: &str) -> wasmtime::Error {
    coded(Code::InvalidValue, message)
}

#[cold]
fn not_lowered() -> wasmtime::Error {
    coded(Code::InvalidValue, "lowering a value failed")
}

#[cold]
fn not_lifted() -> wasmtime::Error {
    coded(Code::InvalidValue, "lifting the result failed")
}

/// The result of a call into a guest, which C++ lifts into its frame. `CONTEXT` as for [`Parameters`].
pub struct Return<const CONTEXT: bool>;

// SAFETY: a result takes at most one flat slot: a scalar, or the address of the result in memory.
unsafe impl<const CONTEXT: bool> ComponentType for Return<CONTEXT> {
    type Lower = [ValRaw; 1];
    const ABI: CanonicalAbiInfo = CanonicalAbiInfo::SCALAR4;
    fn typecheck(_: &InterfaceType, _: &InstanceType<'_>) -> Result<()> {
        Ok(())
    }
}

// SAFETY: see ComponentType above.
unsafe impl<const CONTEXT: bool> ComponentNamedList for Return<CONTEXT> {}

// SAFETY: see ComponentType above.
unsafe impl<const CONTEXT: bool> Lift for Return<CONTEXT> {
    #[inline]
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        slots: &Self::Lower,
    ) -> Result<Self> {
        let frame = FRAME.get();
        let lifted = if CONTEXT {
            lift_result(cx, ty, slots, frame)?
        } else {
            let nothing = Lifting {
                memory: std::ptr::null(),
                memory_size: 0,
                handles: std::ptr::null(),
                handle_count: 0,
                encoding: StringEncoding::Utf8,
            };
            // SAFETY: this runs within a call, whose frame is the thread's innermost and kept alive by
            // C++; lifting and slots are live during this call.
            unsafe { ((*frame).lift)(frame, &nothing, slots.as_ptr()) }
        };
        if lifted {
            Ok(Return)
        } else {
            Err(not_lifted())
        }
    }

    fn linear_lift_from_memory(
        _: &mut LiftContext<'_>,
        _: InterfaceType,
        _: &[u8],
    ) -> Result<Self> {
        bail!("results are lifted flat: C++ reads them from memory")
    }
}

/// Lets C++ lift a result that needs the guest's memory or handles.
fn lift_result(
    cx: &mut LiftContext<'_>,
    ty: InterfaceType,
    slots: &[ValRaw; 1],
    frame: *mut Frame,
) -> Result<bool> {
    // SAFETY: this runs within a call, whose frame is the thread's innermost and kept alive by C++.
    let (flags, callback) = unsafe { ((*frame).flags, (*frame).lift) };
    let mut handles = Vec::new();
    if flags & RESULT_HAS_HANDLES != 0 {
        handles = result_handles(cx, ty, slots, flags)?;
    }
    let mut lifting = Lifting {
        memory: std::ptr::null(),
        memory_size: 0,
        handles: handles.as_ptr(),
        handle_count: handles.len(),
        encoding: StringEncoding::Utf8,
    };
    if flags & RESULT_USES_MEMORY != 0
        && let Some(encoding) = memory_encoding(cx.options())
    {
        let memory = cx.memory();
        lifting.memory = memory.as_ptr();
        lifting.memory_size = memory.len();
        lifting.encoding = encoding;
    }
    // SAFETY: frame, lifting and slots are live during this call.
    Ok(unsafe { callback(frame, &lifting, slots.as_ptr()) })
}

#[cold]
fn result_handles(
    cx: &mut LiftContext<'_>,
    ty: InterfaceType,
    slots: &[ValRaw],
    flags: u32,
) -> Result<Vec<Handle>> {
    let in_memory = cx.types.canonical_abi(&ty).flat_count(1).is_none();
    debug_assert!(!in_memory || flags & RESULT_USES_MEMORY != 0);
    let mut lifter = HandleLifter {
        cx,
        handles: Vec::new(),
    };
    if in_memory {
        lifter.lift_memory(ty, slots[0].get_u32() as usize)?;
    } else {
        lifter.lift_flat(ty, &mut &slots[..])?;
    }
    Ok(lifter.handles)
}

// ---- A call to a host function

/// The parameters of a host function, flat or in memory, in the form that C++ reads.
pub trait HostParameters: ComponentNamedList + Lift + 'static {
    /// Returns the flat slots, or null and the address in memory.
    fn view(&self) -> (*const Slot, usize, Lifting);
}

/// What C++ needs from the guest to lift parameters. No guest code runs until the host function
/// returns, so memory neither moves nor changes.
pub trait GuestView: Send + Sync + Sized + 'static {
    const HANDLES: bool;
    /// `lift` lifts the parameters' handles.
    fn new<'a, 'b>(
        cx: &'a mut LiftContext<'b>,
        lift: impl FnOnce(&mut HandleLifter<'a, 'b>) -> Result<()>,
    ) -> Result<Self>;
    fn lifting(&self) -> Lifting;
}

/// Scalars need nothing.
pub struct NoView;

/// Strings and lists need the guest's memory.
pub struct MemoryView {
    memory: *const u8,
    memory_size: usize,
    encoding: StringEncoding,
}

/// Resources need the guest's handles, and perhaps its memory.
pub struct HandlesView {
    memory: MemoryView,
    handles: Vec<Handle>,
}

// SAFETY: only used during the call that it was created for.
unsafe impl Send for MemoryView {}
// SAFETY: as above.
unsafe impl Sync for MemoryView {}
// SAFETY: as above.
unsafe impl Send for HandlesView {}
// SAFETY: as above.
unsafe impl Sync for HandlesView {}

impl GuestView for NoView {
    const HANDLES: bool = false;

    #[inline]
    fn new<'a, 'b>(
        _: &'a mut LiftContext<'b>,
        _: impl FnOnce(&mut HandleLifter<'a, 'b>) -> Result<()>,
    ) -> Result<Self> {
        Ok(NoView)
    }

    #[inline]
    fn lifting(&self) -> Lifting {
        Lifting {
            memory: std::ptr::null(),
            memory_size: 0,
            handles: std::ptr::null(),
            handle_count: 0,
            encoding: StringEncoding::Utf8,
        }
    }
}

impl MemoryView {
    #[inline]
    fn of(cx: &LiftContext<'_>) -> MemoryView {
        let Some(encoding) = memory_encoding(cx.options()) else {
            return MemoryView {
                memory: std::ptr::null(),
                memory_size: 0,
                encoding: StringEncoding::Utf8,
            };
        };
        let memory = cx.memory();
        MemoryView {
            memory: memory.as_ptr(),
            memory_size: memory.len(),
            encoding,
        }
    }
}

impl GuestView for MemoryView {
    const HANDLES: bool = false;

    #[inline]
    fn new<'a, 'b>(
        cx: &'a mut LiftContext<'b>,
        _: impl FnOnce(&mut HandleLifter<'a, 'b>) -> Result<()>,
    ) -> Result<Self> {
        Ok(MemoryView::of(cx))
    }

    #[inline]
    fn lifting(&self) -> Lifting {
        Lifting {
            memory: self.memory,
            memory_size: self.memory_size,
            encoding: self.encoding,
            ..NoView.lifting()
        }
    }
}

impl GuestView for HandlesView {
    const HANDLES: bool = true;

    fn new<'a, 'b>(
        cx: &'a mut LiftContext<'b>,
        lift: impl FnOnce(&mut HandleLifter<'a, 'b>) -> Result<()>,
    ) -> Result<Self> {
        let memory = MemoryView::of(cx);
        let mut lifter = HandleLifter {
            cx,
            handles: Vec::new(),
        };
        lift(&mut lifter)?;
        Ok(HandlesView {
            memory,
            handles: lifter.handles,
        })
    }

    fn lifting(&self) -> Lifting {
        Lifting {
            handles: self.handles.as_ptr(),
            handle_count: self.handles.len(),
            ..self.memory.lifting()
        }
    }
}

/// Parameters in `N` flat slots.
pub struct FlatParameters<const N: usize, G> {
    slots: [ValRaw; N],
    guest: G,
}

// SAFETY: `typecheck` only admits functions whose parameters take N slots.
unsafe impl<const N: usize, G: GuestView> ComponentType for FlatParameters<N, G> {
    type Lower = [ValRaw; N];
    const ABI: CanonicalAbiInfo = CanonicalAbiInfo::SCALAR4;
    fn typecheck(ty: &InterfaceType, instance: &InstanceType<'_>) -> Result<()> {
        let count = instance.types.canonical_abi(ty).flat_count(16);
        if count != Some(N) {
            bail!("the parameters take {count:?} flat slots, not {N}");
        }
        check_handles(ty, instance, G::HANDLES)
    }
}

// SAFETY: see ComponentType above.
unsafe impl<const N: usize, G: GuestView> ComponentNamedList for FlatParameters<N, G> {}

// SAFETY: see ComponentType above.
unsafe impl<const N: usize, G: GuestView> Lift for FlatParameters<N, G> {
    #[inline]
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        slots: &Self::Lower,
    ) -> Result<Self> {
        Ok(FlatParameters {
            slots: *slots,
            guest: G::new(cx, |lifter| lifter.lift_flat(ty, &mut &slots[..]))?,
        })
    }

    fn linear_lift_from_memory(
        _: &mut LiftContext<'_>,
        _: InterfaceType,
        _: &[u8],
    ) -> Result<Self> {
        bail!("these parameters are flat")
    }
}

impl<const N: usize, G: GuestView> HostParameters for FlatParameters<N, G> {
    #[inline]
    fn view(&self) -> (*const Slot, usize, Lifting) {
        (self.slots.as_ptr(), 0, self.guest.lifting())
    }
}

/// Parameters with more than 16 flat slots, as a tuple in memory.
pub struct MemoryParameters<G> {
    address: usize,
    guest: G,
}

// SAFETY: `typecheck` only admits functions whose parameters are in memory, and Wasmtime has checked
// the tuple's bounds and alignment by the component's type.
unsafe impl<G: GuestView> ComponentType for MemoryParameters<G> {
    type Lower = [ValRaw; 1];
    const ABI: CanonicalAbiInfo = CanonicalAbiInfo::SCALAR4;
    fn typecheck(ty: &InterfaceType, instance: &InstanceType<'_>) -> Result<()> {
        if let Some(count) = instance.types.canonical_abi(ty).flat_count(16) {
            bail!("the parameters take {count} flat slots and are not in memory");
        }
        check_handles(ty, instance, G::HANDLES)
    }
}

// SAFETY: see ComponentType above.
unsafe impl<G: GuestView> ComponentNamedList for MemoryParameters<G> {}

// SAFETY: see ComponentType above.
unsafe impl<G: GuestView> Lift for MemoryParameters<G> {
    fn linear_lift_from_flat(
        _: &mut LiftContext<'_>,
        _: InterfaceType,
        _: &Self::Lower,
    ) -> Result<Self> {
        bail!("these parameters are in memory")
    }

    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> Result<Self> {
        let address = bytes.as_ptr() as usize - cx.memory().as_ptr() as usize;
        Ok(MemoryParameters {
            address,
            guest: G::new(cx, |lifter| lifter.lift_memory(ty, address))?,
        })
    }
}

impl<G: GuestView> HostParameters for MemoryParameters<G> {
    fn view(&self) -> (*const Slot, usize, Lifting) {
        (std::ptr::null(), self.address, self.guest.lifting())
    }
}

fn check_handles(ty: &InterfaceType, instance: &InstanceType<'_>, expected: bool) -> Result<()> {
    if has_handles(instance.types, *ty) != expected {
        bail!("whether the function has handles differs from its definition");
    }
    Ok(())
}

/// A host function's result in `N` flat slots (0 or 1), or in memory.
pub struct HostReturn<const N: usize> {
    slot: Slot,
    result: *mut HostResult,
}

// SAFETY: only used during the call that it was created for.
unsafe impl<const N: usize> Send for HostReturn<N> {}
// SAFETY: as above.
unsafe impl<const N: usize> Sync for HostReturn<N> {}

impl<const N: usize> Drop for HostReturn<N> {
    fn drop(&mut self) {
        if !self.result.is_null() {
            // SAFETY: C++ created it for this call, and it is only destroyed here.
            unsafe { ((*self.result).destroy)(self.result) }
        }
    }
}

// SAFETY: `typecheck` only admits functions whose result takes N slots, or is in memory if N is 1.
unsafe impl<const N: usize> ComponentType for HostReturn<N> {
    type Lower = [ValRaw; N];
    const ABI: CanonicalAbiInfo = CanonicalAbiInfo::SCALAR4;
    fn typecheck(ty: &InterfaceType, instance: &InstanceType<'_>) -> Result<()> {
        let count = instance.types.canonical_abi(ty).flat_count(1);
        if count.unwrap_or(1) != N {
            bail!("the result takes {count:?} flat slots, not {N}");
        }
        Ok(())
    }
}

// SAFETY: see ComponentType above.
unsafe impl<const N: usize> ComponentNamedList for HostReturn<N> {}

// SAFETY: see ComponentType above.
unsafe impl<const N: usize> Lower for HostReturn<N> {
    #[inline]
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        slots: &mut MaybeUninit<Self::Lower>,
    ) -> Result<()> {
        if !self.result.is_null() {
            return self.lower(cx, ty, slots.as_mut_ptr().cast(), 0);
        }
        slots.write([self.slot; N]);
        Ok(())
    }

    fn linear_lower_to_memory<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        address: usize,
    ) -> Result<()> {
        if self.result.is_null() {
            bail!("a host function returned no result");
        }
        self.lower(cx, ty, std::ptr::null_mut(), address)
    }
}

impl<const N: usize> HostReturn<N> {
    fn lower<T: 'static>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        slot: *mut Slot,
        address: usize,
    ) -> Result<()> {
        lower(cx, ty, true, |lowering| {
            // SAFETY: the result lives until `self` is dropped, the rest during this call.
            unsafe { ((*self.result).lower)(self.result, lowering, slot, address) }
        })
    }
}

/// A host function of C++.
pub struct HostFunction {
    pub callback: HostFunctionCallback,
    pub data: *mut c_void,
}

// SAFETY: C++ promises that a host function may be called on any thread.
unsafe impl Send for HostFunction {}
// SAFETY: as above.
unsafe impl Sync for HostFunction {}

impl HostFunction {
    #[inline]
    pub fn call<P: HostParameters, const N: usize>(
        &self,
        context: *mut c_void,
        parameters: P,
    ) -> Result<HostReturn<N>> {
        let (slots, address, lifting) = parameters.view();
        let mut call = HostCall {
            context,
            parameters: slots,
            address,
            lifting,
            result: ValRaw::u64(0),
            host_result: std::ptr::null_mut(),
        };
        // SAFETY: `call` and everything it points at live until the callback returns.
        let succeeded = unsafe { (self.callback)(self.data, &mut call) };
        let value = HostReturn {
            slot: call.result,
            result: call.host_result,
        };
        if succeeded {
            Ok(value)
        } else {
            Err(coded(Code::HostFunction, "a host function failed"))
        }
    }
}

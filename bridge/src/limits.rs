//! Enforces a store's limits on memory, tables and instances.

use crate::account::{Account, FREE_BYTES, Share};
use crate::error::{Code, coded};
use std::sync::Arc;
use wasmtime::ResourceLimiter;

/// The limits of a store, and how much the guest uses.
pub struct Limits {
    max_memory_bytes: u64,
    max_table_elements: u64,
    max_instances: usize,
    memory_bytes: u64,
    table_elements: u64,
    /// How much the last growth of a memory added; subtracted again if that growth fails.
    grown_bytes: u64,
    /// Whether the limit stopped a memory from growing. Wasmtime reports this for the GC heap as a full heap.
    refused: bool,
    /// Heap memory allocated for the guest; `None` if it is not limited.
    account: Option<Arc<Account>>,
    share: Share,
}

impl Limits {
    pub fn new(
        max_memory_bytes: u64,
        max_table_elements: u64,
        max_instances: usize,
        account: Option<Arc<Account>>,
        share: Share,
    ) -> Limits {
        Limits {
            max_memory_bytes,
            max_table_elements,
            max_instances,
            memory_bytes: 0,
            table_elements: 0,
            grown_bytes: 0,
            refused: false,
            account,
            share,
        }
    }

    pub fn account(&self) -> Option<&Arc<Account>> {
        self.account.as_ref()
    }

    pub fn max_instances(&self) -> usize {
        self.max_instances
    }

    /// Bytes of linear memory that the guest has.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// Whether the limit stopped a memory from growing.
    pub fn was_refused(&self) -> bool {
        self.refused
    }

    /// Bytes that count towards the limit: linear memories, and heap memory beyond the free allowance.
    fn used(&self) -> u64 {
        let heap = self.account.as_ref().map_or(0, |account| account.bytes());
        self.memory_bytes + heap.saturating_sub(FREE_BYTES)
    }

    /// Fails with `MemoryLimit` if `more` bytes would exceed the guest's limit or the engine's.
    pub fn check_with(&mut self, more: u64) -> wasmtime::Result<()> {
        let total = self.used().saturating_add(more);
        if total > self.max_memory_bytes {
            return Err(coded(
                Code::MemoryLimit,
                format!(
                    "the guest asked for {total} bytes of memory; its limit is {}",
                    self.max_memory_bytes
                ),
            ));
        }
        if self.share.has_max_bytes() && self.share.differs(total) {
            self.share
                .set_bytes(total)
                .map_err(|error| coded(error.code(), error.message()))?;
        }
        Ok(())
    }

    pub fn check(&mut self) -> wasmtime::Result<()> {
        self.check_with(0)
    }
}

/// The size of a table element.
const TABLE_ELEMENT_BYTES: u64 = 8;

/// Whether Wasmtime will refuse the growth anyway, without using any memory.
fn is_past(maximum: Option<usize>, desired: usize) -> bool {
    maximum.is_some_and(|maximum| desired > maximum)
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.grown_bytes = 0;
        if is_past(maximum, desired) {
            return Ok(true);
        }
        let more = (desired - current) as u64;
        self.refused = true;
        self.check_with(more)?;
        self.refused = false;
        self.grown_bytes = more;
        self.memory_bytes += more;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory_bytes -= std::mem::take(&mut self.grown_bytes);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Returning an error below traps the guest; this failure does not.
        if is_past(maximum, desired) {
            return Ok(true);
        }
        let total = self
            .table_elements
            .saturating_add((desired - current) as u64);
        if total > self.max_table_elements {
            return Err(coded(
                Code::TableLimit,
                format!(
                    "the guest asked for {total} table elements; its limit is {}",
                    self.max_table_elements
                ),
            ));
        }
        // Tables are on the heap and charged there, unless they come from a pool, which bounds them.
        self.check_with((desired - current) as u64 * TABLE_ELEMENT_BYTES)?;
        self.table_elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.max_instances
    }

    fn memories(&self) -> usize {
        self.max_instances
    }

    fn tables(&self) -> usize {
        self.max_instances
    }
}

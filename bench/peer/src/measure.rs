//! Calibrated timing: finds how many calls fill a batch, then takes the median of the batches.

use std::time::{Duration, Instant};

use wasmtime::Result;

/// Enough that each batch is shorter than a scheduler time slice: on a busy machine most batches are
/// then not interrupted, and the median is one of them.
const BATCHES: u32 = 101;

/// Returns the median time of one call of `f` in nanoseconds, over batches that take `time` in total.
pub fn per_call(time: Duration, mut f: impl FnMut() -> Result<()>) -> Result<f64> {
    per_item(time, |n| {
        for _ in 0..n {
            f()?;
        }
        Ok(())
    })
}

/// Like `per_call`, for work that loops: `f(n)` repeats it `n` times.
pub fn per_item(time: Duration, mut f: impl FnMut(u32) -> Result<()>) -> Result<f64> {
    let batch_time = time / BATCHES;
    // Doubling until a batch takes long enough also warms everything up.
    let mut n = 1u32;
    loop {
        let start = Instant::now();
        f(n)?;
        let took = start.elapsed();
        if took >= batch_time || n > u32::MAX / 2 {
            break;
        }
        if took >= batch_time / 4 {
            let scale = batch_time.as_secs_f64() / took.as_secs_f64();
            n = ((f64::from(n) * scale) as u32).max(n);
            break;
        }
        n *= 2;
    }
    let mut batches = Vec::new();
    for _ in 0..BATCHES {
        let start = Instant::now();
        f(n)?;
        batches.push(start.elapsed().as_nanos() as f64 / f64::from(n));
    }
    batches.sort_by(f64::total_cmp);
    Ok(batches[batches.len() / 2])
}

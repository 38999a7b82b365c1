//! Calibrated timing: how many calls fill a batch is found first, then the batches' median counts.

use std::time::{Duration, Instant};

use wasmtime::Result;

/// Many, so that each is shorter than a time slice: on a busy machine most are not interrupted, and
/// the median is one of those.
const BATCHES: u32 = 101;

/// The median time of one call of `f`, in nanoseconds, over batches that take `time` in all.
pub fn per_call(time: Duration, mut f: impl FnMut() -> Result<()>) -> Result<f64> {
    per_item(time, |n| {
        for _ in 0..n {
            f()?;
        }
        Ok(())
    })
}

/// The same for work that repeats itself: `f(n)` does it n times.
pub fn per_item(time: Duration, mut f: impl FnMut(u32) -> Result<()>) -> Result<f64> {
    let batch_time = time / BATCHES;
    // Doubling until one batch takes long enough warms everything up as well.
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

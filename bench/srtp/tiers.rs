//! No tier is slower than a lower one.

use std::error::Error;

use crate::measure::Shape;
use crate::report::Report;

/// What a tier may lose to a lower one: what the minimum of many passes still wavers by.
const ALLOWED: f64 = 1.1;

/// Fails if a tier takes more than a tenth longer than a lower one for any shape.
pub(crate) fn check(report: &Report<'_>) -> Result<(), Box<dyn Error>> {
    let mut lost = 0;
    for timing in report.timings {
        let ours = timing.passes.minimum();
        let lower = report
            .timings
            .iter()
            .filter(|other| other.shape == timing.shape && other.peer < timing.peer);
        let Some(best) = lower.min_by(|a, b| a.passes.minimum().total_cmp(&b.passes.minimum()))
        else {
            continue;
        };
        let theirs = best.passes.minimum();
        if ours > ALLOWED * theirs {
            lost += 1;
            let Shape {
                profile,
                kind,
                size,
                operation,
                mode,
            } = timing.shape;
            println!(
                "{} takes {ours:.1} ns, {} {theirs:.1}: {}, {kind:?}, {size} B, {}, {}",
                report.peers[timing.peer].name(),
                report.peers[best.peer].name(),
                profile.name(),
                operation.name(),
                mode.name(),
            );
        }
    }
    if lost > 0 {
        return Err(format!("{lost} shapes where a tier is slower than a lower one").into());
    }
    println!("no tier is slower than a lower one");
    Ok(())
}

//! The table for people and the rows for machines.

use std::fs::File;
use std::io::{self, Write};

use serde_json::json;

use crate::measure::{Task, Timing};

pub(crate) fn print(timings: &[Timing]) {
    println!(
        "Binding requests of 100 bytes, one core (ns a request; ratio to the fastest other, by the minimum)\n"
    );
    println!(
        "{:<18} {:<8} {:>8} {:>8} {:>6} {:>12}",
        "implementation", "task", "minimum", "median", "ratio", "allocations"
    );
    for timing in timings {
        println!(
            "{:<18} {:<8} {:>8.0} {:>8.0} {:>6} {:>12.1}",
            timing.name,
            timing.task.name(),
            timing.nanoseconds.minimum(),
            timing.nanoseconds.median(),
            ratio(timing, timings).map_or("-".into(), |ratio| format!("{ratio:.2}")),
            timing.allocations,
        );
    }
}

pub(crate) fn write_json(path: &str, timings: &[Timing]) -> io::Result<()> {
    let mut file = File::create(path)?;
    for timing in timings {
        let row = json!({
            "bench": "stun", "impl": timing.name, "task": timing.task.name(),
            "ns": timing.nanoseconds.minimum(), "ns_median": timing.nanoseconds.median(),
            "allocations": timing.allocations, "ratio": ratio(timing, timings),
        });
        writeln!(file, "{row}")?;
    }
    Ok(())
}

/// The time as a share of that of the fastest implementation that is not ours.
fn ratio(timing: &Timing, timings: &[Timing]) -> Option<f64> {
    Some(timing.nanoseconds.minimum() / fastest_other(timing.task, timings)?)
}

fn fastest_other(task: Task, timings: &[Timing]) -> Option<f64> {
    let others = timings
        .iter()
        .filter(|t| t.task == task && !t.name.starts_with("portcullis"));
    others
        .map(|t| t.nanoseconds.minimum())
        .min_by(f64::total_cmp)
}

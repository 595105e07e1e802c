//! Every target on its corpus and on seeded random inputs.

use std::hint::black_box;
use std::panic::catch_unwind;

#[test]
fn targets_hold_on_seeded_inputs() {
    for &(name, target) in fuzz::TARGETS {
        fuzz::campaign::run(name, target);
    }
}

/// Each target has a program for libFuzzer, and the other way round.
#[test]
fn every_target_has_its_program() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz_targets");
    let mut programs: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path())
        .map(|path| path.file_stem().expect("a name").display().to_string())
        .collect();
    programs.sort();
    let mut names: Vec<&str> = fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(programs, names);
}

/// T-API-06: arithmetic that overflows panics, and debug assertions are looked at, in whatever the targets are built with. Without
/// that a campaign finds less: `cargo test --profile campaign` is the fast build that has it.
#[test]
fn t_api_06_overflow_and_debug_assertions_are_checked() {
    assert!(catch_unwind(|| black_box(u8::MAX) + black_box(1)).is_err());
    assert!(catch_unwind(|| black_box(0_usize) - black_box(1)).is_err());
    assert!(catch_unwind(|| debug_assert!(black_box(false))).is_err());
}
